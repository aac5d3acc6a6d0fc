// Package relay is the core: it links Matrix rooms with Wazo rooms and carries messages across.
//
// A message goes through these steps, in both directions:
//
//   - accept: the message is stored in order, and once (accept_matrix.go, accept_wazo.go). What an event of Matrix is to
//     the relay is decided in one place (disposition.go). Events of Wazo come as events.go says. What was missed is read
//     later: from Matrix in gap.go, from Wazo in history.go.
//   - convert: a worker takes the next row of a queue (deliver.go), and makes the request for the other side of it
//     (compose_wazo.go, and package convert). The next row is made ready meanwhile (ahead.go).
//   - deliver: the worker stores that it sends (attempt.go), and then sends (deliver_wazo.go, deliver_matrix.go).
//     poster.go says which account posts on Wazo. What is a text message for somebody outside Wazo, and from which
//     number it is sent, is decided in sms_post.go.
//   - record: what was delivered is stored, and the row leaves the queue (record.go). echo.go tells what comes back.
//
// If the outcome of an attempt is unknown, the worker looks whether the message has arrived before it sends it again:
// that is reconcile (reconcile.go). After a start each queue first learns what was delivered before (startup.go).
//
// jobs.go lists what workers do; package task runs them. The package declares what it needs of Matrix in matrix.go, and
// uses package wazoapi for Wazo. It leaves the content of messages to package convert, the form of commands to package
// command, telephone numbers to package phone, and every sentence to package words.
//
// docs/architecture.md has a table of all files, follows a message through them, and shows the states of a queue row.
package relay

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/util/exsync"
	"golang.org/x/sync/semaphore"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
	"wazo-matrix-relay/wazoapi"
)

// Config is what an administrator decides, and times that tests shorten.
type Config struct {
	Rights        Rights
	CommandPrefix string
	Alias         *convert.AliasFormat
	Content       *convert.ContentFormat
	Media         MediaConfig
	Relations     RelationsConfig
	Webhook       WebhookConfig
	SMS           SMSConfig
	Language      words.Language // of what people read; default English

	// PlainText is WAZO_MARKDOWN=off: texts for Wazo must read well unrendered, and texts from Wazo are shown as typed.
	PlainText        bool
	EncryptRooms     bool // the Matrix rooms of conversations are encrypted
	BackfillMessages int  // how many messages a conversation that opens shows, with the one that opens it

	Settle        time.Duration // after an unknown outcome, before looking for one's own message; default 15 s
	ProbeInterval time.Duration // between two looks for news on Wazo; default 3 min, with a webhook 30 s
	OutageNotice  time.Duration // how long a service is away, or a message waits, before people are told; default 1 min

	HealthInterval time.Duration // between two looks at how Wazo is; default 10 s
	WholeWait      time.Duration // after an answer of /sync, before another one shows whether it was whole; default 3 s
	CommitLag      time.Duration // how much later than its time stamp chatd may commit a message; default 1 s
	HistorySettles time.Duration // after a message, until no older one can appear in its room any more; default 1 min
	KeyWait        time.Duration // how long a queue waits for a missing key; default 10 s
	KeyKept        time.Duration // how long a message is kept whose key is missing; default 7 days
	ReactionWait   time.Duration // how long a reaction waits for others that are shown with it; default 5 s
	LookupWait     time.Duration // how long a message waits for what it can do without, such as quotes; default 10 s
	ReplyWait      time.Duration // how long a message of Wazo waits to be marked as a reply, if Wazo has the plugin; default 500 ms

	// OutsideLag is CommitLag for messages from outside Wazo, which chatd stores late, and of which it tells nobody
	// while RabbitMQ is away; default 20 s.
	OutsideLag time.Duration

	PluginMissed      time.Duration // how long it is believed that the plugin is away after a request missed it; default 5 min
	RelationsInterval time.Duration // between two looks at the reactions and replies of a room of which no event tells; default 10 min

	AdminRoom id.RoomID // where administrators are told of problems; "": in the direct chats with those who are named in Rights

	SelfProbe     time.Duration // between two messages of the relay to itself, through each side; 0: there are none
	SelfProbeWait time.Duration // how long such a message may take; default 20 s

	LoginCheck    time.Duration // between two looks whether Wazo still accepts the log-in of a person; default 10 min
	OverhearWait  time.Duration // how long after another account the reader of a portal may hear a message; default 5 s
	MemberKept    time.Duration // how long it is believed that a person's account is a member of a Wazo room; default 1 min
	ShutdownGrace time.Duration // for what is in hand when the relay stops; default 10 s

	Observer Observer // is told what becomes of messages; nil: nobody is
	Clocks   *Clocks  // knows the clocks of the servers; nil: they are not compared
}

// parallelReads is how many histories are read at once.
const parallelReads = 4

