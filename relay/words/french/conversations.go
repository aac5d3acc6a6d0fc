package french

// conversations has the sentences of relay/words/conversations.go.
var conversations = sentences{
	"This is a chat on Wazo. To stop being invited here, type %s mute and leave this room.": {
		"Ce salon est celui d'une discussion Wazo. Pour ne plus recevoir d'invitation à cette discussion, saisissez %s mute et quittez ce salon.",
	},
	"I have invited you to the room of the Wazo chat **%s**: %s": {
		"Je vous ai envoyé une invitation au salon de la discussion Wazo **%s** : %s",
	},
	"I could not open the Wazo chat that you asked for: you are not a member of it any more.": {
		"Je n'ai pas pu ouvrir la discussion Wazo que vous avez demandée : vous n'en êtes plus membre.",
	},
	"I could not invite you to the room of the Wazo chat **%s**: the homeserver refuses this invite. Check whether your app or your account blocks invites. Then ask for the chat again.": {
		"Je n'ai pas pu vous inviter dans le salon de la discussion Wazo **%s** : le serveur d'accueil refuse cette invitation. Vérifiez si votre application ou votre compte bloque les invitations, puis refaites votre demande.",
	},
	"You have a message in the Wazo chat **%s**, but the homeserver does not let me create a room for it (`%s`). An administrator of the homeserver must allow this. I will try again, and the message will not be lost.": {
		"Vous avez un message dans la discussion Wazo **%s**, mais le serveur d'accueil ne me permet pas de créer un salon pour cette discussion (`%s`). Un administrateur du serveur d'accueil doit m'y autoriser. Je réessaierai, et le message ne sera pas perdu.",
	},
	"I know no Wazo account of yours that is a member of this chat. Type `%s login` in our direct chat to log in to Wazo.": {
		"Je ne vous connais aucun compte Wazo qui soit membre de cette discussion. Saisissez `%s login` dans notre conversation privée pour vous connecter à Wazo.",
	},
	"You are not a member of this chat on Wazo any more.": {
		"Vous n'êtes plus membre de cette discussion sur Wazo.",
	},
	"I have removed you from the room of the Wazo chat **%s**: as far as I know, you are not a member of this chat any more.": {
		"J'ai dû vous retirer du salon de la discussion Wazo **%s** : à ma connaissance, vous n'êtes plus membre de cette discussion.",
	},
	"Nobody is left here. The next message on Wazo will open a new room.": {
		"Il ne reste plus personne ici. Le prochain message sur Wazo ouvrira un nouveau salon.",
	},
	"The room of the Wazo chat **%s** is closed, because everybody has left it. Some of your last messages there were not delivered to Wazo.": {
		"Le salon de la discussion Wazo **%s** est fermé, car tout le monde l'a quitté. Certains de vos derniers messages n'ont pas été transmis à Wazo.",
	},
	"Nobody linked this room by a command, so you cannot unlink it. Leave the room if you do not want it. To stop being invited here, type `%s mute` first.": {
		"Personne n'a lié ce salon par une commande : vous ne pouvez donc pas mettre fin à son lien. Quittez le salon si vous n'en voulez pas. Pour ne plus recevoir d'invitation à cette discussion, saisissez d'abord `%s mute`.",
	},
	"I will not invite you to the Wazo chat **%s** again. Now you can leave this room. Until you leave, you see its messages. Type `%s unmute` to take this back.": {
		"Je ne vous inviterai plus dans la discussion Wazo **%s**. Vous pouvez maintenant quitter ce salon. Tant que vous y êtes, vous voyez ses messages. Saisissez `%s unmute` pour revenir sur ce choix.",
	},
	"I will not invite you to the Wazo chat **%s** again. If you are in its room, you can leave it now. Type `%s unmute %s` to take this back.": {
		"Je ne vous inviterai plus dans la discussion Wazo **%s**. Si vous êtes dans son salon, vous pouvez maintenant le quitter. Saisissez `%s unmute %s` pour revenir sur ce choix.",
	},
	"You had not muted the Wazo chat **%s**.": {
		"Mes invitations dans la discussion Wazo **%s** n'étaient pas désactivées.",
	},
	"I will invite you to the Wazo chat **%s** again when somebody writes there.": {
		"Je vous inviterai de nouveau dans la discussion Wazo **%s** dès que quelqu'un y écrira.",
	},
	"Type `%[1]s %[2]s` in the room of a Wazo chat that has opened by itself, or name the chat: `%[1]s %[2]s <name or uuid>`.": {
		"Saisissez `%[1]s %[2]s` dans le salon d'une discussion Wazo qui s'est ouverte automatiquement, ou indiquez la discussion : `%[1]s %[2]s <nom ou uuid>`.",
	},
	"This room was linked by a command, so I do not invite anybody to it. Leave the room if you do not want to see its messages.": {
		"Ce salon a été lié par une commande : je n'y invite donc personne. Quittez le salon si vous ne voulez pas voir ses messages.",
	},
	"Wazo chats do not open for you by themselves. You stay in the rooms that you are in.": {
		"Les discussions Wazo ne s'ouvrent pas automatiquement pour vous. Vous restez dans les salons dont vous êtes membre.",
	},
	"Wazo chats with one other person open for you by themselves.": {
		"Les discussions Wazo avec une seule autre personne s'ouvrent automatiquement pour vous.",
	},
	"All your Wazo chats open for you by themselves: when somebody writes in one, I invite you to its room.": {
		"Toutes vos discussions Wazo s'ouvrent automatiquement pour vous : quand quelqu'un écrit dans l'une d'elles, je vous invite dans son salon.",
	},
	"%[2]s Type `%[1]s auto on`, `%[1]s auto direct` or `%[1]s auto off` to change this.": {
		"%[2]s Saisissez `%[1]s auto on`, `%[1]s auto direct` ou `%[1]s auto off` pour changer ce réglage.",
	},
	"Type `%[1]s auto on` to have all your Wazo chats open by themselves, `%[1]s auto direct` for those with one other person, or `%[1]s auto off` for none.": {
		"Saisissez `%[1]s auto on` pour que toutes vos discussions Wazo s'ouvrent automatiquement, `%[1]s auto direct` pour celles avec une seule autre personne, ou `%[1]s auto off` pour aucune.",
	},
}
