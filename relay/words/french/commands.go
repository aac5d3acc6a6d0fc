package french

// commands has the sentences of bot/commands.go.
var commands = sentences{
	"shows this list": {"affiche cette liste"},
	"sends you the list of your Wazo chats in our direct chat": {
		"vous envoie, dans notre conversation privée, la liste de vos discussions Wazo",
	},
	"link <uuid | number | name>":           {"link <uuid | numéro | nom>"},
	"links this room with a Wazo chat":      {"lie ce salon à une discussion Wazo"},
	`create <name>[, <name>…] [as "Title"]`: {`create <nom>[, <nom>…] [as "Titre"]`},
	"creates a Wazo chat with these people, or finds it, and links this room with it": {
		"crée une discussion Wazo avec ces personnes, ou la retrouve, et y lie ce salon",
	},
	"unlink [room id]": {"unlink [identifiant du salon]"},
	"ends the link of this room, or of the room that an administrator of the relay names": {
		"met fin au lien de ce salon ou, pour les administrateurs du relais, à celui du salon indiqué",
	},
	`start <name>[, <name>…] [as "Title"]`: {`start <nom>[, <nom>…] [as "Titre"]`},
	"starts a conversation with people on Wazo, and opens a room for it": {
		"commence une conversation avec des personnes sur Wazo, dans un nouveau salon",
	},
	"search <name>": {"search <nom>"},
	"looks people up on Wazo, with their extension and presence": {
		"cherche des personnes sur Wazo et affiche leur numéro de poste et leur présence",
	},
	"shows the members of the Wazo chat with which this room is linked": {
		"affiche les membres de la discussion Wazo à laquelle ce salon est lié",
	},
	"presence [state] [text]":                 {"presence [état] [texte]"},
	"shows or sets how you are shown on Wazo": {"affiche ou modifie votre présence sur Wazo"},
	"logs you in to Wazo with your own account, in our direct chat": {
		"vous connecte à Wazo avec votre propre compte, dans notre conversation privée",
	},
	"ends your log-in to Wazo":            {"met fin à votre connexion à Wazo"},
	"shows as whom you are known on Wazo": {"affiche votre identité sur Wazo"},
	"sends administrators of the relay the list of the people who are logged in to Wazo": {
		"envoie aux administrateurs du relais la liste des personnes connectées à Wazo",
	},
	"map <Matrix user> <Wazo user>": {"map <utilisateur Matrix> <utilisateur Wazo>"},
	"lets an administrator of the relay say that both are the same person, without a log-in": {
		"permet à un administrateur du relais d'indiquer que ces deux utilisateurs sont une seule et même personne, sans connexion de sa part",
	},
	"unmap <Matrix user or Wazo user>": {"unmap <utilisateur Matrix ou Wazo>"},
	"ends such a mapping":              {"met fin à cette association"},
	"mute [Wazo chat]":                 {"mute [discussion Wazo]"},
	"stops me from inviting you again to the Wazo chat of this room, or to one that you name": {
		"désactive mes invitations dans la discussion Wazo de ce salon, ou dans celle que vous indiquez",
	},
	"unmute [Wazo chat]":       {"unmute [discussion Wazo]"},
	"lets me invite you again": {"réactive ces invitations"},
	"auto [on | off | direct]": {"auto [on | off | direct]"},
	"shows or sets which of your Wazo chats open by themselves: all, none, or those with one other person": {
		"affiche ou définit lesquelles de vos discussions Wazo s'ouvrent automatiquement : toutes, aucune, ou celles avec une seule autre personne",
	},
	"sms <number> [text]": {"sms <numéro> [texte]"},
	"starts a conversation by text messages with a telephone number": {
		"commence une conversation par SMS avec un numéro de téléphone",
	},
	"number [number]": {"number [numéro]"},
	"shows or sets from which of your numbers you write text messages in this room": {
		"affiche ou définit depuis lequel de vos numéros vous écrivez des SMS dans ce salon",
	},
	"status [all]": {"status [all]"},
	"shows how this room is linked and which messages are waiting; `all` sends administrators of the relay the list of the rooms with problems": {
		"indique comment ce salon est lié et quels messages sont en attente ; `all` envoie aux administrateurs du relais la liste des salons qui ont des problèmes",
	},
	"tries again to deliver messages that are waiting or parked (could not be delivered)": {
		"tente de nouveau de transmettre les messages en attente ou mis de côté (qui n'ont pas pu être transmis)",
	},
	"drops messages that are parked or wait for a key": {
		"abandonne les messages mis de côté ou en attente d'une clé",
	},
	"checks that the bot responds":   {"vérifie que le bot répond"},
	"shows the version of the relay": {"affiche la version du relais"},
}
