package french

// accounts has the sentences of relay/words/accounts.go.
var accounts = sentences{
	"Wazo no longer accepts your log-in as %s: it was revoked, or your account was disabled, renamed or deleted. Type `%s login` here to log in again. Until then, %s": {
		"Wazo n'accepte plus votre connexion en tant que %s : elle a été révoquée, ou votre compte a été désactivé, renommé ou supprimé. Saisissez `%s login` ici pour vous reconnecter. D'ici là, %s",
	},
	"You may no longer use this bot, so I have ended your log-in to Wazo as %s. From now on, %s": {
		"Vous n'avez plus l'autorisation d'utiliser ce bot. J'ai donc mis fin à votre connexion à Wazo en tant que %s. Désormais, %s",
	},
	"people on Wazo do not see your messages.": {"les utilisateurs de Wazo ne voient pas vos messages."},
	"your messages go out through the relay's account, in the chats that this account is a member of.": {
		"vos messages passent par le compte du relais, dans les discussions dont ce compte est membre.",
	},
	"Without a log-in, nobody posts your messages on Wazo.": {
		"Sans connexion, personne ne publie vos messages sur Wazo.",
	},
	"I post your messages with the relay's account.": {"Je publie vos messages avec le compte du relais."},
	"Without a log-in, nobody posts their messages on Wazo.": {
		"Sans connexion, personne ne publie ses messages sur Wazo.",
	},
	"I post their messages with the relay's account.": {"Je publie ses messages avec le compte du relais."},
	"you are not logged in to Wazo. If you have a Wazo account that is a member of this chat, type `%s login` here.": {
		"vous n'êtes pas connecté à Wazo. Si vous avez un compte Wazo membre de cette discussion, saisissez `%s login` ici.",
	},
	"your Wazo account is not a member of this chat. Type `%s whoami` here to see how you are logged in.": {
		"votre compte Wazo n'est pas membre de cette discussion. Saisissez `%s whoami` ici pour voir quel compte vous utilisez sur Wazo.",
	},
	"People on Wazo do not see your messages in %s (`%s`), which is linked with **%s**: %s I will not repeat this notice unless something changes.": {
		"Les utilisateurs de Wazo ne voient pas vos messages du salon %s (`%s`), lié à **%s** : %s Je ne répéterai cet avis que si la situation change.",
	},
	"nobody has logged in yet, and the relay has no account of its own": {
		"personne ne s'est encore connecté, et le relais ne dispose pas de son propre compte",
	},
	"The relay has no Wazo account of its own, so it cannot do that. Type `%s login` in a direct chat with me to use your own account.": {
		"Le relais ne dispose pas de son propre compte Wazo : il ne peut donc pas faire cela. Saisissez `%s login` dans une conversation privée avec moi pour utiliser votre propre compte.",
	},
	"I cannot search the directory of Wazo, because nobody has logged in to Wazo yet. Type `%s login` in a direct chat with me to log in.": {
		"Je ne peux pas faire de recherche dans l'annuaire de Wazo, car personne ne s'est encore connecté à Wazo. Saisissez `%s login` dans une conversation privée avec moi pour vous connecter.",
	},
	"I have ended your log-in to Wazo as %s: the relay itself uses this account now. From now on, %s To post as yourself, type `%s login` here and use an account of your own.": {
		"J'ai mis fin à votre connexion à Wazo en tant que %s : le relais lui-même utilise maintenant ce compte. Désormais, %s Pour publier en votre nom, saisissez `%s login` ici et utilisez un compte qui vous appartient.",
	},
	"I have ended your log-in to Wazo as %s: the relay uses another tenant of Wazo now, to which this account does not belong. From now on, %s To post as yourself, type `%s login` here and use an account of the relay's tenant.": {
		"J'ai mis fin à votre connexion à Wazo en tant que %s : le relais utilise maintenant une autre organisation (tenant) de Wazo, dont ce compte ne fait pas partie. Désormais, %s Pour publier en votre nom, saisissez `%s login` ici et utilisez un compte de l'organisation du relais.",
	},
	"Your message in %s (`%s`), which is linked with **%s**, went out through the relay's account and not through your own: %s I will not repeat this notice unless something changes.": {
		"Votre message du salon %s (`%s`), lié à **%s**, a été publié avec le compte du relais et non avec le vôtre : %s Je ne répéterai cet avis que si la situation change.",
	},
	"your Wazo account is not a member of this chat.": {
		"votre compte Wazo n'est pas membre de cette discussion.",
	},
	"your Wazo account lacks a permission. An administrator of Wazo must grant it.": {
		"il manque une autorisation à votre compte Wazo. Un administrateur de Wazo doit la lui accorder.",
	},
	"Wazo does not accept messages of your account in this chat.": {
		"Wazo n'accepte pas les messages de votre compte dans cette discussion.",
	},
	"Wazo does not accept another log-in of your account at the moment.": {
		"Wazo n'accepte pas d'autre connexion de votre compte pour le moment.",
	},
	"I cannot log in to Wazo as you at the moment.": {
		"je ne peux pas me connecter à Wazo en votre nom pour le moment.",
	},
	"at the moment, Wazo answers requests of your account with errors, or not at all.": {
		"pour le moment, Wazo répond par des erreurs aux requêtes de votre compte, ou n'y répond pas du tout.",
	},
	"your account cannot post there.": {"votre compte ne peut pas y publier."},
}
