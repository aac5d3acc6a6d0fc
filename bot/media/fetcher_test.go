package media

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestIsPublic(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"93.184.215.14": true, "8.8.8.8": true, "2606:2800:21f:cb07:6820:80da:af6b:8b2c": true, "::ffff:8.8.8.8": true, "100.63.0.1": true, "172.32.0.1": true,

		"127.0.0.1": false, "127.8.8.8": false, "::1": false, "::ffff:127.0.0.1": false, "::127.0.0.1": false,
		"0.0.0.0": false, "0.1.2.3": false, "::": false,
		"10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false, "::ffff:10.0.0.1": false, "fd00::1": false, "fc00::1": false,
		"169.254.169.254": false, "::ffff:169.254.169.254": false, "fe80::1": false, "fe80::1%eth0": false, "fec0::1": false,
		"100.64.0.1": false, "100.127.255.255": false, "192.0.0.8": false, "198.18.0.1": false, "203.0.113.7": false,
		"224.0.0.1": false, "239.255.255.250": false, "ff02::1": false, "255.255.255.255": false, "240.0.0.1": false,
		"64:ff9b::7f00:1": false, "64:ff9b:1::a00:1": false, "2002:7f00:1::": false, "2001:0:7f00:1::": false, "2001:db8::1": false,
	} {
		require.Equal(t, want, NewFetcher(nil, 1, "").isPublic(netip.MustParseAddr(address)), address)
	}
}

// Hosters give machines public addresses, and networks of them to their customers.
func TestOwnAddressesAreNotFetchedFrom(t *testing.T) {
	t.Parallel()
	f := NewFetcher(nil, 1000, "relay/1")
	require.True(t, f.isOwn(netip.MustParseAddr("127.0.0.1")), "this machine is really asked")
	f.addresses = func() ([]net.Addr, error) {
		var own []net.Addr
		for _, cidr := range []string{"8.8.4.4/24", "9.9.9.9/32", "2606:4700::1/64", "2620:fe::fe/128"} {
			ip, network, err := net.ParseCIDR(cidr)
			require.NoError(t, err)
			own = append(own, &net.IPNet{IP: ip, Mask: network.Mask})
		}
		return own, nil
	}
	for address, want := range map[string]bool{
		"8.8.4.4": true, "8.8.4.1": true, "::ffff:8.8.4.1": true, "9.9.9.9": true, "2606:4700::2": true, "2620:fe::fe": true,
		"8.8.8.8": false, "9.9.9.10": false, "2606:4700:0:1::1": false, "2620:fe::ff": false,
	} {
		require.Equal(t, want, f.isOwn(netip.MustParseAddr(address)), address)
	}
	for _, source := range []string{"https://8.8.4.4/", "https://9.9.9.9/", "https://[2620:fe::fe]/"} {
		require.ErrorIs(t, f.Fetch(t.Context(), &bytes.Buffer{}, source), errForbiddenAddress, source)
	}
	f.addresses = func() ([]net.Addr, error) { return nil, errors.New("not known") }
	require.ErrorIs(t, f.Fetch(t.Context(), &bytes.Buffer{}, "https://8.8.8.8/"), errForbiddenAddress)
}

func TestListedHosts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		listed, host string
		want         bool
	}{
		{"a.example", "A.example", true},
		{"a.example", "a.example:8080", true},
		{"a.example:8080", "a.example:8080", true},
		{"a.example:8080", "a.example:443", false},
		{"a.example", "b.a.example", false},
		{"[::1]", "[::1]", true},
		{"[::1]", "[::1]:443", true},
		{"::1", "[::1]:443", true},
		{"[::1]:443", "[::1]:443", true},
		{"[::1]:443", "[::1]:80", false},
		{"[::1]", "[::2]:443", false},
	} {
		require.Equal(t, test.want, NewFetcher([]string{test.listed}, 1, "").isListed(test.host), "%s, %s", test.listed, test.host)
	}
}

// What net/http says names what people wrote; what the log gets does not.
func TestFetchError(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://secret.invalid:bad port/%zz")
		w.WriteHeader(http.StatusFound)
	}))
	defer plain.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for _, test := range []struct {
		name, source string
		want         error
	}{
		{"nobody listens", gone.URL + "/secret", errCannotConnect},
		{"the certificate is not trusted", secure.URL + "/secret", errNotTrusted},
		{"it is no https", strings.Replace(plain.URL, "http:", "https:", 1) + "/secret", errBadAnswer},
		{"it leads nowhere", plain.URL + "/secret", errBadAnswer},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := fetchAll(t, test.source, "127.0.0.1")
			require.Equal(t, test.want, err)
		})
	}
	require.Equal(t, errNameNotFound, fetchError(&net.OpError{Op: "dial", Err: &net.DNSError{Name: "secret.example", IsNotFound: true}}))
	full := &fs.PathError{Op: "write", Path: "/tmp/wazo-matrix-relay-1", Err: syscall.ENOSPC}
	require.ErrorIs(t, fetchError(full), syscall.ENOSPC)
}

