package french

// wait has the sentences of relay/words/wait.go. They follow "j'attends".
var wait = sentences{
	"the homeserver, which keeps a list of who has logged in to Wazo": {
		"le serveur d'accueil, qui conserve la liste des personnes connectées à Wazo",
	},
	"the homeserver, which has not confirmed the start of the link yet": {
		"le serveur d'accueil, qui n'a pas encore confirmé le début du lien",
	},
	"the homeserver, which left out messages that I now read": {
		"le serveur d'accueil, qui a omis des messages que je suis en train de lire",
	},
	"a list of what was delivered before I was started, so that nothing is delivered twice": {
		"la liste de ce qui a été transmis avant mon démarrage, afin que rien ne soit transmis deux fois",
	},
	"Wazo, where I read what was said while I did not listen": {
		"Wazo, où je lis ce qui s'est dit pendant que je n'écoutais pas",
	},
	"the first person to join this room": {"la première personne qui rejoindra ce salon"},
	"earlier messages of Wazo that may still come": {
		"des messages plus anciens de Wazo, qui peuvent encore arriver",
	},
	"Wazo, which has not confirmed yet whether a message is one that was posted from this room": {
		"Wazo, qui n'a pas encore indiqué si un message vient de ce salon",
	},
	"Wazo, which may still mark a message as a reply": {
		"Wazo, qui peut encore indiquer qu'un message est une réponse",
	},
	"the moment when the limit of text messages per hour allows the next one": {
		"le moment où la limite de SMS par heure permet le suivant",
	},
}
