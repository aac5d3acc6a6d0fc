package french

// words has the sentences of relay/words/words.go.
var words = sentences{
	"Hello! I can relay messages between this room and a chat on Wazo. To link them, log in to Wazo with `%[1]s login`, or ask an administrator of the relay. Then type `%[1]s rooms` to see the Wazo chats, and `%[1]s link <number or name>` here. Type `%[1]s help` to see all commands.": {
		"Bonjour ! Je peux transmettre les messages entre ce salon et une discussion sur Wazo. Pour les lier, connectez-vous à Wazo avec `%[1]s login`, ou adressez-vous à un administrateur du relais. Saisissez ensuite `%[1]s rooms` pour voir les discussions Wazo, et `%[1]s link <numéro ou nom>` ici. Saisissez `%[1]s help` pour voir toutes les commandes.",
	},
	"You may not invite this bot. Please ask the relay's administrator for permission.": {
		"Vous n'avez pas l'autorisation d'inviter ce bot. Veuillez demander l'autorisation à l'administrateur du relais.",
	},
	"This message was shown twice.": {"Ce message a été affiché deux fois."},
	"I was away when you wrote this. Please repeat the command.": {
		"J'étais hors ligne quand vous avez écrit ceci. Veuillez saisir la commande de nouveau.",
	},
	"The command failed: %s": {"La commande a échoué : %s"},
	"I could not decrypt this message. Please send it again. If this happens again, check that your app shares keys with my device.": {
		"Je n'ai pas pu déchiffrer ce message. Veuillez l'envoyer de nouveau. Si cela se reproduit, vérifiez que votre application partage ses clés avec mon appareil.",
	},
	"You edited this command more than two minutes after you had sent it. Please send it again as a new message.": {
		"Vous avez modifié cette commande plus de deux minutes après l'avoir envoyée. Veuillez la renvoyer dans un nouveau message.",
	},
	"I don't know the command `%s`. Type `%s help` to see all commands.": {
		"Je ne connais pas la commande `%s`. Saisissez `%s help` pour voir toutes les commandes.",
	},
	"I don't know the command `%s`. Did you mean `%s %s`?": {
		"Je ne connais pas la commande `%s`. Vouliez-vous dire `%s %s` ?",
	},
	"I relay messages between Matrix rooms and Wazo chats. These are my commands:": {
		"Je transmets les messages entre des salons Matrix et des discussions Wazo. Voici mes commandes :",
	},
	"Pong! Your message took %.3f s to reach me.": {"Pong ! Votre message a mis %.3f~s à me parvenir."},
	"I answer in our direct chat, because not everybody here should see the list of chats. If you are not in that chat yet, accept my invite.": {
		"Je réponds dans notre conversation privée, car la liste des discussions ne concerne pas toutes les personnes de ce salon. Si vous n'y êtes pas encore, acceptez mon invitation.",
	},
	"The relay's Wazo account is not a member of any chat yet. Create a chat with it on Wazo, or type `%s create <name>` in the room that you want to link.": {
		"Le compte Wazo du relais n'est encore membre d'aucune discussion. Créez une discussion avec lui sur Wazo, ou saisissez `%s create <nom>` dans le salon que vous voulez lier.",
	},
	"The relay's Wazo account is a member of these chats:": {
		"Le compte Wazo du relais est membre des discussions suivantes :",
	},
	"already linked": {"déjà liée"},
	"Only the relay's administrators may do that.": {
		"Seuls les administrateurs du relais peuvent faire cela.",
	},
	"You may not use this bot. Please ask the relay's administrator for permission.": {
		"Vous n'avez pas l'autorisation d'utiliser ce bot. Veuillez demander l'autorisation à l'administrateur du relais.",
	},
	"You need power level %d in the room to do that, but yours is %d. Ask a moderator to raise your power level.": {
		"Il faut le rang %d dans le salon pour faire cela, mais vous avez le rang %d. Demandez à un modérateur de relever votre rang.",
	},
	"I don't have permission to send messages in this room. Please give me the power level for it, then repeat the command.": {
		"Je n'ai pas le droit d'envoyer de messages dans ce salon. Veuillez me donner le rang nécessaire, puis saisissez la commande de nouveau.",
	},
	"This room is open to strangers (%s). They could read what is said on Wazo. Close the room, or add `--public` to the command to link it anyway, as in `%s link <name> --public`.": {
		"Ce salon est ouvert à des inconnus (%s). Ils pourraient lire ce qui est dit sur Wazo. Restreignez l'accès au salon, ou ajoutez `--public` à la commande pour le lier malgré tout, par exemple `%s link <nom> --public`.",
	},
	"This room is now open to strangers (%s). I relay nothing until the room is closed again, or until an administrator of the relay accepts this with `%s link --public`. Messages are kept.": {
		"Ce salon est maintenant ouvert à des inconnus (%s). Je ne transmets rien jusqu'à ce que l'accès au salon soit de nouveau restreint, ou qu'un administrateur du relais accepte cette ouverture avec `%s link --public`. Les messages sont conservés.",
	},
	"Accepted: this room may stay open to strangers.": {
		"Accepté : ce salon peut rester ouvert à des inconnus.",
	},
	"anybody may join": {"n'importe qui peut le rejoindre"},
	"all members of %[1]s may join, and %[1]s itself is open: %[2]s": {
		"tous les membres de %[1]s peuvent le rejoindre, et %[1]s est lui-même ouvert : %[2]s",
	},
	"all members of %[1]s may join; I am not in %[1]s, so I cannot see who may join it: please invite me there": {
		"tous les membres de %[1]s peuvent le rejoindre ; je ne suis pas dans %[1]s et je ne peux donc pas voir qui peut y entrer : veuillez m'y inviter",
	},
	"anybody may read its history": {"n'importe qui peut lire son historique"},
	"This room is already linked with **%s**. Type `%s unlink` to end that link.": {
		"Ce salon est déjà lié à **%s**. Saisissez `%s unlink` pour mettre fin à ce lien.",
	},
	"**%[1]s** is already linked with another Matrix room: %[2]s (`%[3]s`). To end that link, type `%[4]s unlink %[3]s`.": {
		"**%[1]s** est déjà liée à un autre salon Matrix : %[2]s (`%[3]s`). Pour mettre fin à ce lien, saisissez `%[4]s unlink %[3]s`.",
	},
	"I found no Wazo chat %s. The relay's Wazo account must be a member of it. Type `%s rooms` to see its chats.": {
		"Je n'ai trouvé aucune discussion Wazo qui corresponde à %s. Le compte Wazo du relais doit en être membre. Saisissez `%s rooms` pour voir ses discussions.",
	},
	"Several Wazo chats match `%s`: %s. Please use the number from the list or the UUID.": {
		"Plusieurs discussions Wazo correspondent à `%s` : %s. Veuillez utiliser le numéro de la liste ou l'UUID.",
	},
	"**%s** has participants outside Wazo, for example by SMS. I cannot link such a chat. It opens by itself for the person whose number it is.": {
		"**%s** a des participants extérieurs à Wazo, par exemple par SMS. Je ne peux pas lier une telle discussion. Elle s'ouvre automatiquement pour la personne à qui appartient le numéro.",
	},
	"Which Wazo chat? Type `%[1]s link <uuid | number | name>`. Type `%[1]s rooms` to see the chats.": {
		"Quelle discussion Wazo ? Saisissez `%[1]s link <uuid | numéro | nom>`. Saisissez `%[1]s rooms` pour voir les discussions.",
	},
	"Linking this room with **%s** …": {"Je lie ce salon à **%s**…"},
	"Linked with **%s** on Wazo. From now on, I relay messages between this room and that chat.": {
		"Salon lié à **%s** sur Wazo. Désormais, je transmets les messages entre ce salon et cette discussion.",
	},
	"I could not link this room with **%s**: %s": {"Je n'ai pas pu lier ce salon à **%s** : %s"},
	"This room replaces the one that was linked with **%s** on Wazo. I continue to relay messages here.": {
		"Ce salon remplace celui qui était lié à **%s** sur Wazo. Je continue à transmettre les messages ici.",
	},
	"The room `%s`, which is linked with **%s**, was replaced by `%s`. I cannot join the new room. Invite me to it, and I continue to relay messages there.": {
		"Le salon `%s`, lié à **%s**, a été remplacé par `%s`. Je ne peux pas rejoindre le nouveau salon. Invitez-moi dans le nouveau salon, et je continuerai à y transmettre les messages.",
	},
	"Unlinked from **%s**. I no longer relay messages here.": {
		"Lien avec **%s** supprimé. Je ne transmets plus de messages ici.",
	},
	"Unlinked `%s`.": {"Lien du salon `%s` supprimé."},
	"%s unlinked this room from **%s** on Wazo. I no longer relay messages here.": {
		"%s a mis fin au lien entre ce salon et **%s** sur Wazo. Je ne transmets plus de messages ici.",
	},
	"This room is not linked. Type `%s link <uuid | number | name>` to link it.": {
		"Ce salon n'est pas lié. Saisissez `%s link <uuid | numéro | nom>` pour le lier.",
	},
	"With whom? Type `%s create <name>[, <name>…] [as \"Title\"]`.": {
		"Avec qui ? Saisissez `%s create <nom>[, <nom>…] [as \"Titre\"]`.",
	},
	"I found nobody called %s in the Wazo directory. Please type the full name, the e-mail address or the extension.": {
		"Je n'ai trouvé personne du nom de %s dans l'annuaire de Wazo. Veuillez saisir le nom complet, l'adresse e-mail ou le numéro de poste.",
	},
	"Several people match `%s`: %s. Please type the full name, the e-mail address or the extension.": {
		"Plusieurs personnes correspondent à `%s` : %s. Veuillez saisir le nom complet, l'adresse e-mail ou le numéro de poste.",
	},
	"A chat needs somebody besides the relay's Wazo account.": {
		"Une discussion doit compter au moins une personne en plus du compte Wazo du relais.",
	},
	"Wazo returned a larger chat that also includes these people. Please create the chat on Wazo, then type `%s link <name>` here.": {
		"Wazo a renvoyé une discussion plus grande, qui comprend aussi ces personnes. Veuillez créer la discussion sur Wazo, puis saisir `%s link <nom>` ici.",
	},
	"No message has failed, and none waits for its key. I am trying to deliver the messages in the queue now.": {
		"Aucun message n'est mis de côté, et aucun n'attend sa clé. J'essaie maintenant de transmettre les messages de la file d'attente.",
	},
	"Trying to deliver %d messages again.": {
		"Je tente de nouveau de transmettre %d message.",
		"Je tente de nouveau de transmettre %d messages.",
	},
	"No message has failed, and none waits for its key.": {
		"Aucun message n'est mis de côté, et aucun n'attend sa clé.",
	},
	"Dropped %d messages.": {"%d message abandonné.", "%d messages abandonnés."},
	"%[2]s and %[1]d more": {"%[2]s et %[1]d autre", "%[2]s et %[1]d autres"},
	"⏳ late, written %s:":  {"⏳ en retard, écrit le %s :"},
	`From now on, this chat is linked with the Matrix room "%s".`: {
		"Cette discussion est désormais liée au salon Matrix « %s ».",
	},
	"From now on, this chat is linked with a Matrix room.": {
		"Cette discussion est désormais liée à un salon Matrix.",
	},
	"Hello! %s People there read what you write here, and you read what they write. To end the link, write: %s unlink": {
		"Bonjour ! %s Les personnes de ce salon lisent ce que vous écrivez ici, et vous lisez ce qu'elles écrivent. Pour mettre fin au lien, écrivez : %s unlink",
	},
	"Hello! I relay messages between Wazo and Matrix. This chat is not linked with a Matrix room, so nobody on Matrix reads it. To link it, an administrator of the relay invites %[1]s to a room on Matrix and types there: %[2]s rooms, and then %[2]s link with the number of this chat": {
		"Bonjour ! Je transmets les messages entre Wazo et Matrix. Cette discussion n'est pas liée à un salon Matrix : personne ne la lit donc sur Matrix. Pour la lier, un administrateur du relais invite %[1]s dans un salon sur Matrix et y saisit : %[2]s rooms, puis %[2]s link avec le numéro de cette discussion",
	},
	"I relay messages between this chat and a Matrix room. Every member of this chat can write these commands:\n\n%[1]s help – shows this list\n%[1]s status – shows how this chat is linked and which messages are waiting\n%[1]s unlink – ends the link of this chat\n\nPeople in the Matrix room have more commands there.": {
		"Je transmets les messages entre cette discussion et un salon Matrix. Tous les membres de cette discussion peuvent écrire ces commandes :\n\n%[1]s help – affiche cette liste\n%[1]s status – indique comment cette discussion est liée et quels messages sont en attente\n%[1]s unlink – met fin au lien de cette discussion\n\nLes personnes du salon Matrix y disposent d'autres commandes.",
	},
	`The command "%s" cannot be used on Wazo. Write %s help to see the commands that can.`: {
		"La commande « %s » ne peut pas être utilisée sur Wazo. Écrivez %s help pour voir celles qui peuvent l'être.",
	},
	"To end the link of this chat, write only this: %s unlink": {
		"Pour mettre fin au lien de cette discussion, écrivez uniquement ceci : %s unlink",
	},
	"This chat is no longer linked with Matrix. Nobody on Matrix reads what you write here.": {
		"Cette discussion n'est plus liée à Matrix. Personne ne lit sur Matrix ce que vous écrivez ici.",
	},
	"Only Wazo sends something to this address.": {"Seul Wazo envoie des données à cette adresse."},
	"This file is not available. Links to files expire after some time. Please ask for the file again in the chat.": {
		"Ce fichier n'est pas disponible. Les liens vers les fichiers expirent après un certain temps. Veuillez redemander le fichier dans la discussion.",
	},
	"This file is too large for the relay. Please ask the sender to share it in another way.": {
		"Ce fichier est trop volumineux pour le relais. Veuillez demander à l'expéditeur de le partager autrement.",
	},
	"This file is damaged and cannot be decrypted. Please ask for it again in the chat.": {
		"Ce fichier est endommagé et ne peut pas être déchiffré. Veuillez le redemander dans la discussion.",
	},
	"The relay cannot fetch this file at the moment. Please try again in a minute.": {
		"Le relais ne peut pas récupérer ce fichier pour le moment. Veuillez réessayer dans une minute.",
	},
	"Here is a relay between Matrix and Wazo chat: it passes on what people say on one side to the other side. There is nothing to do on this page. The people who run this server can tell you more.": {
		"Un relais entre Matrix et la messagerie de Wazo fonctionne à cette adresse : ce qui est écrit d'un côté est transmis de l'autre côté. Il n'y a rien à faire sur cette page. Les personnes qui gèrent ce serveur peuvent vous en dire plus.",
	},
	"This relay is the stand-by. Another relay is active on the same database. This one takes over when the other one ends or does not answer any more.": {
		"Ce relais est en réserve. Un autre relais est actif sur la même base de données. Celui-ci prend la suite quand l'autre s'arrête ou ne répond plus.",
	},
	"This relay was the stand-by and is taking over. It will be ready in a moment.": {
		"Ce relais était en réserve et prend la suite. Il sera prêt dans un instant.",
	},
	"This relay makes no requests at the moment, because PostgreSQL does not confirm that it is still the active one. The database cannot be reached, or another relay has taken over.": {
		"Ce relais ne fait aucune requête pour le moment, parce que PostgreSQL ne confirme pas qu'il est encore le relais actif. La base de données est injoignable, ou un autre relais a pris la suite.",
	},
}
