package convert

import "time"

// Removal returns the line that says which message was removed, without its text: "removed
// a message of 14:02". The time is that of the location of written; it has a date unless
// both are on the same day there. author is the name of who had written the message, or ""
// if that is the person who removed it.
func Removal(written, now time.Time, author string, opts WazoOptions) string {
	isToday := written.Format(time.DateOnly) == now.In(written.Location()).Format(time.DateOnly)
	at := opts.Texts.WrittenAt(written, !isToday)
	if author = CleanName(author, MaxProfileBytes); author == "" {
		return opts.Texts.RemovedMessage(at)
	}
	return opts.Texts.RemovedMessageBy(opts.phraser().literal("", author), at)
}
