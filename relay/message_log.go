package relay

import (
	"context"

	"github.com/rs/zerolog"
)

// MessageIDField is the field of the log that names a message, on both sides: the id of the Matrix event, or the uuid
// of the Wazo message, with which it came.
const MessageIDField = "message_id"

type messageIDKey struct{}

// withMessageID returns a context for what is done with a message. All that is logged with it names the message.
func withMessageID(ctx context.Context, messageID string) context.Context {
	ctx = context.WithValue(ctx, messageIDKey{}, messageID)
	return zerolog.Ctx(ctx).With().Str(MessageIDField, messageID).Logger().WithContext(ctx)
}

// LogMessageID returns a logger that also names the message that ctx is about, if there is one.
func LogMessageID(ctx context.Context, log zerolog.Logger) zerolog.Logger {
	if messageID, ok := ctx.Value(messageIDKey{}).(string); ok {
		return log.With().Str(MessageIDField, messageID).Logger()
	}
	return log
}
