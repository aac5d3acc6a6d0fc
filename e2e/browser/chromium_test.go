package browser

import (
	"errors"
	"os"
	"os/exec"
)

// errNoChromium says what to do on a machine without a browser. The tests do not pass over it: nobody would notice.
var errNoChromium = errors.New("Chromium is not installed, in which these tests look at the log-in page\n" +
	"hint: install it (Debian: apt-get install chromium), or name the program in the environment variable CHROMIUM")

// findChromium returns the path of the browser.
func findChromium() (string, error) {
	if given := os.Getenv("CHROMIUM"); given != "" {
		return exec.LookPath(given)
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNoChromium
}
