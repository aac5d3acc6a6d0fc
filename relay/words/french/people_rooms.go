package french

// peopleRooms has the sentences of relay/words/people_rooms.go.
var peopleRooms = sentences{
	"%d members":         {"%d membre", "%d membres"},
	"direct":             {"discussion à deux"},
	"%s, linked with %s": {"%s, liée à %s"},
	"%s, linked with a Matrix room that you are not in": {
		"%s, liée à un salon Matrix dont vous n'êtes pas membre",
	},
	"%s, with participants outside Wazo": {"%s, avec des participants extérieurs à Wazo"},
	"Your Wazo account is not a member of any chat yet. Type `%s start <name>` to start one.": {
		"Votre compte Wazo n'est encore membre d'aucune discussion. Saisissez `%s start <nom>` pour en commencer une.",
	},
	"Your Wazo account is a member of these chats:": {
		"Votre compte Wazo est membre des discussions suivantes :",
	},
	"There are %d more. You can link them by their names.": {
		"Il y en a %d autre. Vous pouvez la lier par son nom.",
		"Il y en a %d autres. Vous pouvez les lier par leur nom.",
	},
	"Type `%s link <number>` in the room that you want to link.": {
		"Saisissez `%s link <numéro>` dans le salon que vous voulez lier.",
	},
	"I found no Wazo chat %s. Your Wazo account must be a member of it. Type `%s rooms` to see your chats.": {
		"Je n'ai trouvé aucune discussion Wazo qui corresponde à %s. Votre compte Wazo doit en être membre. Saisissez `%s rooms` pour voir vos discussions.",
	},
	"You can link chats of your own Wazo account. To do that, log in first: type `%s login`. Only the relay's administrators may link chats of the relay's account.": {
		"Vous pouvez lier les discussions de votre propre compte Wazo. Pour cela, connectez-vous d'abord : saisissez `%s login`. Seuls les administrateurs du relais peuvent lier les discussions du compte du relais.",
	},
	"This room is open to strangers (%s). They could read what is said on Wazo. Close the room, or ask an administrator of the relay to link it.": {
		"Ce salon est ouvert à des inconnus (%s). Ils pourraient lire ce qui est dit sur Wazo. Restreignez l'accès au salon, ou demandez à un administrateur du relais de le lier.",
	},
	"**%s** is already linked with another Matrix room. Type `%s rooms` to see whether you are in that room.": {
		"**%s** est déjà liée à un autre salon Matrix. Saisissez `%s rooms` pour voir si vous êtes dans ce salon.",
	},
}
