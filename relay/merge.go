package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/util/jsontime"
	"maunium.net/go/mautrix/event"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/internal/task"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/wazoapi"
)

// This file merges messages: while the homeserver limits how much the account sends, the messages that wait in a queue
// to Matrix become one event. The first of their rows carries the request, and the others are merged into it until they
// leave together. If the event cannot be delivered, the merge is undone, and each of the messages is tried alone.

const (
	// maxMerged is how many messages one event shows at most.
	maxMerged = 100
	// tagBytes is what each message adds to the tag of a merged event: a uuid in quotation marks, and a comma.
	tagBytes = 40
)

// merge makes one part of the row and of rows behind it, if the homeserver limits the account. It returns the rows
// behind it that the part shows, and none if the row is to be delivered by itself.
func (d *matrixDelivery) merge(ctx context.Context) (*matrixPart, []*db.Row, error) {
	if d.isHistory(d.row) {
		return d.mergeHistory(ctx)
	} else if !d.isMergeable(d.row) || !d.matrix.IsLimited() {
		return nil, nil, nil
	}
	following, err := d.db.Queue.Following(ctx, d.row, maxMerged-1)
	if err != nil {
		return nil, nil, err
	}
	var said []convert.Said
	var authors []character
	people := convert.People{}
	for _, row := range append([]*db.Row{d.row}, following...) {
		message, author, ok := d.mergeable(ctx, row)
		if !ok {
			break
		}
		said, authors = append(said, message), append(authors, author)
		if len(people) == 0 {
			people = d.cast.mentionable(ctx, message.Content)
		}
	}
	if len(said) < 2 {
		return nil, nil, nil
	}
	var content *event.MessageEventContent
	n := 0
	err = task.Guard(ctx, func() error { // the row is not at fault if they cannot be shown together
		content, n = d.typed().Merge(said, tagBytes, people...)
		return nil
	})
	if err != nil || n < 2 {
		return nil, nil, nil
	}
	part, merged := &matrixPart{Content: content}, following[:n-1]
	if author := authors[0]; !slices.ContainsFunc(authors[:n], func(other character) bool { return other != author }) {
		part.As, part.Content = author.user, author.quieten(content)
	}
	for _, row := range merged {
		part.Also = append(part.Also, wazoapi.UUID(row.SourceID))
	}
	return part, merged, nil
}

// isMergeable reports whether nothing was sent of a row and nothing forbids to merge it.
func (d *matrixDelivery) isMergeable(row *db.Row) bool {
	return row.Kind == db.KindMessage && row.State == db.StateNew && !row.HasRequest() && row.Part == 0 && row.MergedInto == 0 && !row.Alone
}

// mergeable returns what a merged event shows of a row, and its author. It reports false for a row that must be
// delivered by itself: it has pictures, nothing to show or too much, cannot be converted, may have been posted for
// somebody on Matrix, or may be a reply.
func (d *matrixDelivery) mergeable(ctx context.Context, row *db.Row) (said convert.Said, author character, ok bool) {
	if !d.isMergeable(row) {
		return said, author, false
	}
	err := task.Guard(ctx, func() error {
		var message wazoapi.Message
		if err := json.Unmarshal([]byte(row.Payload), &message); err != nil {
			return err
		}
		if held, err := d.echoes.holds(ctx, row); err != nil || held || d.wazoRelations.replies.mayBeReply(d.portal, row) {
			return err
		}
		ok = !convert.IsEmpty(message.Content) && len(d.typed().Pictures(message.Content)) == 0 && len(d.typed().Split(message.Content)) == 1
		author = d.cast.author(ctx, message)
		said = convert.Said{ID: string(message.UserUUID), Name: author.name, Content: message.Content}
		return nil
	})
	return said, author, ok && err == nil // what went wrong is found again when the row is delivered by itself
}

// markMerged stores a merged request before it is sent. It reports false if one of the rows is not what was read any
// more.
func (d *matrixDelivery) markMerged(ctx context.Context, part *matrixPart, merged []*db.Row) (bool, error) {
	data, err := json.Marshal(part)
	if err != nil {
		return false, fmt.Errorf("failed to store the request of %s: %w", d.row.SourceID, err)
	}
	err = d.db.Queue.MarkMerged(ctx, d.row, merged, string(data), jsontime.UM(time.Now()))
	if errors.Is(err, db.ErrRowChanged) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	d.row.Parts = 1
	if !d.isHistory(d.row) {
		zerolog.Ctx(ctx).Debug().Int("messages", 1+len(merged)).Msg("Merged messages into one event, because the homeserver limits how fast the bot may send")
	}
	return true, nil
}

// undoMerge undoes the merge of a row whose merged event could not be delivered, after it is certain that the event did
// not arrive. It reports false if the row is not that of a merge.
func (d *matrixDelivery) undoMerge(ctx context.Context) (result outcome, done bool, err error) {
	if !d.row.Alone || !d.row.HasRequest() {
		return 0, false, nil
	}
	merged, err := d.db.Queue.IsMerged(ctx, d.row.ID)
	if err != nil || !merged {
		return 0, false, err
	}
	if d.row.State == db.StateAttempted {
		if arrived, err := d.arrived(ctx); err != nil {
			return 0, false, err
		} else if arrived {
			return outcomeDelivered, true, nil
		}
	}
	return outcomeChanged, true, d.db.Queue.Unmerge(ctx, d.row.ID)
}
