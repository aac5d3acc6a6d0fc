package french

// start has the sentences of relay/words/start.go.
var start = sentences{
	"With whom? Type `%s start <name>[, <name>…] [as \"Title\"]`.": {
		"Avec qui ? Saisissez `%s start <nom>[, <nom>…] [as \"Titre\"]`.",
	},
	"A Wazo chat can have at most %d people besides you.": {
		"Une discussion Wazo peut compter au plus %d personne en plus de vous.",
		"Une discussion Wazo peut compter au plus %d personnes en plus de vous.",
	},
	"Several people match %s:": {"Plusieurs personnes correspondent à %s :"},
	"If the right person is not in the list, type more of the name.": {
		"Si la bonne personne n'est pas dans la liste, précisez le nom.",
	},
	"Type `%s start <number>` to choose one of them.": {
		"Saisissez `%s start <numéro>` pour choisir l'une d'elles.",
	},
	"You cannot start a conversation with yourself. Please name somebody else.": {
		"Vous ne pouvez pas commencer une conversation avec vous-même. Veuillez indiquer quelqu'un d'autre.",
	},
	"This is the relay's own Wazo account. Please name somebody else.": {
		"C'est le compte Wazo du relais lui-même. Veuillez indiquer quelqu'un d'autre.",
	},
	"Wazo returned a larger chat that also includes these people, so I did not start the conversation. Please start it in Wazo's own app.": {
		"Wazo a renvoyé une discussion plus grande, qui comprend aussi ces personnes : je n'ai donc pas commencé la conversation. Veuillez la commencer dans l'application de Wazo.",
	},
	"You have this conversation already: **%s** is in the room %s.": {
		"Vous avez déjà cette conversation : **%s** se trouve dans le salon %s.",
	},
	"I open a room for **%s** and invite you to it.": {"J'ouvre un salon pour **%s** et je vous y invite."},
}
