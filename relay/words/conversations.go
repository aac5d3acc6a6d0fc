package words

import "time"

// Conversations that open by themselves.

// PastTime is when a message was written that is shown as history.
func (t Texts) PastTime(at time.Time) string { return t.at(at) }

// ConversationTopic is the topic of a room that the bot has made for a conversation on Wazo. It is plain text.
func (t Texts) ConversationTopic() string {
	return t.say("This is a chat on Wazo. To stop being invited here, type %s mute and leave this room.", t.prefix)
}

// ConversationReady tells a person who asked for a conversation where it is.
func (t Texts) ConversationReady(title, room string) string {
	return t.say("I have invited you to the room of the Wazo chat **%s**: %s", Escape(title), matrixTo(room))
}

// ConversationNotReady tells a person who asked for a conversation that they cannot have it.
func (t Texts) ConversationNotReady() string {
	return t.say("I could not open the Wazo chat that you asked for: you are not a member of it any more.")
}

// ConversationRefused tells a person who asked for a conversation that the homeserver does not let the bot invite them.
func (t Texts) ConversationRefused(title string) string {
	return t.say("I could not invite you to the room of the Wazo chat **%s**: the homeserver refuses this invite. "+
		"Check whether your app or your account blocks invites. Then ask for the chat again.", Escape(title))
}

// CannotOpen tells a person that the homeserver does not let the bot make a room. code is the homeserver's error code.
func (t Texts) CannotOpen(title, code string) string {
	return t.say("You have a message in the Wazo chat **%s**, but the homeserver does not let me create a room for it (`%s`). "+
		"An administrator of the homeserver must allow this. I will try again, and the message will not be lost.", Escape(title), code)
}

// NotInWazoRoom answers a person who asks for a Wazo chat in which they are not.
func (t Texts) NotInWazoRoom() string {
	return t.say("I know no Wazo account of yours that is a member of this chat. Type `%s login` in our direct chat to log in to Wazo.", t.prefix)
}

// ConversationKick is the reason that the bot gives when it removes a person from the room of a conversation. It is
// plain text.
func (t Texts) ConversationKick() string {
	return t.say("You are not a member of this chat on Wazo any more.")
}

// ConversationLost tells a person that the bot has removed them from the room of a conversation.
func (t Texts) ConversationLost(title string) string {
	return t.say("I have removed you from the room of the Wazo chat **%s**: as far as I know, you are not a member of this chat any more.", Escape(title))
}

// ConversationOver is the reason that the bot gives when it leaves the room of a conversation. It is plain text.
func (t Texts) ConversationOver() string {
	return t.say("Nobody is left here. The next message on Wazo will open a new room.")
}

// EndedWithMessages tells a person that what they said was not delivered before the conversation ended.
func (t Texts) EndedWithMessages(title string) string {
	return t.say("The room of the Wazo chat **%s** is closed, because everybody has left it. Some of your last messages there were not delivered to Wazo.", Escape(title))
}

// CannotUnlinkOpened answers an unlink in the room of a conversation that has opened by itself.
func (t Texts) CannotUnlinkOpened() string {
	return t.say("Nobody linked this room by a command, so you cannot unlink it. Leave the room if you do not want it. To stop being invited here, type `%s mute` first.", t.prefix)
}

// Muted answers a mute in the room that it is about.
func (t Texts) Muted(title string) string {
	return t.say("I will not invite you to the Wazo chat **%s** again. Now you can leave this room. Until you leave, you see its messages. "+
		"Type `%s unmute` to take this back.", Escape(title), t.prefix)
}

// MutedElsewhere answers a mute that names a Wazo chat.
func (t Texts) MutedElsewhere(title, uuid string) string {
	return t.say("I will not invite you to the Wazo chat **%s** again. If you are in its room, you can leave it now. Type `%s unmute %s` to take this back.",
		Escape(title), t.prefix, uuid)
}

// Unmuted answers an unmute.
func (t Texts) Unmuted(title string, was bool) string {
	if !was {
		return t.say("You had not muted the Wazo chat **%s**.", Escape(title))
	}
	return t.say("I will invite you to the Wazo chat **%s** again when somebody writes there.", Escape(title))
}

// MuteUsage says how to use the mute and unmute commands.
func (t Texts) MuteUsage(command string) string {
	return t.say("Type `%[1]s %[2]s` in the room of a Wazo chat that has opened by itself, or name the chat: `%[1]s %[2]s <name or uuid>`.", t.prefix, command)
}

// MuteLinked answers a mute in a room that was linked by a command.
func (t Texts) MuteLinked() string {
	return t.say("This room was linked by a command, so I do not invite anybody to it. Leave the room if you do not want to see its messages.")
}

// Auto says which conversations open for a person by themselves: "on", "off" or "direct".
func (t Texts) Auto(auto string) string {
	var said string
	switch auto {
	case "off":
		said = t.say("Wazo chats do not open for you by themselves. You stay in the rooms that you are in.")
	case "direct":
		said = t.say("Wazo chats with one other person open for you by themselves.")
	default:
		said = t.say("All your Wazo chats open for you by themselves: when somebody writes in one, I invite you to its room.")
	}
	return t.say("%[2]s Type `%[1]s auto on`, `%[1]s auto direct` or `%[1]s auto off` to change this.", t.prefix, said)
}

// AutoUsage answers an auto command that cannot be understood.
func (t Texts) AutoUsage() string {
	return t.say("Type `%[1]s auto on` to have all your Wazo chats open by themselves, `%[1]s auto direct` for those with one other person, or `%[1]s auto off` for none.", t.prefix)
}

func matrixTo(room string) string { return "https://matrix.to/#/" + room }
