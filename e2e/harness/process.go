package harness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

const (
	// stopGrace is how long a process may take to end after SIGTERM before it
	// is killed.
	stopGrace = 15 * time.Second
	// readyTimeout is how long a server may take until it answers.
	readyTimeout = time.Minute
	// probeEvery is the pause between two looks at whether a server is ready.
	probeEvery = 5 * time.Millisecond
	// logTail is how many lines of a process's log go into an error.
	logTail = 40
)

// command says how to start a process. Its environment is env and nothing else;
// if env is nil it is ours.
type command struct {
	name string
	path string
	args []string
	dir  string
	env  []string
	log  string
	// stdin and stdout, if given, are the process's, and the caller closes them
	// here. Without stdin it reads nothing, without stdout its output goes into the
	// log, as its errors always do.
	stdin, stdout *os.File
}

// process is a running child: in a process group of its own, so that a Ctrl-C in
// the terminal reaches only the parent, which then ends it in order; and killed
// by the kernel when the parent dies.
type process struct {
	command
	cmd  *exec.Cmd
	done chan struct{}
	err  error // why it ended; valid after done is closed
}

func startProcess(c command) (*process, error) {
	logFile, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	p := &process{command: c, cmd: exec.Command(c.path, c.args...), done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = c.dir, c.env
	p.cmd.Stdout, p.cmd.Stderr = logFile, logFile
	if c.stdin != nil {
		p.cmd.Stdin = c.stdin
	}
	if c.stdout != nil {
		p.cmd.Stdout = c.stdout
	}
	p.cmd.SysProcAttr = childAttributes()
	started := make(chan error)
	go func() {
		// The kernel sends the parent-death signal when the *thread* that
		// started the child ends, so this one has to live as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer func() { _ = logFile.Close() }()
		err := p.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	if err = <-started; err != nil {
		return nil, fmt.Errorf("failed to start %s: %w", c.name, err)
	}
	return p, nil
}

// waitReady waits until url answers 200, and gives up when the process ends, ctx
// ends or readyTimeout is over.
func (p *process) waitReady(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	for {
		select {
		case <-p.done:
			return p.failure("ended before it was ready", p.err)
		case <-ctx.Done():
			return p.failure("did not become ready", ctx.Err())
		case <-ticker.C:
		}
		if answersOK(ctx, client, url) {
			return nil
		}
	}
}

func answersOK(ctx context.Context, client *http.Client, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// stop asks the process to end and waits for it. A process that doesn't end in
// time is killed, and one that has ended before or with a failure is an error.
func (p *process) stop() error {
	if p.hasEnded() {
		return p.failure("had ended by itself", p.err)
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return p.waitEnd()
}

// waitEnd waits for the end of a process that was told to end. One that doesn't
// end in time is killed, which is an error, as is an end with a failure.
func (p *process) waitEnd() error {
	timer := time.NewTimer(stopGrace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		p.kill()
		return p.failure(fmt.Sprintf("did not stop within %s", stopGrace), p.err)
	}
	if p.err != nil {
		return p.failure("did not stop cleanly", p.err)
	}
	return nil
}

// kill ends the process at once, as a power cut would, and waits for it.
func (p *process) kill() {
	// An error says that it has ended already, which is what is wanted.
	_ = p.cmd.Process.Kill()
	<-p.done
}

func (p *process) hasEnded() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *process) failure(what string, cause error) error {
	if cause == nil {
		cause = errors.New("exit status 0")
	}
	return fmt.Errorf("%s %s: %w\n%s", p.name, what, cause, tail(p.log, logTail))
}

// LogTail returns the last lines of a log, for a person who wonders what happened.
func LogTail(logFile string) string { return tail(logFile, logTail) }

// tail returns the last lines of a file, under its name.
func tail(path string, lines int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return fmt.Sprintf("--- %s, last lines:\n%s\n---", filepath.Base(path), strings.Join(all[max(0, len(all)-lines):], "\n"))
}
