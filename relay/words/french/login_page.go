package french

// loginPage has the sentences of relay/words/login_page.go and bot/login/page.html.
var loginPage = sentences{
	"Log in to Wazo":         {"Connexion à Wazo"},
	"You are logged in":      {"Connexion réussie"},
	"You cannot log in here": {"Connexion impossible ici"},
	"Error":                  {"Erreur"},
	"%s – %s":                {"%s – %s"},
	"The Matrix user **%s** will be logged in to Wazo with the account that you enter here. The relay will read the Wazo chats of this account for this Matrix user. It will post under the name of this account what this Matrix user writes.": {
		"L'utilisateur Matrix **%s** sera connecté à Wazo avec le compte que vous indiquez ici. Le relais lira les discussions Wazo de ce compte pour cet utilisateur Matrix. Il publiera sous le nom de ce compte ce que cet utilisateur Matrix écrit.",
	},
	"Go on only if you are **%s**.": {"Ne continuez que si vous êtes **%s**."},
	"If somebody else sent you this page, close it.": {
		"Si quelqu'un d'autre vous a envoyé cette page, fermez-la.",
	},
	"The relay gives your password to Wazo and does not keep it. You can log out at any time: write `%s logout` to the bot.": {
		"Le relais transmet votre mot de passe à Wazo et ne le conserve pas. Vous pouvez vous déconnecter à tout moment : écrivez `%s logout` au bot.",
	},
	"The Matrix user **%s** is now logged in to Wazo as %s.": {
		"L'utilisateur Matrix **%s** est maintenant connecté à Wazo en tant que %s.",
	},
	"You can close this page. To log out, write `%s logout` to the bot.": {
		"Vous pouvez fermer cette page. Pour vous déconnecter, écrivez `%s logout` au bot.",
	},
	"You are not logged in.":                 {"La connexion n'a pas abouti."},
	"User name on Wazo":                      {"Nom d'utilisateur sur Wazo"},
	"Password on Wazo":                       {"Mot de passe sur Wazo"},
	"My organisation uses an LDAP directory": {"Mon organisation utilise un annuaire LDAP"},
	"Domain":                                 {"Domaine"},
	"The domain of your Wazo tenant, for example example.org. Leave it empty if you don’t know it.": {
		"Le domaine de votre organisation (tenant) sur Wazo, par exemple example.org. Laissez ce champ vide si vous ne le connaissez pas.",
	},
	"Log in": {"Se connecter"},
}
