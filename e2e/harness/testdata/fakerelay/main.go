// Command fakerelay stands in for the relay in the harness's own tests: it
// answers its health check, remembers in its "database" how often it was
// started, and can be told to fail.
package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	if reason := os.Getenv("FAIL"); reason != "" {
		fmt.Fprintln(os.Stderr, "error:", reason)
		os.Exit(3)
	}
	database := os.Getenv("DATABASE_URL")
	starts, _ := os.ReadFile(database)
	if err := os.WriteFile(database, append(starts, 'x'), 0o600); err != nil {
		panic(err)
	}
	http.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("GET /environment", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, strings.Join(os.Environ(), "\n"))
	})
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM) // before it is ready
	go func() { panic(http.ListenAndServe(os.Getenv("ADMIN_LISTEN"), nil)) }()
	<-end
	fmt.Println("ended in order")
}
