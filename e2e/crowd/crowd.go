// Package crowd is a relay as a process between a stub homeserver and an in-memory Wazo, with many people who have
// logged in to Wazo and are in many rooms there. It is for measuring what many people and rooms cost: time and memory
// of the relay are its own, because the servers are in another process.
package crowd

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

// Crowd is a relay between two servers in memory, with people who have accounts on both.
type Crowd struct {
	Matrix *stubserver.Server
	Wazo   *wazotest.Server
	Relay  *harness.Relay // nil before Start
	People []wazotest.User

	progress io.Writer
	tenant   wazotest.Tenant
	config   harness.RelayConfig
	posted   map[string][]string // by room on Wazo: the texts that Post has posted
	total    int
}

// Open starts both servers, with people who can log in. The relay keeps its files in dir. Call Close afterwards.
func Open(dir string, people int, progress io.Writer) (*Crowd, error) {
	c := &Crowd{
		Matrix: stubserver.Start(botUser, botPassword), Wazo: wazotest.New(), progress: progress, posted: make(map[string][]string),
	}
	c.Matrix.JoinAll()
	if err := c.Wazo.Start("127.0.0.1:0"); err != nil {
		c.Matrix.Close()
		return nil, err
	}
	c.tenant = c.Wazo.AddTenant("crowd")
	account := c.Hire("relay", "Matrix", "Relay")
	for i := range people {
		c.People = append(c.People, c.Hire(fmt.Sprintf("user%d", i), "Person", fmt.Sprintf("Number %d", i)))
	}
	c.config = harness.RelayConfig{Dir: filepath.Join(dir, "relay"), Env: map[string]string{
		"MATRIX_USER_ID":        botUser.String(),
		"MATRIX_HOMESERVER_URL": c.Matrix.URL(),
		"MATRIX_PASSWORD":       botPassword,
		"WAZO_URL":              c.Wazo.URL(),
		"WAZO_USERNAME":         account.Username,
		"WAZO_PASSWORD":         account.Password,
		"SECRET_KEY":            secretKey,
		"ADMINS":                "@*:a.example",
		"ENCRYPT_ROOMS":         "false",
		"BACKFILL_MESSAGES":     "0",
	}}
	return c, nil
}

// Close ends everything. It returns what the homeserver was asked for in vain.
func (c *Crowd) Close() (err error) {
	if c.Relay != nil {
		err = c.Relay.End()
	}
	c.Wazo.Stop()
	c.Matrix.Close()
	return errors.Join(err, c.Matrix.Faults())
}

// Hire makes an account on Wazo.
func (c *Crowd) Hire(username, first, last string) wazotest.User {
	return c.Wazo.AddUser(wazotest.User{Username: username, Password: password, Firstname: first, Lastname: last, Tenant: c.tenant})
}

// Say tells how far the measurement is.
func (c *Crowd) Say(format string, args ...any) error {
	_, err := fmt.Fprintf(c.progress, format+" …\n", args...)
	return err
}

// Start starts the relay for the first time, and returns when it is ready.
func (c *Crowd) Start(ctx context.Context) (err error) {
	c.Relay, err = harness.StartRelay(ctx, c.config)
	return err
}

// MatrixUser is who a person is on Matrix.
func MatrixUser(p wazotest.User) id.UserID { return id.UserID("@" + p.Username + ":a.example") }

// LogIn stores the log-ins of all people in the database of the relay, which must not run: with a refresh token, as the
// relay does.
func (c *Crowd) LogIn(ctx context.Context) error {
	client, err := wazoapi.New(wazoapi.Config{URL: c.Wazo.URL()}, zerolog.Nop())
	if err != nil {
		return err
	}
	return c.WithDatabase(ctx, func(database *db.Database) error {
		for _, person := range c.People {
			clientID := wazoapi.ClientID(MatrixUser(person).String(), botUser.String())
			_, grant, err := client.LogInOffline(ctx, wazoapi.OfflineLogIn{Username: person.Username, Password: []byte(password), ClientID: clientID})
			if err != nil {
				return err
			}
			row := &db.Account{
				MatrixUser: MatrixUser(person), Username: person.Username, UserUUID: person.UUID, TenantUUID: person.Tenant.UUID,
				ClientID: clientID, Since: jsontime.UM(time.Now()),
			}
			if err = database.Account.PutLogin(ctx, row, grant.Token); err != nil {
				return err
			}
		}
		return nil
	})
}

// WithDatabase calls use with the database of the relay, which must not run.
func (c *Crowd) WithDatabase(ctx context.Context, use func(*db.Database) error) (err error) {
	database, err := db.Open(ctx, c.Relay.Getenv("DATABASE_URL"), secretKey, zerolog.Nop())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	return use(database)
}
