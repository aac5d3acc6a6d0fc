package relay

import (
	"context"
	"strings"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"wazo-matrix-relay/db"
	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/wazoapi"
)

// Member is somebody in a Matrix room.
type Member struct {
	Name   string // the display name; may be empty
	Joined bool   // not only invited
}

// cast are the people of a portal as its messages to Matrix show them. Those of Wazo who are known on Matrix, and have
// joined the room, are shown by their names there, and can be mentioned. A cast belongs to one delivery.
type cast struct {
	*directory
	identities *identities
	matrix     Matrix
	room       id.RoomID
	wazoRoom   wazoapi.UUID
	reader     *account    // who reads the Wazo room, nil if nobody can
	since      db.WazoTime // what is older was said before the link, and is not shown

	portal  *db.Portal
	numbers *db.Outsides
	outside *db.Outside // who is outside Wazo, nil if nobody is; see outsideNumber
	isAsked bool        // whether outside was looked up

	isKnown bool // whether members were looked up
	members map[id.UserID]Member
	onWazo  *wazoMembers // nil: they were not looked up
}

func newCast(r *Relay, portal *db.Portal) *cast {
	return &cast{
		directory: r.directory, identities: r.identities, matrix: r.matrix, room: portal.MatrixRoom, wazoRoom: wazoapi.UUID(portal.WazoRoom),
		reader: r.readers.of(portal), since: linkedSince(portal), portal: portal, numbers: r.db.Outside,
	}
}

// linkedSince returns when a portal was linked. It is zero for a conversation that opened by itself: its people could
// always read the Wazo room.
func linkedSince(portal *db.Portal) db.WazoTime {
	if portal.IsOpened() {
		return db.WazoTime{}
	}
	return portal.StartedOnWazo
}

// character is how the author of a message is shown.
type character struct {
	name  string
	user  id.UserID // who the author is in the Matrix room; empty: nobody there
	alone bool      // nobody but the author and the bot is in the Matrix room
}

// memberOf returns who a user on Wazo is in the Matrix room. It reports false if they are not there.
func (c *cast) memberOf(ctx context.Context, wazo wazoapi.UUID) (user id.UserID, member Member, ok bool) {
	if user, ok = c.identities.ofWazo(wazo); !ok {
		return "", Member{}, false
	}
	if !c.isKnown {
		c.isKnown = true
		var err error
		if c.members, err = c.matrix.Members(ctx, c.room); err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Msg("Failed to look up the members of a room") // a message is worth more
		}
	}
	member = c.members[user]
	return user, member, member.Joined
}

// author returns how the author of a message is shown: as on Matrix, if the author is in the room there. Those of the
// same name are told apart.
func (c *cast) author(ctx context.Context, message wazoapi.Message) character {
	if number := c.outsideNumber(ctx, message.UserUUID); number != "" {
		return character{name: c.directory.outside.nameOf(ctx, number)}
	}
	members := c.wazoMembers(ctx) // the author is among them, so that the directory is asked once for all
	user, member, ok := c.memberOf(ctx, message.UserUUID)
	if !ok {
		return character{name: members.toldApart(message.UserUUID, c.profileName(ctx, message))}
	}
	author := character{name: members.toldApart(message.UserUUID, matrixName(user, member)), user: user, alone: true}
	for other := range c.members {
		author.alone = author.alone && (other == user || other == c.matrix.UserID())
	}
	return author
}

// mentionable returns the members of the Wazo room by their names in the directory, with who they are in the Matrix
// room.
func (c *cast) mentionable(ctx context.Context, content string) convert.People {
	if !strings.Contains(content, "@") || !c.identities.any() {
		return nil
	}
	members := c.namedMembers(ctx)
	people := make(convert.People, 0, len(members.uuids))
	for _, uuid := range members.uuids {
		person := convert.Person{ID: string(uuid), Name: contactName(members.contacts, uuid)}
		if user, _, ok := c.memberOf(ctx, uuid); ok {
			person.User = user
		}
		people = append(people, person)
	}
	return people
}

// show shows a content as that of an author. Nobody is notified of what they wrote themselves, if that can be had: the
// push rules of Matrix cannot leave out a single member, so the content becomes a notice only if nobody else is to be
// notified.
func (a character) show(content *event.MessageEventContent, wazo wazoapi.UUID) *event.MessageEventContent {
	convert.AddProfile(content, string(wazo), a.name)
	return a.quieten(content)
}

// quieten makes a notice of a text that only its author and the bot will see.
func (a character) quieten(content *event.MessageEventContent) *event.MessageEventContent {
	if a.alone && content.MsgType == event.MsgText {
		content.MsgType = event.MsgNotice
	}
	return content
}

// quoteOf returns what is quoted of a message of Wazo: of what was said before the link only the author.
func (c *cast) quoteOf(ctx context.Context, preview wazoapi.Preview) convert.Quote {
	var quote convert.Quote
	if preview.CreatedAt.After(c.since.Time) {
		quote.Text = convert.WazoPreview(c.texts, preview.Content)
	}
	switch {
	case preview.Author == "" || c.identities.accounts.isRelay(preview.Author):
		quote.Author = preview.Alias // somebody on Matrix
	default:
		quote.Author = c.author(ctx, wazoapi.Message{UserUUID: preview.Author, Alias: preview.Alias}).name
	}
	return quote
}