func (c *Config) setDefaults() {
	set := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	set(&c.Settle, 15*time.Second)
	if c.Webhook.isSet() { // nothing else notices that a subscription brings nothing
		set(&c.ProbeInterval, 30*time.Second)
	}
	set(&c.ProbeInterval, 3*time.Minute)
	set(&c.Webhook.CheckInterval, 30*time.Second)
	set(&c.Webhook.SilenceAfter, 15*time.Second)
	set(&c.Webhook.ReorderWait, 250*time.Millisecond)
	set(&c.OutageNotice, time.Minute)
	set(&c.HealthInterval, 10*time.Second)
	set(&c.WholeWait, 3*time.Second)
	set(&c.CommitLag, time.Second)
	set(&c.HistorySettles, overlap)
	set(&c.OutsideLag, 20*time.Second)
	set(&c.KeyWait, 10*time.Second)
	set(&c.ReactionWait, 5*time.Second)
	set(&c.LookupWait, 10*time.Second)
	set(&c.ReplyWait, 500*time.Millisecond)
	set(&c.PluginMissed, 5*time.Minute)
	set(&c.RelationsInterval, 10*time.Minute)
	set(&c.KeyKept, 7*24*time.Hour)
	set(&c.SelfProbeWait, 20*time.Second)
	set(&c.LoginCheck, 10*time.Minute)
	set(&c.OverhearWait, 5*time.Second)
	set(&c.MemberKept, time.Minute)
	set(&c.ShutdownGrace, 10*time.Second)
	if c.Observer == nil {
		c.Observer = nobody{}
	}
}

// Relay is the core. Make it with New, give it the Matrix side with Attach, run it with Run.
type Relay struct {
	cfg     Config
	db      *db.Database
	log     zerolog.Logger
	texts   words.Texts
	matrix  Matrix
	account *account // the relay account, nil if there is none

	// These answer commands. Their exported methods are the core's, for the bot.
	*directory
	*people
	*starter
	sms *smsStarter

	accounts   *accounts   // the relay account, and those of people
	identities *identities // who is who
	authorship *authorship // and who may have been, before an older copy of the database was restored
	logins     *loginRecord
	posters    *posters // which account posts a message
	echoes     *echoes  // what comes back of it

	knownEchoes *knownEchoes // and on Matrix
	lastReady   atomic.Int64 // the row that was last made ready, see ahead.go; the tests wait for it

	natives   *natives // what the plugin for reactions and replies has to do
	numbers   *numbers // the own numbers of people, for text messages
	smsLimits *smsLimits

	oldStatuses *exsync.Set[int64] // portals with text messages whose statuses may be outdated, see lookForStatus

	wazoRelations *wazoRelations // reactions and replies of people on Wazo

	openings      *openings      // conversations that are to open by themselves
	conversations *conversations // those that are open

	tasks     *task.Scheduler[job]
	startup   *startup
	wholeSync *wholeSync
	readers   *readers // who reads what on Wazo
	events    eventSource
	hookKey   *webhookKey
	gaps      *gapFiller
	pauses    *pauses
	waits     *standstills // of queues although nothing is paused
	lateKeys  *lateKeys
	linking   sync.Mutex // links and unlinks one at a time

	loggingIn *exsync.Set[id.UserID] // people who are being logged in or out

	reading *semaphore.Weighted // limits how many histories are read at once

	watched      atomicTime                   // when watch last looked around
	lastSync     atomicTime                   // when an answer of /sync was last accepted
	lastDelivery map[db.Direction]*atomicTime // when a delivery last succeeded
	health       *health
	outages      outages
	poison       task.PoisonDetector[int64] // by row
	uploads      uploads
	counts       counts
	selfProbe    *selfProbe
}

