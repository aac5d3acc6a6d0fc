// Package postgrestest runs a PostgreSQL server for tests, from the programs that the package postgresql of Debian
// installs.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrNotInstalled is returned by Start on a machine without a PostgreSQL server.
var ErrNotInstalled = errors.New("PostgreSQL is not installed: install the package postgresql, or put initdb and postgres into the PATH")

const (
	port         = 5432 // names the socket; nobody listens at a port of the network
	readyTimeout = time.Minute
	stopTimeout  = 20 * time.Second
	probeEvery   = 20 * time.Millisecond
)

// Server is a server with an empty cluster of its own in a temporary directory. It listens at a socket in this
// directory, which only its owner can reach.
type Server struct {
	dir        string // contains the cluster, the socket and the log
	bin        string // where the programs are
	credential *syscall.Credential
	process    *os.Process
	ended      chan struct{} // closed when the process has ended
}

// Start makes a cluster in a directory within parent ("" is the one for temporary files) and starts its server. The
// server does not wait for the disk, so that data is lost when the machine crashes, but not when the server does. It
// refuses to run as root: then it runs as the user postgres, who must be able to reach parent.
func Start(ctx context.Context, parent string) (*Server, error) {
	bin, err := findPrograms()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin}
	if s.dir, err = os.MkdirTemp(parent, "postgres-"); err != nil {
		return nil, err
	}
	if err = s.makeCluster(ctx); err == nil {
		err = s.Run(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	return s, nil
}

// findPrograms returns the directory of initdb and postgres. Debian keeps them out of the PATH, one directory for each
// version.
func findPrograms() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres") // the pattern is valid
	if len(found) > 0 {
		newest := slices.MaxFunc(found, func(a, b string) int { return versionOf(a) - versionOf(b) })
		return filepath.Dir(newest), nil
	}
	path, err := exec.LookPath("postgres")
	if err != nil {
		return "", ErrNotInstalled
	}
	return filepath.Dir(path), nil
}

// versionOf returns the version in a path like /usr/lib/postgresql/15/bin/postgres.
func versionOf(path string) int {
	version, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // 0 is the oldest
	return version
}

func (s *Server) makeCluster(ctx context.Context) error {
	if os.Getuid() == 0 {
		account, err := user.Lookup("postgres")
		if err != nil {
			return fmt.Errorf("a server does not run as root, and there is no user for it: %w", err)
		}
		uid, _ := strconv.Atoi(account.Uid) // numbers on every Unix
		gid, _ := strconv.Atoi(account.Gid)
		s.credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err = os.Chown(s.dir, uid, gid); err != nil {
			return err
		}
	}
	// C sorts by bytes, as SQLite does.
	initdb := exec.CommandContext(ctx, filepath.Join(s.bin, "initdb"), "--pgdata", s.data(), "--username", "postgres", "--auth", "trust",
		"--encoding", "UTF8", "--locale", "C", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = s.dir, &syscall.SysProcAttr{Credential: s.credential}
	if output, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb failed: %w: %s", err, output)
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// LogFile is where the server writes its log.
func (s *Server) LogFile() string { return filepath.Join(s.dir, "log") }

// Run starts the server that was stopped or killed, and returns when it answers.
func (s *Server) Run(ctx context.Context) error {
	log, err := os.OpenFile(s.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	settings := []string{"listen_addresses=", "unix_socket_directories=" + s.dir, "max_connections=300", "shared_buffers=64MB", "fsync=off"}
	args := []string{"-D", s.data(), "-p", strconv.Itoa(port)}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	command := exec.Command(filepath.Join(s.bin, "postgres"), args...)
	command.Dir, command.Stdout, command.Stderr, command.SysProcAttr = s.dir, log, log, attributes(s.credential)
	ended, started := make(chan struct{}), make(chan error)
	go func() {
		// The kernel ends the server when the thread that has started it ends.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer log.Close()
		err := command.Start()
		started <- err
		if err == nil {
			_ = command.Wait() // its log says why it ended
			close(ended)
		}
	}()
	if err = <-started; err != nil {
		return fmt.Errorf("failed to start PostgreSQL: %w", err)
	}
	s.process, s.ended = command.Process, ended
	return s.awaitReady(ctx)
}

func (s *Server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("PostgreSQL does not answer: %w", err), s.Stop())
		case <-s.ended:
			return fmt.Errorf("PostgreSQL has ended by itself: %s", s.lastLog())
		case <-time.After(probeEvery):
		}
	}
}

func (s *Server) lastLog() string {
	content, _ := os.ReadFile(s.LogFile()) // only for an error, which says less without it
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}

// URL returns the URL of a database, as DATABASE_URL.
func (s *Server) URL(database string) string { return urlOf(s.dir, database) }

func urlOf(socketDir, database string) string {
	query := url.Values{"host": {socketDir}, "port": {strconv.Itoa(port)}}
	return (&url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/" + database, RawQuery: query.Encode()}).String()
}

// Stop ends the server as an administrator does who does not wait for clients ("fast"). It may run again afterwards.
func (s *Server) Stop() error { return s.end(syscall.SIGINT) }

// Crash ends the server at once, as when its machine fails, but for the disk. It may run again afterwards.
func (s *Server) Crash() error { return s.end(syscall.SIGQUIT) }

// Freeze has the server stand still until Thaw: its processes answer nothing, and its connections stay.
func (s *Server) Freeze() error { return s.signalAll(syscall.SIGSTOP) }

// Thaw lets a frozen server go on.
func (s *Server) Thaw() error { return s.signalAll(syscall.SIGCONT) }

// signalAll sends a signal to all processes of the server. Each has a process group of its own.
func (s *Server) signalAll(signal syscall.Signal) error {
	children, err := childrenOf(s.process.Pid)
	if err != nil {
		return err
	}
	for _, pid := range append([]int{s.process.Pid}, children...) {
		if err = syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

func (s *Server) end(signal syscall.Signal) error {
	if s.process == nil {
		return nil
	}
	if err := s.process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.ended:
		return nil
	case <-time.After(stopTimeout):
		return errors.Join(errors.New("PostgreSQL does not end"), s.process.Kill())
	}
}

// Remove ends the server and removes everything of it.
func (s *Server) Remove() error { return errors.Join(s.Crash(), os.RemoveAll(s.dir)) }

// RunTool runs a program of PostgreSQL, such as pg_dump, with what it reads and writes.
func RunTool(ctx context.Context, stdin io.Reader, stdout io.Writer, name string, args ...string) error {
	bin, err := findPrograms()
	if err != nil {
		return err
	}
	var failure strings.Builder
	command := exec.CommandContext(ctx, filepath.Join(bin, name), args...)
	command.Stdin, command.Stdout, command.Stderr = stdin, stdout, &failure
	if err = command.Run(); err != nil {
		return fmt.Errorf("%s failed: %w: %s", name, err, failure.String())
	}
	return nil
}
