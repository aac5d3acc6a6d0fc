package convert

import (
	"time"

	"wazo-matrix-relay/relay/words"
)

// Removal returns the line that says which message was removed, without its text: "removed
// a message of 14:02". The time is that of the location of written; it has a date unless
// both are on the same day there. author is the name of who had written the message, or ""
// if that is the person who removed it.
func Removal(written, now time.Time, author string, opts WazoOptions) string {
	layout := "2006-01-02 15:04"
	if written.Format(time.DateOnly) == now.In(written.Location()).Format(time.DateOnly) {
		layout = "15:04"
	}
	at := written.Format(layout)
	if author = CleanName(author, MaxProfileBytes); author == "" {
		return words.RemovedMessage(at)
	}
	return words.RemovedMessageBy(opts.phraser().literal("", author), at)
}
