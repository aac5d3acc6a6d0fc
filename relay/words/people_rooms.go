package words

import (
	"fmt"
	"strings"
)

// OwnRoom is one Wazo chat in the list of a person's own.
type OwnRoom struct {
	Title, UUID string
	Members     int    // the person included
	Outside     bool   // it has participants outside Wazo
	Linked      bool   // with a Matrix room
	MatrixRoom  string // that room; "" if the person is not in it
}

// ownRoom returns what is said of a chat behind its title.
func (t Texts) ownRoom(r OwnRoom) string {
	kind := t.count(r.Members, "%d member", "%d members")
	if r.Members == 2 {
		kind = t.say("direct")
	}
	switch {
	case r.MatrixRoom != "":
		return t.say("%s, linked with %s", kind, matrixTo(r.MatrixRoom))
	case r.Linked:
		return t.say("%s, linked with a Matrix room that you are not in", kind)
	case r.Outside:
		return t.say("%s, with participants outside Wazo", kind)
	default:
		return kind
	}
}

// OwnRooms lists Wazo chats of a person's own account. There are more others.
func (t Texts) OwnRooms(rooms []OwnRoom, more int) string {
	if len(rooms) == 0 {
		return t.say("Your Wazo account is not a member of any chat yet. Type `%s start <name>` to start one.", t.prefix)
	}
	var b strings.Builder
	b.WriteString(t.say("Your Wazo account is a member of these chats:") + "\n\n")
	for i, room := range rooms {
		fmt.Fprintf(&b, "%d. **%s** (`%s`) – %s\n", i+1, Escape(room.Title), room.UUID, t.ownRoom(room))
	}
	if more > 0 {
		b.WriteString("\n" + t.count(more, "There is %d more. You can link it by its name.", "There are %d more. You can link them by their names.") + "\n")
	}
	b.WriteString("\n" + t.say("Type `%s link <number>` in the room that you want to link.", t.prefix))
	return b.String()
}

// NoSuchOwnRoom says that no chat of a person's own account matches.
func (t Texts) NoSuchOwnRoom(what string) string {
	return t.say("I found no Wazo chat %s. Your Wazo account must be a member of it. Type `%s rooms` to see your chats.", code(what), t.prefix)
}

// LinkNeedsLogin refuses to link a chat for a person who is neither logged in nor an administrator.
func (t Texts) LinkNeedsLogin() string {
	return t.say("You can link chats of your own Wazo account. To do that, log in first: type `%s login`. Only the relay's administrators may link chats of the relay's account.", t.prefix)
}

// RoomIsOpenToLink refuses a person who is no administrator to link a room that strangers can read. why is one of the
// texts that begin with Open.
func (t Texts) RoomIsOpenToLink(why string) string {
	return t.say("This room is open to strangers (%s). They could read what is said on Wazo. Close the room, or ask an administrator of the relay to link it.", why)
}

// AlreadyLinked refuses a second link of the same Wazo chat to a person who may not end the other one.
func (t Texts) AlreadyLinked(title string) string {
	return t.say("**%s** is already linked with another Matrix room. Type `%s rooms` to see whether you are in that room.", Escape(title), t.prefix)
}
