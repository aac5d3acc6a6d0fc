package setup

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// repository is where the README is, from this package.
const repository = "../.."

// wazoPassword is the password of the relay's account on the in-memory Wazo.
const wazoPassword = `pass "word" $HOME #1`

// TestQuickStart runs on the homeserver that E2E_HOMESERVER names, by default on Dendrite.
func TestQuickStart(t *testing.T) {
	dir, remove, err := harness.TempDir()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, remove()) })
	homeserver, err := harness.StartHomeserver(t.Context(), dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, homeserver.Stop()) })
	f := harness.NewFixture(t, homeserver)
	text, err := os.ReadFile(filepath.Join(repository, "README.md"))
	require.NoError(t, err)
	guide, err := ReadGuide(string(text))
	require.NoError(t, err)

	// "Register an account for the bot", and "create a user with a user name and a password for the relay".
	bot, you := f.Account("bot"), f.Person("you", harness.Encrypted)
	wazo := wazotest.New()
	require.NoError(t, wazo.Start("127.0.0.1:0"))
	t.Cleanup(wazo.Stop)
	tenant := wazo.AddTenant("office")
	relayUser := wazo.AddUser(wazotest.User{Username: "matrix-relay", Password: wazoPassword, Firstname: "Matrix", Lastname: "Relay", Tenant: tenant})
	alice := wazo.AddUser(wazotest.User{Username: "alice", Password: wazoPassword, Firstname: "Alice", Lastname: "Martin", Tenant: tenant})

	// "Configure"
	clone := copyOfRepository(t, filepath.Join(f.Dir, "clone"))
	for _, command := range guide.Configure {
		run(t, clone, command)
	}
	values := map[string]string{
		"MATRIX_USER_ID": bot.User, "MATRIX_PASSWORD": bot.Password, "ADMINS": you.UserID().String(),
		"WAZO_URL": wazo.URL(), "WAZO_USERNAME": relayUser.Username, "WAZO_PASSWORD": wazoPassword,
	}
	require.Len(t, values, len(guide.Variables), "%q", guide.Variables)
	for _, name := range guide.Variables {
		require.Contains(t, values, name, "the quick start says what to set")
	}
	// This homeserver has no .well-known file, and another program may use the relay's port.
	port, err := harness.FreePort()
	require.NoError(t, err)
	values["MATRIX_HOMESERVER_URL"], values["ADMIN_LISTEN"] = homeserver.URL(), fmt.Sprintf("127.0.0.1:%d", port)
	configure(t, filepath.Join(clone, ".env"), values)

	// "Check: each line says ok", and "Start. The log of the first start shows the bot's recovery key"
	last := len(guide.Run) - 1
	for _, command := range guide.Run[:last] {
		output := run(t, clone, command)
		if strings.Contains(command, "--check") {
			requireEachOK(t, output)
		}
	}
	relay := start(t, clone, guide.Run[last])
	relay.await(t, "recovery key", "Relay started")

	// "On Wazo, make a chat", and "On Matrix, make a room and invite the bot"
	chat := wazo.CreateRoom("Office", alice, relayUser)
	room, err := you.CreateRoom(f.Ctx, harness.RoomOptions{Invite: []id.UserID{id.UserID(bot.User)}})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(f.Ctx, time.Minute)
	defer cancel()
	fromBot := harness.From(id.UserID(bot.User))
	wait := func(where id.RoomID, what harness.Match) {
		t.Helper()
		_, err := you.WaitEvent(ctx, where, harness.All(fromBot, what))
		require.NoError(t, err)
	}
	wait(room, harness.Membership(id.UserID(bot.User), event.MembershipJoin))
	for _, command := range guide.Typed {
		_, err = you.Send(ctx, room, command)
		require.NoError(t, err)
		if command == "!wazo rooms" {
			// "If nobody else is in the room, the list of chats comes there"
			wait(room, harness.Notice("Office"))
		}
	}
	wait(room, harness.Notice(guide.Answer))

	// "and the two sides can talk"
	_, err = you.Send(ctx, room, "hello from Matrix")
	require.NoError(t, err)
	_, err = wazo.WaitMessage(ctx, chat.UUID, func(message wazotest.Message) bool { return message.Content == "hello from Matrix" })
	require.NoError(t, err)
	wazo.Post(chat.UUID, alice, "hello from Wazo", "")
	wait(room, harness.Says("hello from Wazo"))
	require.NoError(t, relay.stop())
}