// fetchAll fetches with a fetcher that trusts some hosts.
func fetchAll(t *testing.T, source string, hosts ...string) (string, error) {
	t.Helper()
	var got bytes.Buffer
	err := NewFetcher(hosts, 1000, "relay/1").Fetch(t.Context(), &got, source)
	return got.String(), err
}

func TestFetchFromListedHosts(t *testing.T) {
	t.Parallel()
	var asked http.Header
	mux := http.NewServeMux()
	mux.HandleFunc("/cat", func(w http.ResponseWriter, r *http.Request) {
		asked = r.Header
		http.SetCookie(w, &http.Cookie{Name: "track", Value: "1"})
		fmt.Fprint(w, "a cat")
	})
	mux.HandleFunc("/to/{n}", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "track", Value: "1"})
		if n := r.PathValue("n"); n != "0" {
			http.Redirect(w, r, "/to/"+string(n[0]-1), http.StatusFound)
			return
		}
		http.Redirect(w, r, "/cat", http.StatusFound)
	})
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusMovedPermanently)
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1001")
		fmt.Fprint(w, strings.Repeat("x", 1001))
	})
	mux.HandleFunc("/exact", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 1000)) })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 10_000)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "x")
	})
	web := httptest.NewServer(mux)
	defer web.Close()
	host := strings.TrimPrefix(web.URL, "http://")
	_, port, err := net.SplitHostPort(host)
	require.NoError(t, err)

	t.Run("by http, with and without port in the list", func(t *testing.T) {
		for _, listed := range []string{host, "127.0.0.1"} {
			got, err := fetchAll(t, web.URL+"/cat", "other.example", listed)
			require.NoError(t, err)
			require.Equal(t, "a cat", got)
		}
		require.Equal(t, "relay/1", asked.Get("User-Agent"))
	})

	t.Run("over redirects, without cookies", func(t *testing.T) {
		got, err := fetchAll(t, web.URL+"/to/1", host)
		require.NoError(t, err)
		require.Equal(t, "a cat", got)
		require.Empty(t, asked.Get("Cookie"))
		require.Empty(t, asked.Get("Referer"))
		got, err = fetchAll(t, web.URL+"/to/2", host)
		require.NoError(t, err, "three are followed")
		require.Equal(t, "a cat", got)
		_, err = fetchAll(t, web.URL+"/to/3", host)
		require.ErrorIs(t, err, errTooManyRedirects)
	})

	t.Run("but not to where one must not go", func(t *testing.T) {
		for to, want := range map[string]error{
			"https://169.254.169.254/latest/meta-data": errForbiddenAddress,
			"https://localhost:" + port + "/cat":       errForbiddenAddress,
			"https://[::ffff:127.0.0.1]:" + port:       errForbiddenAddress,
			"http://169.254.169.254/latest/meta-data":  errForbiddenURL,
			"http://localhost:" + port + "/cat":        errForbiddenURL,
			"file:///etc/passwd":                       errForbiddenURL,
			"data:image/png;base64,AAAA":               errForbiddenURL,
			"https://me:secret@" + host:                errForbiddenURL,
		} {
			got, err := fetchAll(t, web.URL+"/away?to="+url.QueryEscape(to), host)
			require.ErrorIs(t, err, want, to)
			require.Empty(t, got)
			require.NotContains(t, err.Error(), "secret")
		}
	})

	t.Run("and no more than the limit", func(t *testing.T) {
		got, err := fetchAll(t, web.URL+"/exact", host)
		require.NoError(t, err)
		require.Len(t, got, 1000)
		_, err = fetchAll(t, web.URL+"/large", host)
		require.ErrorIs(t, err, errFetchTooLarge)
		got, err = fetchAll(t, web.URL+"/endless", host)
		require.ErrorIs(t, err, errFetchTooLarge)
		require.LessOrEqual(t, len(got), 1001)
	})

	t.Run("and only what is whole", func(t *testing.T) {
		for _, path := range []string{"/cut", "/missing"} {
			_, err := fetchAll(t, web.URL+path, host)
			require.Error(t, err)
			require.NotContains(t, err.Error(), web.URL, "what people write is not for the log")
		}
	})

	t.Run("and not for ever", func(t *testing.T) {
		hold := make(chan struct{})
		slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-hold:
			}
		}))
		defer slow.Close()
		defer close(hold)
		f := NewFetcher([]string{"127.0.0.1"}, 1000, "relay/1")
		require.Equal(t, fetchTimeout, f.client.Timeout)
		f.client.Timeout = 50 * time.Millisecond
		require.ErrorIs(t, f.Fetch(t.Context(), &bytes.Buffer{}, slow.URL), errFetchTimeout)
	})
}

