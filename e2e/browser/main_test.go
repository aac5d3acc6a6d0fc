// Package browser tests the relay's log-in page in Chromium: the real program serves it, between a real homeserver and
// an in-memory Wazo, and a person gets its address from the bot.
//
// Each state of the page is looked at on a telephone and on a desktop, in light and in dark (look_test.go): axe-core
// must find nothing wrong, nothing may be wider than the screen, and the pictures can be kept to look at them
// (SCREENSHOTS). The other tests use the page as people do: with a keyboard alone, without scripts, with names that
// mean harm.
package browser

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"
)

// startTimeout bounds the start of everything. A build of the homeserver from nothing is the longest part.
const startTimeout = 15 * time.Minute

// What all tests share.
var (
	shared   *stage.Stage
	chromium context.Context // of the running browser
	axe      string          // the source of axe-core
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	path, err := findChromium()
	if err != nil {
		return 1, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if axe, err = installAxe(ctx); err != nil {
		return 1, err
	}
	dir, remove, err := harness.TempDir()
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	opened, closeProxy, err := openStage(ctx, dir)
	if err != nil {
		return 1, err
	}
	shared = opened
	defer func() {
		closeProxy()
		err = errors.Join(err, shared.Close())
	}()
	stop, err := startChromium(path, filepath.Join(dir, "chromium"))
	if err != nil {
		return 1, err
	}
	defer stop()
	if code = m.Run(); code != 0 {
		fmt.Fprintln(os.Stderr, harness.LogTail(shared.Relay.LogFile()))
	}
	return code, nil
}

// openStage starts a homeserver, a Wazo and a relay behind a reverse proxy, which speaks https as the documentation
// asks for.
func openStage(ctx context.Context, dir string) (*stage.Stage, func(), error) {
	port, err := harness.FreePort()
	if err != nil {
		return nil, nil, err
	}
	listen := fmt.Sprintf("127.0.0.1:%d", port)
	proxy := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: listen})
		r.Out.Host = r.In.Host
		r.SetXForwarded()
	}})
	opened, err := stage.Open(ctx, stage.Config{Dir: dir, Env: map[string]string{
		"ALLOWED_USERS": "@*:" + harness.ServerName,
		"LISTEN":        listen,
		"PUBLIC_URL":    proxy.URL + "/relay",
	}})
	return opened, proxy.Close, err
}

// installAxe returns the source of axe-core, after npm has installed it if it is not there.
func installAxe(ctx context.Context) (string, error) {
	dir, err := harness.InstallNPM(ctx, "browser")
	if err != nil {
		return "", err
	}
	source, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	return string(source), err
}

// startChromium starts the browser that all tests share. It keeps its files in dir, and asks nobody outside of this
// machine.
func startChromium(path, dir string) (stop context.CancelFunc, err error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.IgnoreCertErrors, // nobody has signed that of the proxy
		chromedp.UserDataDir(dir),
		chromedp.WSURLReadTimeout(time.Minute), // the first start, on a machine that has much to do
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // as root, Chromium does not start with it
	}
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	browser, _ := chromedp.NewContext(allocator)
	if err = chromedp.Do(browser); err != nil {
		end()
		return nil, fmt.Errorf("failed to start Chromium: %w", err)
	}
	chromium = browser
	return func() {
		_ = chromedp.Cancel(browser) // it is killed below if it does not end
		end()
	}, nil
}
