package words

import (
	"strings"
	"time"
)

// NotDelivered tells a Matrix sender why a message was not delivered to Wazo.
func (t Texts) NotDelivered(why string) string {
	return t.say("This message was not delivered to Wazo: %s", why)
}

// PerhapsDelivered is NotDelivered for a message that Wazo may have stored although it answered with an error.
func (t Texts) PerhapsDelivered(why string) string {
	return t.say("I cannot tell whether this message was delivered to Wazo: %s Look there before you send it again, or type `%s retry` here. Then I look before I try once more.", why, t.prefix)
}

// GivenUpReaction is a reaction that Wazo did not add or remove.
type GivenUpReaction struct {
	Emoji string
	By    string // the name of who reacted on Matrix; empty: it is not known
}

// ReactionsGivenUp tells the people of a Matrix room of reactions that are missing on Wazo, and of those that are left
// there although they were removed.
func (t Texts) ReactionsGivenUp(missing, left []GivenUpReaction) string {
	var said []string
	if len(missing) > 0 {
		said = append(said, t.say("I could not add these reactions on Wazo, so people there do not see them: %s.", givenUp(missing)))
	}
	if len(left) > 0 {
		said = append(said, t.say("I could not remove these reactions on Wazo, so people there may still see them: %s.", givenUp(left)))
	}
	return strings.Join(said, " ")
}

// givenUp lists reactions: "👍 (Ann), 🎉".
func givenUp(reactions []GivenUpReaction) string {
	shown := make([]string, len(reactions))
	for i, reaction := range reactions {
		shown[i] = Escape(reaction.Emoji)
		if reaction.By != "" {
			shown[i] += " (" + Escape(reaction.By) + ")"
		}
	}
	return strings.Join(shown, ", ")
}

// CannotShow stands in a Matrix room for a Wazo message that cannot be shown there.
func (t Texts) CannotShow(name, why string) string {
	return t.say("A message from %s on Wazo cannot be shown here: %s", Escape(name), why)
}

// Paused says that a link is paused, why, and what to do.
func (t Texts) Paused(why string) string {
	return t.say("I cannot relay at the moment: %s Messages are kept and delivered once this is fixed.", why)
}

// GoesOn says that a paused link works again.
func (t Texts) GoesOn() string {
	return t.say("Relaying messages again.")
}

// Outage says that a service has not been reachable for a minute.
func (t Texts) Outage(service string) string {
	return t.say("%s cannot be reached at the moment. Messages are kept and delivered in order once it is back.", service)
}

// OutageOver says that the service can be reached again.
func (t Texts) OutageOver(service string) string {
	return t.say("%s is back. Messages are delivered again.", service)
}

// GapLost says that the bot cannot read a part of the room's history.
func (t Texts) GapLost() string {
	return t.say("I was away and cannot read what was said here in the meantime, so I cannot deliver it to Wazo. If something is missing on Wazo, please send it again.")
}

// RemovedFromRoom tells the person who linked a room that the bot was removed from it.
func (t Texts) RemovedFromRoom(matrixRoom, title string) string {
	return t.say("I was removed from %[1]s (`%[2]s`), which is linked with **%[3]s**. Messages from Wazo are kept. "+
		"Invite me again to continue, or type `%[4]s unlink %[2]s` here to end the link.",
		matrixTo(matrixRoom), matrixRoom, Escape(title), t.prefix)
}

// CannotSpeakInRoom tells the person who linked a room that the bot may not speak there any more, and why.
func (t Texts) CannotSpeakInRoom(matrixRoom, title, why string) string {
	return t.say("I cannot relay in %[1]s (`%[2]s`), which is linked with **%[3]s**: %[4]s Messages from Wazo are kept and delivered once this is fixed. "+
		"To end the link instead, an administrator of the relay types `%[5]s unlink %[2]s` here.",
		matrixTo(matrixRoom), matrixRoom, Escape(title), why, t.prefix)
}

// SaidInRoom passes on to the person who linked a room what the bot could not say there.
func (t Texts) SaidInRoom(matrixRoom, notice string) string {
	return t.say("I may not send messages in %s (`%s`). I wanted to say there:\n\n%s", matrixTo(matrixRoom), matrixRoom, notice)
}

