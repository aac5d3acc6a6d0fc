package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stubserver"
	"wazo-matrix-relay/wazoapi"
	"wazo-matrix-relay/wazoapi/wazotest"
)

const (
	botUser     = id.UserID("@bot:a.example")
	botPassword = "the bot's password"
	password    = "secret"
	secretKey   = "the key of the relay's database"
)

// plan is how much is measured.
type plan struct{ logins, portals, messages int }

// fixture is a relay between two servers in memory, with people who have accounts on both.
type fixture struct {
	plan
	progress io.Writer
	matrix   *stubserver.Server
	wazo     *wazotest.Server
	relay    *harness.Relay
	config   harness.RelayConfig

	account   wazotest.User   // the relay's
	colleague wazotest.User   // is in every room, without an account on Matrix
	people    []wazotest.User // who log in
	rooms     []wazotest.Room
	posted    []int // how many messages were posted in each room
}

func open(dir string, p plan, progress io.Writer) (*fixture, error) {
	f := &fixture{plan: p, progress: progress, matrix: stubserver.Start(botUser, botPassword), wazo: wazotest.New()}
	f.matrix.JoinAll()
	if err := f.wazo.Start("127.0.0.1:0"); err != nil {
		f.matrix.Close()
		return nil, err
	}
	tenant := f.wazo.AddTenant("accounts")
	hire := func(username, first, last string) wazotest.User {
		return f.wazo.AddUser(wazotest.User{Username: username, Password: password, Firstname: first, Lastname: last, Tenant: tenant})
	}
	f.account, f.colleague = hire("relay", "Matrix", "Relay"), hire("alice", "Alice", "Martin")
	for i := range p.logins {
		f.people = append(f.people, hire(fmt.Sprintf("user%d", i), "Person", fmt.Sprintf("Number %d", i)))
	}
	f.config = harness.RelayConfig{Dir: filepath.Join(dir, "relay"), Env: map[string]string{
		"MATRIX_USER_ID":        botUser.String(),
		"MATRIX_HOMESERVER_URL": f.matrix.URL(),
		"MATRIX_PASSWORD":       botPassword,
		"WAZO_URL":              f.wazo.URL(),
		"WAZO_USERNAME":         f.account.Username,
		"WAZO_PASSWORD":         f.account.Password,
		"SECRET_KEY":            secretKey,
		"ADMINS":                "@*:a.example",
		"ENCRYPT_ROOMS":         "false",
		"BACKFILL_MESSAGES":     "0",
	}}
	return f, nil
}

// close ends everything. It returns what the homeserver was asked for in vain.
func (f *fixture) close() (err error) {
	if f.relay != nil {
		err = f.relay.End()
	}
	f.wazo.Stop()
	f.matrix.Close()
	return errors.Join(err, f.matrix.Faults())
}

func (f *fixture) say(format string, args ...any) error {
	_, err := fmt.Fprintf(f.progress, format+" …\n", args...)
	return err
}

// matrixUser is who a person is on Matrix.
func matrixUser(p wazotest.User) id.UserID { return id.UserID("@" + p.Username + ":a.example") }

// logIn stores the log-ins of all people in the database of the relay, which must not run: with a refresh token, as the
// relay does.
func (f *fixture) logIn(ctx context.Context) (err error) {
	client, err := wazoapi.New(wazoapi.Config{URL: f.wazo.URL()}, zerolog.Nop())
	if err != nil {
		return err
	}
	database, err := db.Open(ctx, f.relay.Getenv("DATABASE_URL"), secretKey, zerolog.Nop())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	for _, person := range f.people {
		clientID := wazoapi.ClientID(matrixUser(person).String(), botUser.String())
		_, grant, err := client.LogInOffline(ctx, wazoapi.OfflineLogIn{Username: person.Username, Password: []byte(password), ClientID: clientID})
		if err != nil {
			return err
		}
		row := &db.Account{
			MatrixUser: matrixUser(person), Username: person.Username, UserUUID: person.UUID, TenantUUID: person.Tenant.UUID,
			ClientID: clientID, Since: jsontime.UM(time.Now()),
		}
		if err = database.Account.PutLogin(ctx, row, grant.Token); err != nil {
			return err
		}
	}
	return nil
}

// makeRooms makes the rooms on Wazo. Two people who have logged in are in each of them, and no two rooms have the same
// people.
func (f *fixture) makeRooms() {
	for i := range f.portals {
		one := i % f.logins
		other := (one + 1 + i/f.logins) % f.logins
		f.rooms = append(f.rooms, f.wazo.CreateRoom(fmt.Sprintf("Project %d", i), f.people[one], f.people[other], f.colleague))
	}
	f.posted = make([]int, f.portals)
}

// post lets the colleague say something in a room.
func (f *fixture) post(room int) {
	f.wazo.Post(f.rooms[room].UUID, f.colleague, f.text(room, f.posted[room]), "")
	f.posted[room]++
}

func (f *fixture) text(room, number int) string {
	return fmt.Sprintf("Message %d of project %d", number, room)
}

// total is how many messages were posted.
func (f *fixture) total() (n int) {
	for _, posted := range f.posted {
		n += posted
	}
	return n
}
