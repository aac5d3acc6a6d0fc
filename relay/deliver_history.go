package relay

import (
	"context"
	"encoding/json"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay/command"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/wazoapi"
)

// This file shows what was said in a conversation before it opened: few notices with names and times, which notify
// nobody. They are merged as in merge.go, but always, and pictures become links.

// isHistory reports whether a row stands for what was said before its conversation opened.
func (d *matrixDelivery) isHistory(row *db.Row) bool {
	return row.Kind == db.KindMessage && isPast(d.portal, row.Position)
}

// isPast reports whether a message of Wazo at a time, in µs, was written before its conversation opened.
func isPast(portal *db.Portal, at int64) bool {
	return portal.IsOpened() && !portal.HistoryUntil.IsZero() && at <= portal.HistoryUntil.UnixMicro()
}

// mergeHistory makes one part of the row and of those behind it that were said before the conversation opened. It
// returns no part if the row is to be delivered by itself.
func (d *matrixDelivery) mergeHistory(ctx context.Context) (*matrixPart, []*db.Row, error) {
	if !d.isMergeable(d.row) {
		return nil, nil, nil
	}
	following, err := d.db.Queue.Following(ctx, d.row, maxMerged-1)
	if err != nil {
		return nil, nil, err
	}
	var past []convert.Past
	for _, row := range append([]*db.Row{d.row}, following...) {
		said, ok := d.past(ctx, row)
		if !ok {
			break
		}
		past = append(past, said)
	}
	if len(past) < 2 {
		return nil, nil, nil
	}
	content, n := d.typed().History(past, tagBytes)
	if n < 2 {
		return nil, nil, nil
	}
	part := &matrixPart{Content: content}
	for _, row := range following[:n-1] {
		part.Also = append(part.Also, wazoapi.UUID(row.SourceID))
	}
	return part, following[:n-1], nil
}

// past returns what is shown of a row. It reports false if the row is not history, or must be delivered by itself.
func (d *matrixDelivery) past(ctx context.Context, row *db.Row) (past convert.Past, ok bool) {
	if !d.isHistory(row) || !d.isMergeable(row) {
		return past, false
	}
	err := task.Guard(ctx, func() error {
		var message wazoapi.Message
		if err := json.Unmarshal([]byte(row.Payload), &message); err != nil {
			return err
		}
		past = d.pastOf(ctx, message, message.Content)
		ok = !convert.IsEmpty(message.Content) && len(d.typed().Split(message.Content)) == 1
		return nil
	})
	return past, ok && err == nil // what went wrong is found again when the row is delivered by itself
}

func (d *matrixDelivery) pastOf(ctx context.Context, message wazoapi.Message, content string) convert.Past {
	name := d.cast.author(ctx, message).name
	if d.accounts.isRelay(message.UserUUID) { // it was written by somebody on Matrix
		name = convert.CleanName(message.Alias, convert.MaxProfileBytes)
	}
	return convert.Past{Said: convert.Said{ID: string(message.UserUUID), Name: name, Content: content}, At: d.texts.PastTime(message.CreatedAt.Local())}
}

// pastParts are the events that show a message that is delivered by itself.
func (d *matrixDelivery) pastParts(ctx context.Context, message wazoapi.Message) (parts []*matrixPart) {
	for _, text := range d.typed().Split(message.Content) {
		content, _ := d.typed().History([]convert.Past{d.pastOf(ctx, message, text)}, tagBytes)
		parts = append(parts, &matrixPart{Content: content})
	}
	return parts
}

// isPastCommand reports whether a message of a conversation's past is a command of the relay: it is neither answered
// nor shown.
func (a *wazoAccept) isPastCommand(portal *db.Portal, m wazoapi.Message) bool {
	_, isCommand := command.Parse(m.Content, a.cfg.CommandPrefix)
	isOwn := a.accounts.byUUID(m.UserUUID) != nil || !portal.Direct // whoever is outside Wazo gives no commands
	return isCommand && isOwn && isPast(portal, m.CreatedAt.UnixMicro())
}
