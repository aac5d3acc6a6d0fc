package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mdp/qrterminal/v3"
	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/bot/device"
)

// logIn logs the bot in by the homeserver's OAuth 2.0 provider. Somebody approves that in a browser, anywhere. The
// database keeps the log-in for the relay, which must not be running.
func logIn(ctx context.Context, cfg *config, log zerolog.Logger, stdout io.Writer) (err error) {
	if cfg.MatrixAccessToken != "" {
		return hint(errors.New("MATRIX_ACCESS_TOKEN is set, and the relay would use that instead of the log-in"), "remove MATRIX_ACCESS_TOKEN and run wazo-matrix-relay login again")
	}
	database, err := cfg.openDatabase(ctx, log)
	if err != nil {
		return databaseHint(err)
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	manager := device.New(device.Config{
		UserID: id.UserID(cfg.MatrixUserID), HomeserverURL: string(cfg.MatrixHomeserverURL), RecoveryKey: string(cfg.MatrixRecoveryKey),
		UserAgent: userAgent(), ClientURI: cfg.clientURI(), ShowRecoveryKey: func(string) {}, OnLogin: func() {},
	}, database, log.With().Str("part", "matrix").Logger())
	authorization, err := manager.BeginLogIn(ctx)
	if err != nil {
		return matrixHint(err)
	}
	showAuthorization(stdout, id.UserID(cfg.MatrixUserID), authorization)
	deviceID, err := authorization.Complete(ctx)
	switch {
	case errors.Is(err, context.Canceled):
		return hint(errors.New("the log-in was not completed"), "run wazo-matrix-relay login again; nothing has changed")
	case errors.Is(err, device.ErrTokenMismatch):
		return hint(err, fmt.Sprintf("nothing has changed; run wazo-matrix-relay login again, and log in as %s in the browser, for example in a private window", cfg.MatrixUserID))
	case err != nil:
		return matrixHint(err)
	}
	fmt.Fprintf(stdout, "%s is logged in, on the device %s. Start the relay now.\n", cfg.MatrixUserID, deviceID)
	if cfg.MatrixPassword != "" {
		fmt.Fprintln(stdout, "MATRIX_PASSWORD is not needed any more. The relay would use it only after this log-in has ended.")
	}
	return nil
}

// showAuthorization prints what somebody has to do in a browser.
func showAuthorization(w io.Writer, user id.UserID, a *device.Authorization) {
	fmt.Fprintf(w, `
To log in as %s, open this page in a browser, on any device:

    %s

Enter this code there:

    %s

If the browser is logged in as somebody else, log in as %s first.
`, user, printable(a.Address), printable(a.Code), user)
	if complete := printable(a.CompleteAddress); complete != "" {
		fmt.Fprintf(w, "\nThis code leads to the page, too, for a telephone with a camera:\n\n")
		qrterminal.GenerateHalfBlock(complete, qrterminal.L, w)
		fmt.Fprintf(w, "\n    %s\n", complete)
	}
	fmt.Fprintf(w, "\nWaiting until %s for the approval. Ctrl+C ends this without any change.\n\n", a.Expires.Format(time.TimeOnly))
}

// printable takes out of a text what a terminal would obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, text)
}
