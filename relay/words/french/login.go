package french

// login has the sentences of relay/words/login.go.
var login = sentences{
	"I've sent you a message in our direct chat. If you are not in that chat yet, accept my invite.": {
		"Je vous ai envoyé un message dans notre conversation privée. Si vous n'y êtes pas encore, acceptez mon invitation.",
	},
	"To log in to your Wazo account, type `%s login` here.": {
		"Pour vous connecter à votre compte Wazo, saisissez `%s login` ici.",
	},
	"To log in to your Wazo account, open this page within %s:\n\n%s\n\nThe page is for `%s` only. Don't pass its address on: whoever logs in there lets you read and write their Wazo chats.": {
		"Pour vous connecter à votre compte Wazo, ouvrez cette page dans un délai de %s :\n\n%s\n\nLa page est réservée à `%s`. Ne communiquez pas son adresse : toute personne qui s'y connecte vous permet de lire ses discussions Wazo et d'y écrire.",
	},
	"What is the user name of your Wazo account? If your organisation uses an LDAP directory with a domain, write the domain behind the name, as in `robin, example.org`. To stop, write `cancel`. I remove your answers from this chat.": {
		"Quel est le nom d'utilisateur de votre compte Wazo ? Si votre organisation utilise un annuaire LDAP avec un domaine, écrivez le domaine après le nom, par exemple `robin, example.org`. Pour arrêter, écrivez `cancel`. Je supprime vos réponses de cette conversation.",
	},
	"What is the password of this Wazo account? I remove your answer as soon as I have read it, and I don't keep the password. To change the user name, write `name`.": {
		"Quel est le mot de passe de ce compte Wazo ? Je supprime votre réponse dès que je l'ai lue, et je ne conserve pas le mot de passe. Pour changer le nom d'utilisateur, écrivez `name`.",
	},
	"I am still logging you in. Please wait a moment.": {
		"Votre connexion est toujours en cours. Veuillez patienter un instant.",
	},
	"The log-in is cancelled.": {"La connexion est annulée."},
	"I waited for ten minutes, and then I ended the log-in. I did not use your message. Type `%s login` to start again.": {
		"J'ai attendu dix minutes, puis j'ai mis fin à la tentative de connexion. Je n'ai pas utilisé votre message. Saisissez `%s login` pour recommencer.",
	},
	"I was restarted while you were logging in, so I don't know your first answers any more. Type `%s login` to start again.": {
		"J'ai été redémarré pendant votre connexion et je n'ai donc plus vos premières réponses. Saisissez `%s login` pour recommencer.",
	},
	"This log-in has ended. Type `%s login` to start again.": {
		"Cette tentative de connexion est terminée. Saisissez `%s login` pour recommencer.",
	},
	"This log-in has ended. I did not use your message, and I remove it, because it may contain your password. Type `%s login` to start again, or `cancel` to go on chatting.": {
		"Cette tentative de connexion est terminée. Je n'ai pas utilisé votre message, et je le supprime, car il contient peut-être votre mot de passe. Saisissez `%s login` pour recommencer, ou `cancel` pour reprendre la conversation.",
	},
	"Our direct chat is not encrypted, so I don't ask for your password there. Leave that chat, and type `%s login` again: then I invite you to an encrypted one.": {
		"Notre conversation privée n'est pas chiffrée : je n'y demande donc pas votre mot de passe. Quittez cette conversation et saisissez de nouveau `%s login` : je vous inviterai alors dans une conversation chiffrée.",
	},
	"Our direct chat is linked with a Wazo chat, so I don't ask for your password there. Type `%[1]s unlink` there first, and then `%[1]s login`.": {
		"Notre conversation privée est liée à une discussion Wazo : je n'y demande donc pas votre mot de passe. Saisissez-y d'abord `%[1]s unlink`, puis `%[1]s login`.",
	},
	"Your app sent this message without encryption. I did not use it, and I have ended the log-in. If it contained your password, change the password on Wazo. Type `%s login` to start again.": {
		"Votre application a envoyé ce message sans chiffrement. Je ne l'ai pas utilisé, et j'ai mis fin à la tentative de connexion. S'il contenait votre mot de passe, changez-le sur Wazo. Saisissez `%s login` pour recommencer.",
	},
	"I can't use a message that you edited. Please send your answer as a new message.": {
		"Je ne peux pas utiliser un message que vous avez modifié. Veuillez envoyer votre réponse dans un nouveau message.",
	},
	"Please send your answer as text.": {"Veuillez envoyer votre réponse sous forme de texte."},
	"Please type `%s login` alone. I did not use what you wrote behind it, and I try to remove your message. If it contained your password, change the password on Wazo: others may have read it.": {
		"Veuillez saisir `%s login` sans rien d'autre. Je n'ai pas utilisé ce que vous avez écrit après cette commande, et j'essaie de supprimer votre message. S'il contenait votre mot de passe, changez-le sur Wazo : d'autres personnes l'ont peut-être lu.",
	},
	"The message may contain a password.": {"Le message contient peut-être un mot de passe."},
	"I may not remove this message. Please remove it yourself, because it may contain your password.": {
		"Je n'ai pas le droit de supprimer ce message. Veuillez le supprimer vous-même, car il contient peut-être votre mot de passe.",
	},
	"`%s` is logged in to Wazo as %s. From now on, I post your messages on Wazo as you, in the chats of which you are a member there. Wazo lists this log-in among your refresh tokens. Type `%s logout` to end it. If this was not you, log out now.": {
		"Le compte Matrix `%s` est maintenant connecté à Wazo en tant que %s. Désormais, je publie vos messages sur Wazo en votre nom, dans les discussions dont vous y êtes membre. Wazo affiche cette connexion parmi vos jetons d'actualisation. Saisissez `%s logout` pour y mettre fin. Si ce n'était pas vous, déconnectez-vous maintenant.",
	},
	"You are already logged in to Wazo as %s, since %s. To use another account, type `%s logout` first.": {
		"Vous êtes déjà connecté à Wazo en tant que %s, depuis le %s. Pour utiliser un autre compte, saisissez d'abord `%s logout`.",
	},
	"Wazo refused the log-in. The user name or the password is wrong, or the account is disabled. Please try again.": {
		"Wazo a refusé la connexion. Le nom d'utilisateur ou le mot de passe est incorrect, ou le compte est désactivé. Veuillez réessayer.",
	},
	"This Wazo account is disabled, so nobody can log in with it. Please ask the administrator of Wazo to enable it.": {
		"Ce compte Wazo est désactivé : personne ne peut donc l'utiliser pour se connecter. Veuillez demander à l'administrateur de Wazo de l'activer.",
	},
	"This Wazo account may not use chats, so I don't use the log-in. The administrator of Wazo can give it these rights: `%s`.": {
		"Ce compte Wazo n'a pas le droit d'utiliser les discussions : je n'utilise donc pas cette connexion. L'administrateur de Wazo peut lui accorder ces droits : `%s`.",
	},
	"I could not delete the log-in on Wazo. Please delete it there among your refresh tokens, or ask the administrator of Wazo to do it.": {
		"Je n'ai pas pu supprimer la connexion sur Wazo. Veuillez l'y supprimer parmi vos jetons d'actualisation, ou demander à l'administrateur de Wazo de le faire.",
	},
	"Wazo's log-in service does not answer at the moment. Please try again in a few minutes.": {
		"Le service de connexion de Wazo ne répond pas pour le moment. Veuillez réessayer dans quelques minutes.",
	},
	"This Wazo account has too many sessions, so Wazo refuses another one. Please try again later, or ask the administrator of Wazo to end some.": {
		"Ce compte Wazo a trop de sessions, et Wazo n'en accepte pas d'autre. Veuillez réessayer plus tard, ou demander à l'administrateur de Wazo de mettre fin à certaines d'entre elles.",
	},
	"This Wazo account belongs to another tenant than the relay, so it cannot chat with the people here. Please use an account of the relay's tenant.": {
		"Ce compte Wazo appartient à une autre organisation (tenant) que le relais : il ne peut donc pas discuter avec les personnes qui utilisent ce relais. Veuillez utiliser un compte de l'organisation du relais.",
	},
	"This is the Wazo account of the relay itself. Please use your own account.": {
		"C'est le compte Wazo du relais lui-même. Veuillez utiliser votre propre compte.",
	},
	"Another Matrix user is logged in with this Wazo account, so I refused the log-in. I have told them. If it is your account, change its password on Wazo, and ask the administrator of the relay for help.": {
		"Un autre utilisateur de Matrix est connecté avec ce compte Wazo : j'ai donc refusé la connexion. J'ai prévenu cette personne. S'il s'agit de votre compte, changez son mot de passe sur Wazo et demandez de l'aide à l'administrateur du relais.",
	},
	"`%s` tried to log in with your Wazo account and knew its password. I refused the log-in. If this was not you, change your password on Wazo.": {
		"`%s` a tenté de se connecter avec votre compte Wazo et en connaissait le mot de passe. J'ai refusé la connexion. Si ce n'était pas vous, changez votre mot de passe sur Wazo.",
	},
	"There were too many attempts to log in. Please try again in %s.": {
		"Il y a eu trop de tentatives de connexion. Veuillez réessayer dans %s.",
	},
	"Too many people are logging in at this moment. Please try again in a minute.": {
		"Trop de personnes se connectent en ce moment. Veuillez réessayer dans une minute.",
	},
	"The log-in failed because of an error in the relay. Please try again, or ask the administrator of the relay to look into the log.": {
		"La connexion a échoué à cause d'une erreur du relais. Veuillez réessayer, ou demander à l'administrateur du relais de consulter le journal.",
	},
	"I am logging you in or out already. Please try again in a moment.": {
		"Votre connexion ou votre déconnexion est déjà en cours. Veuillez réessayer dans un instant.",
	},
	"Please enter your user name and your password.": {
		"Veuillez saisir votre nom d'utilisateur et votre mot de passe.",
	},
	"The user name, the password or the domain is too long.": {
		"Le nom d'utilisateur, le mot de passe ou le domaine est trop long.",
	},
	"`%s` has logged in to Wazo as %s, whom you had mapped to `%s`. That mapping has ended.": {
		"Le compte Matrix `%s` s'est connecté à Wazo en tant que %s. Vous aviez associé ce compte Wazo à `%s` : cette association a pris fin.",
	},
	"You are logged out. I was logged in to Wazo as %s for you. I have deleted the log-in here and on Wazo.": {
		"Déconnexion réussie. J'utilisais pour vous le compte Wazo %s. J'ai supprimé la connexion ici et sur Wazo.",
	},
	"You are logged out. I don't use the Wazo account of %s any more. Wazo does not answer at the moment, so I will delete the log-in there later.": {
		"Déconnexion réussie. Je n'utilise plus le compte Wazo %s. Wazo ne répond pas pour le moment : j'y supprimerai la connexion plus tard.",
	},
	"You are logged out. I don't use the Wazo account of %s any more, and I have deleted the log-in here. Wazo does not allow this account to delete it there: please ask the administrator of Wazo to do it.": {
		"Déconnexion réussie. Je n'utilise plus le compte Wazo %s, et j'ai supprimé la connexion ici. Wazo ne permet pas à ce compte de la supprimer aussi de son côté : veuillez demander à l'administrateur de Wazo de le faire.",
	},
	"You are not logged in to Wazo. Type `%s login` to log in.": {
		"Vous n'êtes pas connecté à Wazo. Saisissez `%s login` pour vous connecter.",
	},
	"You logged in to Wazo as %s on %s, but Wazo no longer accepts this log-in. Type `%s login` to log in again.": {
		"Vous vous êtes connecté à Wazo en tant que %s le %s, mais Wazo n'accepte plus cette connexion. Saisissez `%s login` pour vous reconnecter.",
	},
	"You are logged in to Wazo as %s, since %s. Type `%s logout` to log out.": {
		"Vous êtes connecté à Wazo en tant que %s, depuis le %s. Saisissez `%s logout` pour vous déconnecter.",
	},
	"You are not logged in to Wazo. The administrator `%s` has mapped you to %s, so people on both sides see your right name. %s Type `%s login` to post as yourself.": {
		"Vous n'êtes pas connecté à Wazo. L'administrateur `%s` a associé votre compte Matrix à %s, si bien que vous apparaissez sous votre nom des deux côtés. %s Saisissez `%s login` pour publier en votre nom.",
	},
	"Nobody is logged in to Wazo.":        {"Personne n'est connecté à Wazo."},
	"These people are logged in to Wazo:": {"Ces personnes sont connectées à Wazo :"},
	"`%s` as %s, since %s":                {"`%s` en tant que %s, depuis le %s"},
	"Wazo no longer accepts this log-in":  {"Wazo n'accepte plus cette connexion"},
	"logged out; the log-in is still to be deleted on Wazo": {
		"déconnexion faite ; la connexion reste à supprimer sur Wazo",
	},
	"Who is who? Type `%[1]s map <Matrix user> <Wazo user>`, as in `%[1]s map @robin:example.org Robin Smith`. The Wazo user is a name, an e-mail address, an extension or a UUID.": {
		"Qui est qui ? Saisissez `%[1]s map <utilisateur Matrix> <utilisateur Wazo>`, par exemple `%[1]s map @robin:example.org Robin Smith`. L'utilisateur Wazo est désigné par un nom, une adresse e-mail, un numéro de poste ou un UUID.",
	},
	"`%s` is now mapped to %s. People on both sides now see this person's right name. %s": {
		"Le compte Matrix `%s` est maintenant associé à %s. Cette personne apparaît sous son nom des deux côtés. %s",
	},
	"`%s` is logged in to Wazo as %s. I don't map people who are logged in.": {
		"Le compte Matrix `%s` est déjà connecté à Wazo en tant que %s. Je n'associe pas les personnes connectées.",
	},
	"Nobody can be mapped to the relay's own Wazo account.": {
		"Personne ne peut être associé au compte Wazo du relais lui-même.",
	},
	"I can't map myself to a user on Wazo.": {
		"Je ne peux pas m'associer moi-même à un utilisateur de Wazo.",
	},
	"Whose mapping is to end? Type `%s unmap <Matrix user or Wazo user>`.": {
		"À quelle association faut-il mettre fin ? Saisissez `%s unmap <utilisateur Matrix ou Wazo>`.",
	},
	"`%s` is no longer mapped to %s.": {"Le compte Matrix `%s` n'est plus associé à %s."},
	"`%s` is not mapped. Type `%s map <Matrix user> <Wazo user>` to map somebody.": {
		"Aucune association n'existe pour `%s`. Saisissez `%s map <utilisateur Matrix> <utilisateur Wazo>` pour associer quelqu'un.",
	},
	"This link is not valid, or no longer valid. A link works for ten minutes, or until you ask for a new one. Please ask the bot for a new link in your chat.": {
		"Ce lien n'est pas valable, ou ne l'est plus. Un lien fonctionne pendant dix minutes, ou jusqu'à ce que vous en demandiez un nouveau. Veuillez demander un nouveau lien au bot dans votre conversation privée avec lui.",
	},
	"This link was already used. If you still want to log in, please ask the bot for a new link in your chat.": {
		"Ce lien a déjà été utilisé. Si vous souhaitez toujours vous connecter, veuillez demander un nouveau lien au bot dans votre conversation privée avec lui.",
	},
	"This link was used up by too many attempts. Please ask the bot for a new link in your chat.": {
		"Ce lien ne fonctionne plus après un trop grand nombre de tentatives. Veuillez demander un nouveau lien au bot dans votre conversation privée avec lui.",
	},
	"This link was opened in another browser first. If that was not you, somebody else knows the link. Please ask the bot for a new link in your chat.": {
		"Ce lien a d'abord été ouvert dans un autre navigateur. Si ce n'était pas vous, quelqu'un d'autre connaît le lien. Veuillez demander un nouveau lien au bot dans votre conversation privée avec lui.",
	},
	"This form did not come from the page of the relay, or your browser does not keep cookies. Please open the link again and allow cookies.": {
		"Ce formulaire ne vient pas de la page du relais, ou votre navigateur n'enregistre pas les cookies. Veuillez rouvrir le lien et autoriser les cookies.",
	},
	"This is not the address at which people reach the relay. Please open the link again. If this happens again, tell the administrator of the relay.": {
		"Ce n'est pas à cette adresse que l'on accède au relais. Veuillez rouvrir le lien. Si cela se reproduit, prévenez l'administrateur du relais.",
	},
	"The relay cannot read this form. Please open the link again.": {
		"Le relais ne peut pas lire ce formulaire. Veuillez rouvrir le lien.",
	},
}
