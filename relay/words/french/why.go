package french

// why has the sentences of relay/words/why.go.
var why = sentences{
	"the message is too large.":             {"le message est trop volumineux."},
	"Wazo rejected the request as invalid.": {"Wazo a rejeté la requête, jugée non valable."},
	"the homeserver rejected the request as invalid.": {
		"le serveur d'accueil a rejeté la requête, jugée non valable.",
	},
	"I could not understand the content of the message.": {"je n'ai pas compris le contenu du message."},
	"the message cannot be decrypted with any key. Please send it again.": {
		"aucune clé ne permet de déchiffrer le message. Veuillez l'envoyer de nouveau.",
	},
	"the relay had an internal error. Its log has the details.": {
		"le relais a rencontré une erreur interne. Son journal contient les détails.",
	},
	"the relay's Wazo account lacks a permission. An administrator of Wazo must grant it.": {
		"il manque une autorisation au compte Wazo du relais. Un administrateur de Wazo doit la lui accorder.",
	},
	"the chat no longer exists on Wazo, or the relay's Wazo account is not a member of it. An administrator of Wazo must check this.": {
		"la discussion n'existe plus sur Wazo, ou le compte Wazo du relais n'en est pas membre. Un administrateur de Wazo doit le vérifier.",
	},
	"no member of the Wazo chat is logged in to Wazo here. The messages are relayed as soon as a member logs in: type `%s login` in a direct chat with me.": {
		"aucun membre de la discussion Wazo n'est connecté à Wazo ici. Les messages seront transmis dès qu'un membre se connectera : saisissez `%s login` dans une conversation privée avec moi.",
	},
	"the person who linked the room has logged out of Wazo, or Wazo no longer accepts the log-in.": {
		"la personne qui a lié le salon s'est déconnectée de Wazo, ou Wazo n'accepte plus sa connexion.",
	},
	"your Wazo account cannot post in this chat at the moment, and nobody else may post for you.": {
		"votre compte Wazo ne peut pas publier dans cette discussion pour le moment, et personne d'autre n'a le droit de publier pour vous.",
	},
	"Wazo no longer accepts your log-in, and nobody else may post for you. Type `%[1]s login` in a direct chat with me, and then `%[1]s retry` here.": {
		"Wazo n'accepte plus votre connexion, et personne d'autre n'a le droit de publier pour vous. Saisissez `%[1]s login` dans une conversation privée avec moi, puis `%[1]s retry` ici.",
	},
	"Wazo does not accept my messages in this chat, perhaps because it has participants outside Wazo.": {
		"Wazo n'accepte pas mes messages dans cette discussion, peut-être parce qu'elle a des participants extérieurs à Wazo.",
	},
	"the relay cannot log in to Wazo. The relay's administrator must check the user name and the password.": {
		"le relais ne peut pas se connecter à Wazo. L'administrateur du relais doit vérifier le nom d'utilisateur et le mot de passe.",
	},
	"Wazo does not accept another log-in of the relay's account at the moment.": {
		"Wazo n'accepte pas d'autre connexion du compte du relais pour le moment.",
	},
	"I don't have permission to send messages in the Matrix room. Please give me the power level for it.": {
		"je n'ai pas le droit d'envoyer de messages dans le salon Matrix. Veuillez me donner le rang nécessaire.",
	},
	"I am no longer in the Matrix room. Please invite me again.": {
		"je ne suis plus dans le salon Matrix. Veuillez m'y inviter de nouveau.",
	},
	"the Matrix room is open to strangers. Close it, or ask an administrator of the relay to accept this by typing `%s link --public` there.": {
		"le salon Matrix est ouvert à des inconnus. Restreignez-en l'accès, ou demandez à un administrateur du relais d'accepter cette ouverture en saisissant `%s link --public` dans ce salon.",
	},
	"Wazo cannot be reached, or it answers with an error.": {
		"Wazo est injoignable, ou répond par une erreur.",
	},
	"the homeserver cannot be reached, or it answers with an error.": {
		"le serveur d'accueil est injoignable, ou répond par une erreur.",
	},
	"the homeserver, Wazo or the relay has a problem. The relay's log has the details.": {
		"le serveur d'accueil, Wazo ou le relais a un problème. Le journal du relais contient les détails.",
	},
	"Wazo cannot send text messages to this number. It may be a short code that nobody can answer, or the text message service of Wazo is switched off.": {
		"Wazo ne peut pas envoyer de SMS à ce numéro. Il s'agit peut-être d'un numéro court auquel personne ne peut répondre, ou le service de SMS de Wazo est désactivé.",
	},
	"you have no number on Wazo from which a text message can be sent here. The other side may be a short code that nobody can answer, or an administrator of Wazo must assign you a number.": {
		"vous n'avez sur Wazo aucun numéro depuis lequel envoyer un SMS ici. L'autre numéro est peut-être un numéro court auquel personne ne peut répondre, ou un administrateur de Wazo doit vous attribuer un numéro.",
	},
	"you have several numbers. Type `%[1]s number <number>` here to choose one, and then `%[1]s retry`.": {
		"vous avez plusieurs numéros. Saisissez `%[1]s number <numéro>` ici pour en choisir un, puis `%[1]s retry`.",
	},
	"your Wazo account may not see its own numbers any more. An administrator of Wazo must allow it. Then type `%[1]s logout` and `%[1]s login` in our direct chat, and `%[1]s retry` here.": {
		"votre compte Wazo n'a plus le droit de voir ses propres numéros. Un administrateur de Wazo doit l'y autoriser. Saisissez ensuite `%[1]s logout` et `%[1]s login` dans notre conversation privée, puis `%[1]s retry` ici.",
	},
	"the number from which it was to be sent does not belong to your Wazo account any more. Type `%[1]s number` here to see your numbers, and then `%[1]s retry`.": {
		"le numéro depuis lequel il devait être envoyé n'appartient plus à votre compte Wazo. Saisissez `%[1]s number` ici pour voir vos numéros, puis `%[1]s retry`.",
	},
	"the homeserver has not answered yet.": {"le serveur d'accueil n'a pas encore répondu."},
	"I have started, and I am still finding out what was written on Wazo meanwhile.": {
		"je viens de démarrer, et je regarde encore ce qui a été écrit sur Wazo entre-temps."},
	"wazo-auth cannot be reached, or it answers with an error. Without it, Wazo accepts no messages.": {
		"wazo-auth est injoignable, ou répond par une erreur. Sans lui, Wazo n'accepte aucun message.",
	},
	"wazo-chatd cannot be reached, or it answers with an error.": {
		"wazo-chatd est injoignable, ou répond par une erreur.",
	},
	"the connection for Wazo's events is closed, because wazo-websocketd, RabbitMQ or the network fails. Messages from Wazo come late.": {
		"la connexion aux événements de Wazo est fermée, à cause d'une défaillance de wazo-websocketd, de RabbitMQ ou du réseau. Les messages de Wazo arrivent en retard.",
	},
	"wazo-webhookd does not accept the relay's webhook, because wazo-webhookd, its database or the network fails. Messages from Wazo come late.": {
		"wazo-webhookd n'accepte pas le webhook du relais, à cause d'une défaillance de wazo-webhookd, de sa base de données ou du réseau. Les messages de Wazo arrivent en retard.",
	},
	"wazo-webhookd has the relay's webhook, but it sends nothing there, because RabbitMQ fails or because the Wazo server cannot reach the relay at `PUBLIC_URL`. Messages from Wazo come late.": {
		"wazo-webhookd connaît le webhook du relais, mais n'y envoie rien, parce que RabbitMQ est en panne ou que le serveur Wazo ne peut pas joindre le relais à l'adresse `PUBLIC_URL`. Les messages de Wazo arrivent en retard.",
	},
	"the directory of Wazo (wazo-dird or wazo-confd) cannot be reached, or it answers with an error. People on Wazo may appear under other names.": {
		"l'annuaire de Wazo (wazo-dird ou wazo-confd) est injoignable, ou répond par une erreur. Les utilisateurs de Wazo peuvent apparaître sous d'autres noms.",
	},
	"a message that the relay sent to itself on Matrix does not come back, although the homeserver answers.": {
		"un message que le relais s'est envoyé à lui-même sur Matrix ne revient pas, alors que le serveur d'accueil répond.",
	},
	"the events of Wazo do not come, although the connection for them is open. Messages from Wazo come late. An administrator of Wazo must check RabbitMQ and wazo-websocketd.": {
		"les événements de Wazo n'arrivent pas, alors que la connexion à ces événements est ouverte. Les messages de Wazo arrivent en retard. Un administrateur de Wazo doit vérifier RabbitMQ et wazo-websocketd.",
	},
	"the relay cannot store anything in its database, so nothing is relayed. Perhaps its disk is full.": {
		"le relais ne peut rien enregistrer dans sa base de données, et rien n'est donc transmis. Son disque est peut-être plein.",
	},
	"the message cannot be decrypted with any key.": {"aucune clé ne permet de déchiffrer le message."},
	"I don't have permission to send messages in the Matrix room. A moderator of that room must give me the power level for it.": {
		"je n'ai pas le droit d'envoyer de messages dans le salon Matrix. Un modérateur de ce salon doit me donner le rang nécessaire.",
	},
	"no member of this chat is logged in to Wazo from Matrix any more.": {
		"plus aucun membre de cette discussion n'est connecté à Wazo depuis Matrix.",
	},
	"I am no longer in the Matrix room. Somebody in that room must invite me again.": {
		"je ne suis plus dans le salon Matrix. Quelqu'un de ce salon doit m'y inviter de nouveau.",
	},
	"the Matrix room is open to strangers. A moderator of that room must close it, or an administrator of the relay must allow this in that room.": {
		"le salon Matrix est ouvert à des inconnus. Un modérateur de ce salon doit en restreindre l'accès, ou un administrateur du relais doit y accepter cette ouverture.",
	},
	"the request is too large.": {"la requête est trop volumineuse."},
}
