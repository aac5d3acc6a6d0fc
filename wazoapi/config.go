package wazoapi

import (
	"net"
	"net/http"
	"time"
)

// Config says where a Wazo server is and how long it may take.
type Config struct {
	// URL is https://HOST, optionally with a port. http is allowed for
	// loopback hosts only, because passwords and tokens go over it.
	URL string
	// CAFile is a PEM file with certificates that are trusted beside the
	// system's roots. As authorities, they vouch for certificates that name the
	// host of URL. A server that presents a certificate of the file itself, or
	// one with the same public key, is accepted whatever that certificate names
	// and whoever signed it, as long as it is valid now: a new Wazo has a
	// certificate without its name (docs/wazo.md, "TLS certificates"). Public
	// keys in the file (blocks PUBLIC KEY) count in the same way.
	// "" means the system's roots only.
	CAFile string
	// UserAgent is shown in Wazo's session lists; default "wazo-matrix-relay".
	UserAgent string
	// Transport, if it is set, is put around what makes the requests, for
	// example to count them.
	Transport func(http.RoundTripper) http.RoundTripper
	// Connection, if it is set, is put around each connection to the server.
	Connection func(net.Conn) net.Conn
	// Timeout limits each request except those of PostTimeout; default 30 s.
	Timeout time.Duration
	// PostTimeout limits posting a message or creating a room, which take
	// seconds in long rooms (docs/wazo.md, "Cost of requests"); default 90 s.
	PostTimeout time.Duration
	// TokenLife is the life asked for when logging in, in whole seconds;
	// default 12 h. A token is renewed when a sixth of its life is left.
	TokenLife time.Duration
	// Stream tunes Account.Listen; its zero value has sensible defaults.
	Stream StreamConfig
}

// StreamConfig holds the timings of the event stream.
type StreamConfig struct {
	PingInterval   time.Duration // between two application pings, and token checks; default 30 s
	PongTimeout    time.Duration // how long a silent server is believed to be alive; default 20 s
	ConnectTimeout time.Duration // for the upgrade, and again for the acknowledged start; default 30 s
	BackoffMin     time.Duration // longest pause before the first reconnection; default 1 s
	BackoffMax     time.Duration // longest pause of all; a connection that lives longer resets the growth; default 15 s
	QueueLength    int           // events that may wait for the handler; default 4096
	PluginInterval time.Duration // how often it is asked whether the plugin is there, see PluginHandler; default 5 min
}

func (cfg Config) withDefaults() Config {
	setDefault(&cfg.UserAgent, "wazo-matrix-relay")
	setDefault(&cfg.Timeout, 30*time.Second)
	setDefault(&cfg.PostTimeout, 90*time.Second)
	setDefault(&cfg.TokenLife, 12*time.Hour)
	setDefault(&cfg.Stream.PingInterval, 30*time.Second)
	setDefault(&cfg.Stream.PongTimeout, 20*time.Second)
	setDefault(&cfg.Stream.ConnectTimeout, 30*time.Second)
	setDefault(&cfg.Stream.BackoffMin, time.Second)
	setDefault(&cfg.Stream.BackoffMax, 15*time.Second)
	setDefault(&cfg.Stream.QueueLength, 4096)
	setDefault(&cfg.Stream.PluginInterval, 5*time.Minute)
	return cfg
}

func setDefault[T comparable](value *T, def T) {
	var zero T
	if *value == zero {
		*value = def
	}
}
