package french

// people has the sentences of relay/words/people.go.
var people = sentences{
	"available":           {"disponible"},
	"away":                {"absent"},
	"unavailable":         {"indisponible"},
	"on the phone":        {"au téléphone"},
	"do not disturb":      {"ne pas déranger"},
	"“%s”":                {"« %s »"},
	"the relay's account": {"le compte du relais"},
	"in this room as %s":  {"dans ce salon en tant que %s"},
	"There are at least %d more.": {
		"Il y a au moins %d autre personne.",
		"Il y a au moins %d autres personnes.",
	},
	"Wazo does not tell me at the moment who can be reached.": {
		"Wazo ne m'indique pas pour le moment qui est joignable.",
	},
	"There are %d more.": {"Il y a %d autre personne.", "Il y a %d autres personnes."},
	"I answer in our direct chat, because the answer is for you only. If you are not in that chat yet, accept my invite.": {
		"Je réponds dans notre conversation privée, car la réponse ne s'adresse qu'à vous. Si vous n'y êtes pas encore, acceptez mon invitation.",
	},
	"Wazo no longer accepts your log-in. Type `%s login` to log in again.": {
		"Wazo n'accepte plus votre connexion. Saisissez `%s login` pour vous reconnecter.",
	},
	"Your Wazo account lacks the permission for that. An administrator of Wazo must grant it.": {
		"Il manque à votre compte Wazo l'autorisation nécessaire. Un administrateur de Wazo doit la lui accorder.",
	},
	"Your tenant on Wazo has no directory in which I could look.": {
		"Votre organisation (tenant) sur Wazo n'a pas d'annuaire que je puisse consulter.",
	},
	"Who are you looking for? Type `%s search <name>`. A part of the name, an e-mail address or an extension will do.": {
		"Qui cherchez-vous ? Saisissez `%s search <nom>`. Une partie du nom, une adresse e-mail ou un numéro de poste suffit.",
	},
	"These people on Wazo match %s:":      {"Voici les personnes qui correspondent à %s sur Wazo :"},
	"Type more of the name to see fewer.": {"Précisez le nom pour réduire la liste."},
	"Type `%s start <name>` to start a conversation.": {
		"Saisissez `%s start <nom>` pour commencer une conversation.",
	},
	"I found nobody called %s who has a Wazo account. Please type the full name, the e-mail address or the extension. Contacts of other directories have no Wazo account, so nobody can chat with them.": {
		"Je n'ai trouvé personne du nom de %s qui ait un compte Wazo. Veuillez saisir le nom complet, l'adresse e-mail ou le numéro de poste. Les contacts d'autres annuaires n'ont pas de compte Wazo : personne ne peut donc discuter avec eux.",
	},
	"The members of **%s** on Wazo are:": {"Voici les membres de **%s** sur Wazo :"},
	"I can show the members of this chat only to people whose Wazo account is one of them. If yours is, type `%s login` to log in.": {
		"Je ne peux montrer les membres de cette discussion qu'aux personnes dont le compte Wazo en fait partie. Si c'est le cas du vôtre, saisissez `%s login` pour vous connecter.",
	},
	"On Wazo you are: %s.":                      {"Votre présence sur Wazo : %s."},
	"invisible (others see you as unavailable)": {"invisible (les autres vous voient comme indisponible)"},
	"I don't know the presence %s. You can choose between `available`, `away`, `unavailable` and `invisible`, and add a text: `%s presence away In a meeting`.": {
		"Je ne connais pas l'état de présence %s. Vous pouvez choisir entre `available` (disponible), `away` (absent), `unavailable` (indisponible) et `invisible`, et ajouter un texte : `%s presence away En réunion`.",
	},
	"“Do not disturb” is a service of your telephone. You can switch it only on the telephone or in Wazo's own apps. Here you can choose between `available`, `away`, `unavailable` and `invisible`.": {
		"« Ne pas déranger » est un service de votre téléphone. Vous ne pouvez l'activer ou le désactiver que sur le téléphone ou dans les applications de Wazo. Ici, vous pouvez choisir entre `available` (disponible), `away` (absent), `unavailable` (indisponible) et `invisible`.",
	},
	"Your Wazo account has no presence.": {"Votre compte Wazo n'a pas d'état de présence."},
	"Wazo does not know the presences yet, because it was restarted a moment ago. Please try again in a minute.": {
		"Wazo ne connaît pas encore les états de présence, car il vient d'être redémarré. Veuillez réessayer dans une minute.",
	},
}
