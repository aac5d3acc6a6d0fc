package french

// sms has the sentences of relay/words/sms.go. A text message is "SMS", which is as usual as "message texte" and cannot
// be taken for a message on Matrix.
var sms = sentences{
	"This reply was not sent, because each text message may cost money. Replies stay on Matrix. To send its text, write it as an ordinary message.": {
		"Cette réponse n'a pas été envoyée, car chaque SMS peut être payant. Les réponses restent sur Matrix. Pour en envoyer le texte, écrivez-le dans un message ordinaire.",
	},
	"This file was not sent: a text message cannot contain files, and the relay has no link to this one. An administrator of the relay can set `PUBLIC_URL`, so that files are sent as links.": {
		"Ce fichier n'a pas été envoyé : un SMS ne peut pas contenir de fichiers, et le relais n'a pas de lien vers celui-ci. Un administrateur du relais peut définir `PUBLIC_URL` pour que les fichiers soient envoyés sous forme de liens.",
	},
	"This stays on Matrix and was not sent, because each text message may cost money. Only new messages are sent. Edits, removals, reactions, replies and commands are not. I will not repeat this notice for edits, removals and reactions.": {
		"Ceci reste sur Matrix et n'a pas été envoyé, car chaque SMS peut être payant. Seuls les nouveaux messages sont envoyés. Les modifications, les suppressions, les réactions, les réponses et les commandes ne le sont pas. Je ne répéterai pas cet avis pour les modifications, les suppressions et les réactions.",
	},
	"This file was not sent: a text message cannot contain files, and this one is too large for a link of the relay. Please share it in another way.": {
		"Ce fichier n'a pas été envoyé : un SMS ne peut pas contenir de fichiers, et celui-ci est trop volumineux pour un lien du relais. Veuillez le partager d'une autre manière.",
	},
	"This stays on Matrix and was not sent, because each text message may cost money. Only new messages and edits are sent. Removals, reactions, replies and commands are not. I will not repeat this notice for removals and reactions.": {
		"Ceci reste sur Matrix et n'a pas été envoyé, car chaque SMS peut être payant. Seuls les nouveaux messages et les modifications sont envoyés. Les suppressions, les réactions, les réponses et les commandes ne le sont pas. Je ne répéterai pas cet avis pour les suppressions et les réactions.",
	},
	"from your number on Wazo":    {"depuis votre numéro sur Wazo"},
	"from your number %s":         {"depuis votre numéro %s"},
	"from one of your numbers %s": {"depuis l'un de vos numéros (%s)"},
	"Text messages (SMS) with %s. Each message that you write here is sent %s, and may cost money. To stop being invited here, type %s mute and leave this room.": {
		"Messages texte (SMS) avec %s. Chaque message que vous écrivez ici est envoyé %s et peut être payant. Pour ne plus recevoir d'invitation à cette discussion, saisissez %s mute et quittez ce salon.",
	},
	"You can read these text messages, but not answer them here: your Wazo account may not see its own numbers. An administrator of Wazo must give it a policy with the permission `%[1]s`. After that, type `%[2]s logout` and then `%[2]s login` in our direct chat.": {
		"Vous pouvez lire ces SMS, mais pas y répondre ici : votre compte Wazo n'a pas le droit de voir ses propres numéros. Un administrateur de Wazo doit lui attribuer une politique qui contient l'autorisation `%[1]s`. Saisissez ensuite `%[2]s logout`, puis `%[2]s login` dans notre conversation privée.",
	},
	"You have no number on Wazo from which you can write in this chat.": {
		"Vous n'avez sur Wazo aucun numéro depuis lequel écrire dans cette discussion.",
	},
	"I don't know yet from which of your numbers to send your text messages in this chat.": {
		"Je ne sais pas encore depuis lequel de vos numéros envoyer vos SMS dans cette discussion.",
	},
	"Your text messages in this chat are sent from **%s**.": {
		"Dans cette discussion, vos SMS sont envoyés depuis le **%s**.",
	},
	"You can choose one of these numbers with `%s number <number>`:": {
		"Vous pouvez choisir l'un de ces numéros avec `%s number <numéro>` :",
	},
	"From now on, your text messages in this chat are sent from **%s**. When the other side writes to another of your numbers, they are sent from that one.": {
		"Dans cette discussion, vos SMS sont désormais envoyés depuis le **%s**. Si votre correspondant écrit à un autre de vos numéros, ils seront envoyés depuis celui-là.",
	},
	"%s is not one of your numbers in this chat. You have these:": {
		"%s n'est pas l'un de vos numéros dans cette discussion. Voici vos numéros :",
	},
	"Nobody in this room is reached by text messages, so there is no number to choose. Type the command in the room of such a conversation.": {
		"Dans ce salon, personne n'est joint par SMS : il n'y a donc pas de numéro à choisir. Saisissez la commande dans le salon d'une conversation par SMS.",
	},
	"This message is so long that it is sent as about %d text messages, each of which may cost money. A single emoji or special character roughly halves how much fits into one text message. I will not repeat this notice.": {
		"Ce message est si long qu'il est envoyé en %d SMS environ, et chacun peut être payant. Un seul émoji ou caractère spécial réduit à peu près de moitié ce que contient un SMS. Je ne répéterai pas cet avis.",
	},
	"The provider of text messages has not accepted this message yet. Wazo tries again, for about eight minutes. You need not send it again.": {
		"Le fournisseur de SMS n'a pas encore accepté ce message. Wazo réessaie pendant huit minutes environ. Vous n'avez pas besoin de l'envoyer de nouveau.",
	},
	"This text message was not delivered. Wazo does not say why. Check the number, and whether it can receive text messages, before you send it again.": {
		"Ce SMS n'a pas été remis à son destinataire. Wazo n'en indique pas la raison. Avant de l'envoyer de nouveau, vérifiez le numéro, et s'il peut recevoir des SMS.",
	},
	"This text message was delivered after all.": {"Ce SMS a finalement été remis à son destinataire."},
	"This message was not sent: only the person whose number it is can write text messages here. I will not repeat this notice.": {
		"Ce message n'a pas été envoyé : seule la personne à qui appartient le numéro peut écrire des SMS ici. Je ne répéterai pas cet avis.",
	},
	"At most %d text messages are sent from this room within an hour. The others wait, and I send them as soon as this limit allows it. If two programs answer each other here, stop one of them first.": {
		"Au plus %d SMS sont envoyés depuis ce salon en une heure. Les autres attendent, et je les enverrai dès que cette limite le permettra. Si deux programmes se répondent ici, arrêtez d'abord l'un d'eux.",
	},
	"More than %d new numbers have written to you by text message within an hour. I will open the other rooms later. No message is lost: you can read all of them on Wazo now.": {
		"Plus de %d nouveaux numéros vous ont écrit par SMS en une heure. J'ouvrirai les autres salons plus tard. Aucun message n'est perdu : vous pouvez dès maintenant les lire tous sur Wazo.",
	},
	"To which number? Type `%s sms <number> [text]`. Put the number in quotation marks if it contains blanks.": {
		"À quel numéro ? Saisissez `%s sms <numéro> [texte]`. Mettez le numéro entre guillemets s'il contient des espaces.",
	},
	"%s is not a telephone number that I can write to. Type it with its country code, for example +1 514 555 0111.": {
		"%s n'est pas un numéro de téléphone auquel je peux écrire. Saisissez-le avec son indicatif de pays, par exemple +1 514 555 0111.",
	},
	"This is your own number. Please name another one.": {"C'est votre propre numéro. Veuillez en indiquer un autre."},
	"Wazo cannot send text messages to %s.":             {"Wazo ne peut pas envoyer de SMS au %s."},
	"%s is the number of a colleague on Wazo. I will open your chat with them, which costs nothing. I have sent no text message.": {
		"Le %s est le numéro d'un de vos collègues sur Wazo. J'ouvre votre discussion avec cette personne, ce qui ne coûte rien. Aucun SMS n'a été envoyé.",
	},
	"I will invite you to a room in which you write text messages to %s.": {
		"Je vais vous inviter dans un salon où vous pourrez écrire des SMS au %s.",
	},
	"Your text message to %s is on its way. I will invite you to the room of this conversation.": {
		"Votre SMS au %s est en route. Je vais vous inviter dans le salon de cette conversation.",
	},
	"I sent this text message to %s less than ten minutes ago, so I have not sent it again. You will find it in the room of this conversation.": {
		"J'ai envoyé ce SMS au %s il y a moins de dix minutes : je ne l'ai donc pas envoyé de nouveau. Vous le trouverez dans le salon de cette conversation.",
	},
	"Your text to %s is on its way, as about %d text messages, each of which may cost money. I will invite you to the room of this conversation.": {
		"Votre texte au %s est en route, en %d SMS environ, et chacun peut être payant. Je vais vous inviter dans le salon de cette conversation.",
	},
	"I have not sent your text message to %s: at most %d text messages are sent to one number within an hour. Please try again later.": {
		"Je n'ai pas envoyé votre SMS au %s : au plus %d SMS sont envoyés à un même numéro en une heure. Veuillez réessayer plus tard.",
	},
	"Wazo did not say whether it has sent your text message to %s. If it has, you will see the message in the room to which I invite you. Look there before you send it again.": {
		"Wazo n'a pas indiqué si votre SMS au %s a été envoyé. Si c'est le cas, vous le verrez dans le salon où je vous invite. Vérifiez-y avant de l'envoyer de nouveau.",
	},
	"I have not sent your text message to %s yet, because you have several numbers. I will invite you to the room of this conversation. There, choose one with `%s number <number>`, and then write.": {
		"Je n'ai pas encore envoyé votre SMS au %s, car vous avez plusieurs numéros. Je vais vous inviter dans le salon de cette conversation. Choisissez-y un numéro avec `%s number <numéro>`, puis écrivez.",
	},
	"I have not sent your text to %s, because you have edited the command. An edited text is not sent. I will invite you to the room of this conversation. Write your text there.": {
		"Je n'ai pas envoyé votre texte au %s, car vous avez modifié la commande. Un texte modifié n'est pas envoyé. Je vais vous inviter dans le salon de cette conversation. Écrivez-y votre texte.",
	},
	"Wazo did not say whether it has created this chat. Please repeat the command in a minute. I must not try again at once: with two chats for one number, Wazo would no longer deliver what this number writes to you.": {
		"Wazo n'a pas indiqué si cette discussion a été créée. Veuillez saisir la commande de nouveau dans une minute. Je ne dois pas réessayer tout de suite : avec deux discussions pour un même numéro, Wazo ne remettrait plus ce que ce numéro vous écrit.",
	},
}
