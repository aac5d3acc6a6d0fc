package words

import (
	"fmt"
	"strings"
	"time"
)

// NotDelivered tells a Matrix sender why a message was not delivered to Wazo.
func (t Texts) NotDelivered(why string) string {
	return "This message was not delivered to Wazo: " + why
}

// GivenUpReaction is a reaction that Wazo did not add or remove.
type GivenUpReaction struct {
	Emoji string
	By    string // the name of who reacted on Matrix; empty: it is not known
}

// ReactionsGivenUp tells the people of a Matrix room of reactions that are missing on Wazo, and of those that are left there although they
// were removed.
func (t Texts) ReactionsGivenUp(missing, left []GivenUpReaction) string {
	var said []string
	if len(missing) > 0 {
		said = append(said, "I could not add these reactions on Wazo, so people there do not see them: "+givenUp(missing)+".")
	}
	if len(left) > 0 {
		said = append(said, "I could not remove these reactions on Wazo, so people there may still see them: "+givenUp(left)+".")
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
	return fmt.Sprintf("A message from %s on Wazo cannot be shown here: %s", Escape(name), why)
}

// Paused says that a link is paused, why, and what to do.
func (t Texts) Paused(why string) string {
	return "I cannot relay at the moment: " + why + " Messages are kept and delivered once this is fixed."
}

// GoesOn says that a paused link works again.
func (t Texts) GoesOn() string {
	return "Relaying messages again."
}

// Outage says that a service has not been reachable for a minute.
func (t Texts) Outage(service string) string {
	return service + " cannot be reached at the moment. Messages are kept and delivered in order once it is back."
}

// OutageOver says that the service can be reached again.
func (t Texts) OutageOver(service string) string {
	return service + " is back. Messages are delivered again."
}

// GapLost says that the bot cannot read a part of the room's history.
func (t Texts) GapLost() string {
	return "I was away and cannot read what was said here in the meantime, so I cannot deliver it to Wazo. If something is missing on Wazo, please send it again."
}

// RemovedFromRoom tells the person who linked a room that the bot was removed from it.
func (t Texts) RemovedFromRoom(matrixRoom, title string) string {
	return fmt.Sprintf("I was removed from %s (`%s`), which is linked with **%s**. Messages from Wazo are kept. "+
		"Invite me again to continue, or type `%s unlink %s` here to end the link.",
		"https://matrix.to/#/"+matrixRoom, matrixRoom, Escape(title), t.prefix, matrixRoom)
}

// CannotSpeakInRoom tells the person who linked a room that the bot may not speak there any more, and why.
func (t Texts) CannotSpeakInRoom(matrixRoom, title, why string) string {
	return fmt.Sprintf("I cannot relay in %s (`%s`), which is linked with **%s**: %s Messages from Wazo are kept and delivered once this is fixed. "+
		"To end the link instead, an administrator of the relay types `%s unlink %s` here.",
		"https://matrix.to/#/"+matrixRoom, matrixRoom, Escape(title), why, t.prefix, matrixRoom)
}

// SaidInRoom passes on to the person who linked a room what the bot could not say there.
func (t Texts) SaidInRoom(matrixRoom, notice string) string {
	return fmt.Sprintf("I may not send messages in %s (`%s`). I wanted to say there:\n\n%s", "https://matrix.to/#/"+matrixRoom, matrixRoom, notice)
}

// WaitsForMatrix says for how long a message has been waiting to be shown in a Matrix room.
func (t Texts) WaitsForMatrix(matrixRoom string, waited time.Duration) string {
	return fmt.Sprintf("a message has been waiting for %s to be shown in `%s`.", roundedDown(waited), matrixRoom)
}

// WaitsForWazo says for how long a message of a Matrix room has been waiting to be posted on Wazo.
func (t Texts) WaitsForWazo(matrixRoom string, waited time.Duration) string {
	return fmt.Sprintf("a message from `%s` has been waiting for %s to be posted on Wazo.", matrixRoom, roundedDown(waited))
}

// PausedRoom says that the link of a Matrix room is paused.
func (t Texts) PausedRoom(matrixRoom, why string) string {
	return fmt.Sprintf("`%s` is paused: %s", matrixRoom, why)
}

// Failing says a reason why a side is not well, and for how long it has not been.
func (t Texts) Failing(why string, lasted time.Duration) string {
	return fmt.Sprintf("%s This has lasted for %s.", why, roundedDown(lasted))
}

// ClocksDiffer says that the clock of a server differs from that of the relay. ahead is by how much, negative if it is behind.
func (t Texts) ClocksDiffer(wazo bool, ahead time.Duration) string {
	return fmt.Sprintf("the clock of %s is %s %s that of the relay. Set both clocks.",
		choose(wazo, "Wazo", "the homeserver"), roundedDown(ahead.Abs()), choose(ahead > 0, "ahead of", "behind"))
}

// roundedDown says in words how long something has lasted, in whole seconds.
func roundedDown(d time.Duration) string { return d.Truncate(time.Second).String() }

// WhyNoKey says that the key of a message is missing, and for how long the message is kept.
func (t Texts) WhyNoKey(kept time.Duration) string {
	return "I could not decrypt it. If its key reaches me within " + period(kept) + ", I deliver the message late. You can also send it again."
}

// WhyKeyWithheld says that the sender's client decided not to share the key of a message, and for how long the message is kept.
func (t Texts) WhyKeyWithheld(kept time.Duration) string {
	return "your app did not share the key of the message with me, perhaps because it does not trust my device. " +
		"If the key reaches me within " + period(kept) + ", I deliver the message late. You can also send it again."
}

// KeyNeverCame tells the sender that the relay drops a message because its key did not come in time.
func (t Texts) KeyNeverCame(kept time.Duration) string {
	return "I could not deliver this message to Wazo, because its key did not reach me within " + period(kept) + ". Please send it again if it is still needed."
}

// MayBeDelivered tells the sender of a message that the relay cannot decrypt and may have delivered before it was restored.
func (t Texts) MayBeDelivered(kept time.Duration) string {
	return "I cannot tell whether this message was delivered to Wazo: I was restored from a backup that is older than the message, and I could not decrypt it. " +
		"Please look there before you send it again. If its key reaches me within " + period(kept) + " and the message is not there, I deliver it late."
}

// KeyNeverCameButMayBeDelivered is KeyNeverCame for a message that may have been delivered before the relay was restored.
func (t Texts) KeyNeverCameButMayBeDelivered(kept time.Duration) string {
	return "The key of this message did not reach me within " + period(kept) + ", so I cannot tell whether it was delivered to Wazo before I was restored from a backup. " +
		"Please look there, and send it again if it is missing."
}

// period says in words how long something takes.
func period(d time.Duration) string {
	if days := int(d / (24 * time.Hour)); days > 1 {
		return fmt.Sprintf("%d days", days)
	}
	return d.String()
}

// LastError is what the status command shows of the latest failure.
// It leaves out the advice to send a message again, because it does not say which message.
func (t Texts) LastError(when time.Time, why Why) string {
	what := t.Why(why)
	if why == WhyUndecryptable {
		what = undecryptable
	}
	return when.UTC().Format("2006-01-02 15:04 UTC: ") + what
}

// ServiceWazo names the service in an outage.
const ServiceWazo = "Wazo"