// New builds the core on an open database, a client for Wazo and the relay account. The client serves the accounts of
// people. api is the relay account, and row its row in the database. If there is none, api is nil, and row is that of
// an earlier one, or nil.
func New(cfg Config, database *db.Database, row *db.Account, client *wazoapi.Client, api *wazoapi.Account, log zerolog.Logger) *Relay {
	chaosTimes(&cfg)
	cfg.setDefaults()
	r := &Relay{
		cfg:     cfg,
		db:      database,
		log:     log,
		texts:   words.New(cfg.CommandPrefix).In(cfg.Language),
		startup: newStartup(),
		reading: semaphore.NewWeighted(parallelReads),

		lastDelivery: map[db.Direction]*atomicTime{db.ToWazo: {}, db.ToMatrix: {}},
		poison:       task.PoisonDetector[int64]{Failures: poisonAttempts, Period: poisonPeriod},
		uploads:      newUploads(),
		loggingIn:    exsync.NewSet[id.UserID](),
		oldStatuses:  exsync.NewSet[int64](),
		health:       newHealth(),
		counts:       counts{cfg.Observer, log},
	}
	former := row
	if api != nil {
		r.account, former = newAccount(row, api), nil
	} else {
		r.texts = r.texts.WithoutRelayAccount()
	}
	r.accounts = newAccounts(r, former, client)
	book := newPhonebook(r.accounts)
	r.directory = &directory{account: r.account, names: book, outside: newOutsideNames(book), db: database, texts: r.texts, log: log}
	r.numbers, r.smsLimits = newNumbers(), newSMSLimits(r.cfg.SMS.perHour(), r.cfg.SMS.roomsPerHour())
	r.identities = &identities{db: database, accounts: r.accounts}
	r.authorship = &authorship{accounts: r.accounts, identities: r.identities}
	r.people = newPeople(r)
	r.tasks = r.newTasks()
	r.gaps = newGapFiller(r)
	r.wholeSync = &wholeSync{startup: r.startup, tasks: r.tasks, wait: r.cfg.WholeWait, wake: r.wakeAll}
	r.pauses = &pauses{r, exsync.NewSet[job]()}
	r.waits = newStandstills()
	r.lateKeys = &lateKeys{r}
	r.posters = &posters{accounts: r.accounts, health: r.health, tasks: r.tasks, kept: r.cfg.MemberKept, patience: r.cfg.OutageNotice}
	r.echoes = newEchoes(r)
	r.knownEchoes = newKnownEchoes(r)
	r.hookKey = &webhookKey{db: database}
	r.events = newEventSource(r)
	r.readers = newReaders(r)
	r.selfProbe = newSelfProbe(r)
	r.natives = newNatives(r)
	r.logins = &loginRecord{accounts: r.accounts, tasks: r.tasks, known: r.wakeAll}
	r.accounts.began = func(acc *account) {
		r.readers.began(acc)
		r.logins.wake()
	}
	r.accounts.ended = func(acc *account) {
		r.readers.ended(acc)
		r.numbers.forget(acc)
	}
	r.wazoRelations = newWazoRelations(r)
	r.openings = &openings{r}
	r.wholeSync.wanted = r.openings.wakeWanted
	r.conversations = newConversations(r)
	r.numbers.learned = r.conversations.numbersLearned
	r.starter = newStarter(r.people, r.openings)
	r.sms = newSMSStarter(r)
	return r
}

// Attach gives the core its Matrix side. It must be called before Run.
func (r *Relay) Attach(matrix Matrix) { r.matrix = matrix }

// Rights returns who may do what.
func (r *Relay) Rights() *Rights { return &r.cfg.Rights }

// Run relays until ctx ends, then finishes what is in hand.
func (r *Relay) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(r.log.WithContext(ctx))
	defer stop()
	if err := r.loadPeople(ctx); err != nil {
		return err
	}
	r.tasks.Start(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { r.readers.run(ctx) })
	wg.Go(func() { r.events.run(ctx) })
	wg.Go(func() { r.watch(ctx) })
	wg.Go(func() { r.selfProbe.run(ctx) })
	wg.Go(func() { r.forget(ctx) })
	wg.Go(func() { r.db.KeepClean(ctx) })
	wg.Go(func() { r.lateKeys.keepExpiring(ctx) })
	wg.Go(func() { r.keepLoginsChecked(ctx) })
	err := r.resume(ctx)
	if err == nil {
		<-ctx.Done()
	} else if ctx.Err() != nil {
		err = nil // stopped before it had begun
	}
	stop()
	r.tasks.Drain(r.cfg.ShutdownGrace)
	wg.Wait()
	return err
}

// loadPeople reads the accounts of people, who is who, and what the events of Wazo need. Nothing may be delivered
// before.
func (r *Relay) loadPeople(ctx context.Context) error {
	return errors.Join(r.accounts.load(ctx), r.identities.load(ctx), r.echoes.load(ctx), r.events.load(ctx))
}

// resume starts the workers of everything that waited when the relay last stopped.
func (r *Relay) resume(ctx context.Context) error {
	busy, err := r.db.Queue.Busy(ctx)
	if err != nil {
		return fmt.Errorf("failed to read the queues: %w", err)
	}
	for _, key := range busy {
		r.tasks.Wake(queueJob(key))
	}
	gaps, err := r.db.Gap.All(ctx)
	if err != nil {
		return fmt.Errorf("failed to read the gaps: %w", err)
	}
	for _, gap := range gaps {
		r.tasks.Wake(portalJob(jobToWazo, gap.PortalID))
	}
	if err = r.readers.wakeUnread(ctx); err != nil {
		return err
	}
	if err = r.conversations.compareConfig(ctx); err != nil {
		return err
	} else if err = r.openings.resume(ctx); err != nil {
		return err
	}
	if err = r.natives.wake(ctx); err != nil {
		return fmt.Errorf("failed to read the replies and reactions that are still to be made on Wazo: %w", err)
	}
	r.tasks.Wake(job{kind: jobExplain})
	r.tasks.Wake(job{kind: jobAnswer})
	r.tasks.Wake(job{kind: jobRevoke})
	r.logins.wake()
	r.tasks.Wake(job{kind: jobExpire}) // the first answer of /sync may have come before the workers could be woken
	r.tasks.Wake(job{kind: jobWhole})
	return r.lateKeys.tryEverything(ctx)
}

// LastSync returns when an answer of /sync was last accepted, the zero time if none was since the start.
func (r *Relay) LastSync() time.Time { return r.lastSync.load() }

// MatrixBack notes that the homeserver answers again.
func (r *Relay) MatrixBack() { r.tasks.EndPauses() }
