package french

// selfProbe has the sentences of relay/words/self_probe.go.
var selfProbe = sentences{
	"Self-test of the relay to Wazo": {"Autotest du relais vers Wazo"},
	"The relay sends messages to itself here, to notice if they do not come back. Nobody else is in this room.": {
		"Le relais s'envoie ici des messages à lui-même, afin de détecter ceux qui ne reviennent pas. Il n'y a personne d'autre dans ce salon.",
	},
	"A message from the relay to itself.": {"Un message du relais à lui-même."},
}
