package french

// device has the sentences of relay/words/device.go.
var device = sentences{
	"signed by its owner":     {"signé par son propriétaire"},
	"not signed by its owner": {"non signé par son propriétaire"},
	"not signed: the account has no cross-signing identity": {
		"non signé : le compte n'a pas d'identité de signature croisée",
	},
	"not signed: the account's cross-signing keys don't match each other": {
		"non signé : les clés de signature croisée du compte ne correspondent pas entre elles",
	},
	"not signed: the account's cross-signing identity was replaced": {
		"non signé : l'identité de signature croisée du compte a été remplacée",
	},
	"deleted on the homeserver": {"supprimé sur le serveur d'accueil"},
	"unusable: the homeserver has other keys for it than the relay": {
		"inutilisable : le serveur d'accueil n'a pas les mêmes clés que le relais pour cet appareil",
	},
	"unknown: the homeserver did not answer": {"état inconnu : le serveur d'accueil n'a pas répondu"},
	"the bot's Matrix log-in has ended, and the homeserver does not renew it any more": {
		"la connexion du bot à Matrix a pris fin, et le serveur d'accueil ne la renouvelle plus",
	},
	"the bot's Matrix log-in has expired, and the homeserver does not renew it at the moment": {
		"la connexion du bot à Matrix a expiré, et le serveur d'accueil ne la renouvelle pas pour le moment",
	},
	"set MATRIX_RECOVERY_KEY to the account's recovery key and restart the relay": {
		"mettre la clé de récupération du compte dans MATRIX_RECOVERY_KEY et redémarrer le relais",
	},
	"replace MATRIX_ACCESS_TOKEN with MATRIX_PASSWORD and restart the relay; or set up recovery in another client, set MATRIX_RECOVERY_KEY to the new recovery key and restart the relay": {
		"remplacer MATRIX_ACCESS_TOKEN par MATRIX_PASSWORD et redémarrer le relais ; ou configurer la récupération dans un autre client, mettre la nouvelle clé de récupération dans MATRIX_RECOVERY_KEY et redémarrer le relais",
	},
	"reset the account's cryptographic identity in another client, set MATRIX_RECOVERY_KEY to the new recovery key and restart the relay": {
		"réinitialiser l'identité cryptographique du compte dans un autre client, mettre la nouvelle clé de récupération dans MATRIX_RECOVERY_KEY et redémarrer le relais",
	},
	"restart the relay, which then creates a new device; if it does not use MATRIX_PASSWORD, first log in again": {
		"redémarrer le relais, qui créera alors un nouvel appareil ; si le relais n'utilise pas MATRIX_PASSWORD, le reconnecter d'abord",
	},
	"restart the relay; if that does not help, look into the homeserver's log": {
		"redémarrer le relais ; si cela ne suffit pas, consulter le journal du serveur d'accueil",
	},
	"open %s in a browser, log in as the bot there and approve it; the relay tries again every minute": {
		"ouvrir %s dans un navigateur, s'y connecter avec le compte du bot et donner son accord ; le relais réessaie toutes les minutes",
	},
	"to approve a reset, log in as the bot at %s": {
		"pour approuver une réinitialisation, se connecter à l'adresse %s avec le compte du bot",
	},
	"the keys of encrypted rooms are backed up on the homeserver, encrypted with the recovery key": {
		"les clés des salons chiffrés sont sauvegardées sur le serveur d'accueil, chiffrées avec la clé de récupération",
	},
	"the account has none; the relay makes one once its device is signed": {
		"le compte n'en a pas ; le relais en créera une dès que son appareil sera signé",
	},
	"not used: the account's secret storage cannot be opened without its recovery key": {
		"non utilisée : le coffre secret du compte ne peut pas être ouvert sans sa clé de récupération",
	},
	"not used: another client made it, and its key is not in the account's secret storage": {
		"non utilisée : un autre client l'a créée, et sa clé n'est pas dans le coffre secret du compte",
	},
	"not used: it was switched off in another client": {
		"non utilisée : elle a été désactivée dans un autre client",
	},
	"not used at the moment: the homeserver or the database does not accept it": {
		"non utilisée pour le moment : le serveur d'accueil ou la base de données ne l'accepte pas",
	},
	"not tried yet": {"pas encore essayée"},
	"set up the key backup again in another client, so that its key is in the secret storage": {
		"configurer de nouveau la sauvegarde des clés dans un autre client, afin que sa clé soit dans le coffre secret",
	},
	"look into the relay's log":                {"consulter le journal du relais"},
	"%s. The relay's administrator should %s.": {"%s. L'administrateur du relais doit %s."},
	"the homeserver has no one-time keys of the bot's device, so new devices cannot send it the keys of their messages": {
		"le serveur d'accueil n'a plus de clé à usage unique pour l'appareil du bot, et les nouveaux appareils ne peuvent donc pas lui envoyer les clés de leurs messages",
	},
}