// Everything here would be answered if it were asked: only the fetcher's own checks are in the way.
func TestFetchFromForbiddenPlaces(t *testing.T) {
	t.Parallel()
	var connections atomic.Int64 // a TLS server may be reached without being asked: its certificate is not trusted
	count := func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	secure, plain := httptest.NewUnstartedServer(http.NotFoundHandler()), httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ConnState, plain.Config.ConnState = count, count
	secure.StartTLS()
	plain.Start()
	defer secure.Close()
	defer plain.Close()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(secure.URL, "https://"))
	require.NoError(t, err)
	for _, test := range []struct {
		name, source string
		want         error
	}{
		{"this machine", secure.URL, errForbiddenAddress},
		{"a name of this machine", "https://localhost:" + port, errForbiddenAddress},
		{"an IPv6 form of it", "https://[::ffff:127.0.0.1]:" + port, errForbiddenAddress},
		{"another IPv6 form of it", "https://[::ffff:7f00:1]:" + port, errForbiddenAddress},
		{"no address", "https://0.0.0.0:" + port, errForbiddenAddress},
		{"the metadata of a cloud", "https://169.254.169.254/", errForbiddenAddress},
		{"plain http", plain.URL, errForbiddenURL},
		{"a password in the address", "https://me:pass@example.org/", errForbiddenURL},
		{"no host", "https:///cat", errForbiddenURL},
		{"another scheme", "ftp://example.org/", errForbiddenURL},
		{"a file", "file:///etc/passwd", errForbiddenURL},
		{"nothing", "", errForbiddenURL},
		{"no URL", "https://exa mple.org/%zz", errForbiddenURL},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := fetchAll(t, test.source, "other.example", "localhost.example")
			require.ErrorIs(t, err, test.want)
		})
	}
	require.Zero(t, connections.Load())
	_, err = fetchAll(t, secure.URL, "127.0.0.1")
	require.ErrorIs(t, err, errNotTrusted)
	require.EqualValues(t, 1, connections.Load(), "one that is made is counted")

	t.Run("a proxy of the environment is not asked", func(t *testing.T) {
		require.Nil(t, NewFetcher(nil, 1, "").client.Transport.(*headers).RoundTripper.(*http.Transport).Proxy)
		require.Nil(t, NewFetcher(nil, 1, "").client.Jar)
	})
}

func TestDataURLs(t *testing.T) {
	t.Parallel()
	encoded := base64.StdEncoding.EncodeToString([]byte("a cat!?"))
	for _, test := range []struct{ name, source, want string }{
		{"with a type", "data:image/png;base64," + encoded, "a cat!?"},
		{"without padding", "data:image/png;base64," + strings.TrimRight(encoded, "="), "a cat!?"},
		{"without a type", "data:;base64," + encoded, "a cat!?"},
		{"in capitals", "DATA:image/png;BASE64," + encoded, "a cat!?"},
		{"with escapes", "data:image/png;base64," + strings.ReplaceAll(encoded, "=", "%3D"), "a cat!?"},
		{"of nothing", "data:image/png;base64,", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := fetchAll(t, test.source)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
	for _, source := range []string{
		"data:", "data:,", "data:image/png", "data:image/png,abc", "data:image/png;base64", "data:image/png;base64,%%%", "data:image/png;base64,a b", "data:image/png;base64,ä", "data:image/png;base64,A", "data:/x",
	} {
		t.Run("malformed: "+source, func(t *testing.T) {
			_, err := fetchAll(t, source)
			require.Error(t, err)
		})
	}
	t.Run("too large", func(t *testing.T) {
		_, err := fetchAll(t, "data:;base64,"+strings.Repeat("AAAA", 334))
		require.ErrorIs(t, err, errFetchTooLarge)
	})
}

func FuzzOpenData(f *testing.F) {
	for _, seed := range []string{"image/png;base64,iVBORw0KGgo=", ";BASE64,%3D", "image/png,x", "", ";base64,a=b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, opaque string) {
		from, err := openData(opaque)
		if err != nil {
			if !errors.Is(err, errBadDataURL) {
				t.Errorf("%q: %v", opaque, err)
			}
			return
		}
		if data, err := io.ReadAll(from); err != nil || len(data) > len(opaque) {
			t.Errorf("%q became %d bytes: %v", opaque, len(data), err)
		}
	})
}

func TestFetchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, NewFetcher(nil, 1, "").Fetch(ctx, &bytes.Buffer{}, "https://example.org/"), context.Canceled)
}
