package relay

import (
	"cmp"
	"context"

	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/relay/words"
)

// A reaction that the plugin shows has no line on Wazo. If it is given up, people there never hear of it, or go on
// seeing it after it was removed. So the people of the Matrix room are told, of all that is given up together.

// givenUpReactions tell people of reactions that are given up.
type givenUpReactions struct {
	*Relay
	portal *db.Portal
}

// say stores, within a transaction, a notice of reactions that are about to be deleted. It says nothing of those that
// people on Wazo know by a line.
func (g givenUpReactions) say(ctx context.Context, reactions []*db.NativeReaction) error {
	var missing, left []words.GivenUpReaction
	for _, n := range reactions {
		if n.State == db.NativeRemoving {
			left = append(left, words.GivenUpReaction{Emoji: convert.MatrixEmoji(n.Spelling), By: g.nameOf(ctx, g.ownerOf(n))})
			continue
		}
		authors, err := g.unseen(ctx, n)
		if err != nil {
			return err
		}
		for _, author := range authors {
			missing = append(missing, words.GivenUpReaction{Emoji: convert.MatrixEmoji(n.Spelling), By: g.nameOf(ctx, author)})
		}
	}
	if len(missing)+len(left) == 0 {
		return nil
	}
	return g.Say(ctx, g.portal.MatrixRoom, g.texts.ReactionsGivenUp(missing, left), "")
}

// unseen returns who made the reactions on Matrix for which an account was to react on Wazo, without those that a line
// shows there.
func (g givenUpReactions) unseen(ctx context.Context, n *db.NativeReaction) (authors []id.UserID, err error) {
	reactions, err := g.db.Reaction.Behind(ctx, n)
	if err != nil {
		return nil, err
	}
	for _, reaction := range reactions {
		known, err := g.db.Message.ByEvent(ctx, g.portal.ID, reaction.EventID)
		if err != nil {
			return nil, err
		} else if known != nil && known.WazoUUID == reaction.EventID.String() { // see recordSilently
			authors = append(authors, id.UserID(known.Author))
		}
	}
	return authors, nil
}

// ownerOf returns whose account was to react, "" if that is not known, or if it is the relay account.
func (g givenUpReactions) ownerOf(n *db.NativeReaction) id.UserID {
	if acc := g.accounts.withID(n.Account); acc != nil {
		return acc.row.MatrixUser
	}
	return ""
}

func (g givenUpReactions) nameOf(ctx context.Context, user id.UserID) string {
	if user == "" {
		return ""
	}
	return cmp.Or(convert.CleanName(g.matrix.MemberName(ctx, g.portal.MatrixRoom, user), convert.MaxProfileBytes), user.Localpart())
}
