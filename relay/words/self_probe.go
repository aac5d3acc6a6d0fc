package words

// These texts are in the room in which the relay sends messages to itself. Only an administrator of the homeserver sees
// them.
const (
	ProbeRoomName  Phrase = "Self-test of the relay to Wazo"
	ProbeRoomTopic Phrase = "The relay sends messages to itself here, to notice if they do not come back. Nobody else is in this room."
	SelfProbe      Phrase = "A message from the relay to itself."
)