// copyOfRepository copies what a clone of the repository would contain.
func copyOfRepository(t *testing.T, dir string) string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = repository
	names, err := list.Output()
	require.NoError(t, err)
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		source, target := filepath.Join(repository, name), filepath.Join(dir, name)
		info, err := os.Stat(source)
		if os.IsNotExist(err) {
			continue // removed, and not committed yet
		}
		require.NoError(t, err)
		content, err := os.ReadFile(source)
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(target), 0o755))
		require.NoError(t, os.WriteFile(target, content, info.Mode()))
	}
	return dir
}

func configure(t *testing.T, file string, values map[string]string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	filled, err := Fill(string(text), values)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte(filled), 0o600))
}

// shell prepares a command as it is typed in a shell.
func shell(ctx context.Context, dir, command string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "bash", "-c", command)
	cmd.Dir = dir
	cmd.WaitDelay = 20 * time.Second
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	return cmd
}

func run(t *testing.T, dir, command string) string {
	t.Helper()
	output, err := shell(t.Context(), dir, command).CombinedOutput()
	require.NoError(t, err, "%s\n%s", command, output)
	return string(output)
}

// requireEachOK checks what --check has printed. Lines of the log begin with a brace.
func requireEachOK(t *testing.T, output string) {
	t.Helper()
	checks := 0
	output, works := strings.CutSuffix(strings.TrimSpace(output), "\nEverything works. The relay can start.")
	require.True(t, works, output)
	for line := range strings.Lines(output) {
		if strings.HasPrefix(line, "{") || strings.TrimSpace(line) == "" {
			continue
		}
		require.True(t, strings.HasPrefix(line, "ok: "), output)
		checks++
	}
	require.Greater(t, checks, 5, output)
}

// program is a command that runs until it is stopped.
type program struct {
	cmd    *exec.Cmd
	ended  chan struct{}
	err    error // valid when it has ended
	mu     sync.Mutex
	output bytes.Buffer
	more   chan struct{} // closed and made anew when there is more output
}

var _ io.Writer = (*program)(nil)

// Write implements io.Writer.
func (p *program) Write(data []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.more)
	p.more = make(chan struct{})
	return p.output.Write(data)
}

func start(t *testing.T, dir, command string) *program {
	t.Helper()
	p := &program{cmd: shell(context.WithoutCancel(t.Context()), dir, command), ended: make(chan struct{}), more: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p, p
	require.NoError(t, p.cmd.Start())
	go func() {
		defer close(p.ended)
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = p.stop() // a test that did not fail has stopped it
		if t.Failed() {
			t.Log(p.output.String())
		}
	})
	return p
}

// await waits until the program has printed all of these texts.
func (p *program) await(t *testing.T, texts ...string) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		p.mu.Lock()
		output, more := p.output.String(), p.more
		p.mu.Unlock()
		missing := ""
		for _, text := range texts {
			if !strings.Contains(output, text) {
				missing = text
			}
		}
		if missing == "" {
			return
		}
		select {
		case <-more:
		case <-p.ended:
			t.Fatalf("the program has ended (%v) without saying %q", p.err, missing)
		case <-deadline:
			t.Fatalf("the program has not said %q", missing)
		}
	}
}

// stop ends the program as Ctrl-C does, and returns whether it failed.
func (p *program) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGINT) // it may have ended
	select {
	case <-p.ended:
	case <-time.After(20 * time.Second):
		_ = p.cmd.Process.Kill() // then it fails
		<-p.ended
	}
	return p.err
}