// WaitsForMatrix says for how long a message has been waiting to be shown in a Matrix room.
func (t Texts) WaitsForMatrix(matrixRoom string, waited time.Duration) string {
	return t.say("a message has been waiting for %s to be shown in `%s`.", t.lasting(waited), matrixRoom)
}

// WaitsForWazo says for how long a message of a Matrix room has been waiting to be posted on Wazo.
func (t Texts) WaitsForWazo(matrixRoom string, waited time.Duration) string {
	return t.say("a message from `%s` has been waiting for %s to be posted on Wazo.", matrixRoom, t.lasting(waited))
}

// PausedRoom says that the link of a Matrix room is paused.
func (t Texts) PausedRoom(matrixRoom, why string) string {
	return t.say("`%s` is paused: %s", matrixRoom, why)
}

// Failing says a reason why a side is not well, and for how long it has not been.
func (t Texts) Failing(why string, lasted time.Duration) string {
	return t.say("%s This has lasted for %s.", why, t.lasting(lasted))
}

// ClocksDiffer says that the clock of a server differs from that of the relay. ahead is by how much, negative if it is
// behind.
func (t Texts) ClocksDiffer(wazo bool, ahead time.Duration) string {
	by := t.lasting(ahead.Abs())
	switch {
	case wazo && ahead > 0:
		return t.say("the clock of Wazo is %s ahead of that of the relay. Set both clocks.", by)
	case wazo:
		return t.say("the clock of Wazo is %s behind that of the relay. Set both clocks.", by)
	case ahead > 0:
		return t.say("the clock of the homeserver is %s ahead of that of the relay. Set both clocks.", by)
	default:
		return t.say("the clock of the homeserver is %s behind that of the relay. Set both clocks.", by)
	}
}

// WhyNoKey says that the key of a message is missing, and for how long the message is kept.
func (t Texts) WhyNoKey(kept time.Duration) string {
	return t.say("I could not decrypt it. If its key reaches me within %s, I deliver the message late. You can also send it again.", t.lasting(kept))
}

// WhyKeyWithheld says that the sender's client decided not to share the key of a message, and for how long the message
// is kept.
func (t Texts) WhyKeyWithheld(kept time.Duration) string {
	return t.say("your app did not share the key of the message with me, perhaps because it does not trust my device. "+
		"If the key reaches me within %s, I deliver the message late. You can also send it again.", t.lasting(kept))
}

// KeyNeverCame tells the sender that the relay drops a message because its key did not come in time.
func (t Texts) KeyNeverCame(kept time.Duration) string {
	return t.say("I could not deliver this message to Wazo, because its key did not reach me within %s. Please send it again if it is still needed.", t.lasting(kept))
}

// MayBeDelivered tells the sender of a message that the relay cannot decrypt and may have delivered before it was
// restored.
func (t Texts) MayBeDelivered(kept time.Duration) string {
	return t.say("I cannot tell whether this message was delivered to Wazo: I was restored from a backup that is older than the message, and I could not decrypt it. "+
		"Please look there before you send it again. If its key reaches me within %s and the message is not there, I deliver it late.", t.lasting(kept))
}

// KeyNeverCameButMayBeDelivered is KeyNeverCame for a message that may have been delivered before the relay was
// restored.
func (t Texts) KeyNeverCameButMayBeDelivered(kept time.Duration) string {
	return t.say("The key of this message did not reach me within %s, so I cannot tell whether it was delivered to Wazo before I was restored from a backup. "+
		"Please look there, and send it again if it is missing.", t.lasting(kept))
}

// LastError is what the status command shows of the latest failure.
// It leaves out the advice to send a message again, because it does not say which message.
func (t Texts) LastError(when time.Time, why Why) string {
	what := t.Why(why)
	if why == WhyUndecryptable {
		what = t.Say(undecryptable)
	}
	return t.say("%s: %s", t.at(when.UTC()), what)
}

// ServiceWazo names the service in an outage.
const ServiceWazo = "Wazo"
