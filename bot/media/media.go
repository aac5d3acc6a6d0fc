// Package media carries files between Matrix and Wazo, whose chat supports text only.
//
// # Files of Matrix messages
//
// A file of a Matrix message becomes a link in the Wazo chat. The core decides which files get a link, and stores a row
// in the table media before it posts the link. [Server] answers the requests of people who follow it.
//
//   - The key in a link has 192 bits that nobody can guess, and the database stores only its hash. Nothing of a link is
//     logged.
//   - A link works until its row expires, MEDIA_DAYS after the link was made. A link that is unknown, malformed,
//     expired or redacted always gets the same answer, so that nobody can learn from it what was once there.
//   - When the message is redacted, the core deletes the row, and the link stops working. The server looks the row up
//     again after it has downloaded the file, so that a file whose message was redacted meanwhile is not sent. A
//     response that has begun is not cut, and a browser may keep its copy for an hour.
//   - A file is downloaded from the homeserver when somebody asks for it, once for all who ask at the same time. An
//     encrypted file is decrypted on the way. No byte of it is sent before its hash is verified.
//   - Downloaded files are temporary files without a name: nothing of them stays on the disk when the process ends,
//     however it ends. At most 16 are kept at a time. A file that nobody reads is closed after 30 seconds.
//   - A browser shows only types that cannot hold scripts, whatever the sender says about the type: pictures, videos,
//     sounds and plain text. All others can only be saved. Every answer carries headers that sandbox it.
//   - At most 128 requests are answered at a time. A reader may take nothing for 30 seconds, and one answer may take 30
//     minutes. A download from the homeserver may take 5 minutes, and no file is larger than MEDIA_MAX_SIZE.
//
// # Pictures of Wazo messages
//
// A Wazo message can name pictures by their addresses. [Pictures] fetches such a picture and uploads it, encrypted if
// the room is. It looks at the beginning of the file to find out what is in it, and never decodes the picture itself.
//
// The addresses come from strangers, so [Fetcher] guards the network of this machine against server-side request
// forgery:
//
//   - It fetches only https and data addresses, without a password in them, and follows at most 3 redirects.
//   - It connects only to ordinary addresses on the internet, and never to an address of this machine or of a network
//     that this machine is in. It checks the address that is really dialled, since a name may lead to another one each
//     time.
//   - It sends no cookies and no referrer, uses no proxy, and unpacks nothing.
//   - It gives up after 10 seconds, and after MEDIA_MAX_SIZE bytes.
//   - Its errors contain neither the address nor any text of an answer, so that they can be logged.
//
// Hosts that the administrator lists in MEDIA_FETCH_HOSTS may be on a private network, and may be asked by http.
//
// # Avatars of Wazo people
//
// [Avatars] gives each Wazo person a picture of their initials, which package avatar draws. It is uploaded once for
// rooms that are encrypted and once for all others, and the database stores where.
//
// # Failures
//
// Errors of the homeserver and of the way to it are of type [relay.MatrixError] when something is uploaded, so that the
// core can decide whether to try again. Every other error of [Pictures] means that the picture cannot be shown. A panic
// during a download is logged with its stack, without its value, which may be secret. Only those who wait for this file
// get an error.
package media

import (
	"context"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/relay"
)

// Homeserver is what this package needs of the Matrix account.
type Homeserver struct {
	// Client returns a client for one transfer, with the access token of this moment. The client must return the errors
	// of rate limits at once: transfers have rate limits of their own, and nothing else may wait for them.
	Client func() *mautrix.Client
	// IsEncrypted reports whether a room is encrypted. Its errors are of type *relay.MatrixError.
	IsEncrypted func(ctx context.Context, roomID id.RoomID) (bool, error)
	// MatrixError says what an error of the client means.
	MatrixError func(err error) *relay.MatrixError
}
