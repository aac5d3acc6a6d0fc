package french

// matrixLogin has the sentences of relay/words/matrix_login.go.
var matrixLogin = sentences{
	"with the access token in `MATRIX_ACCESS_TOKEN`; if it ends, I cannot renew it": {
		"avec le jeton d'accès de `MATRIX_ACCESS_TOKEN` ; s'il n'est plus valable, je ne peux pas le renouveler",
	},
	"with the password":                        {"avec le mot de passe"},
	"by a browser (`wazo-matrix-relay login`)": {"par un navigateur (`wazo-matrix-relay login`)"},
	"**it has ended**, and the homeserver does not renew it any more": {
		"**elle a pris fin**, et le serveur d'accueil ne la renouvelle plus",
	},
	"the access token does not expire by itself": {"le jeton d'accès n'expire pas de lui-même"},
	"I renew the access token by myself":         {"je renouvelle moi-même le jeton d'accès"},
	"I renew the access token by myself, and the present one is valid for %s": {
		"je renouvelle moi-même le jeton d'accès, et le jeton actuel est encore valable pendant %s",
	},
	"I renew the access token by myself, but the present one has expired": {
		"je renouvelle moi-même le jeton d'accès, mais le jeton actuel a expiré",
	},
	"**renewing it has failed**, and I try again (the log says why)": {
		"**le renouvellement a échoué** (le journal dit pourquoi), et je réessaie",
	},
	"**renewing it has failed** %d times in a row, and I try again (the log says why)": {
		"**le renouvellement a échoué** %d fois de suite (le journal dit pourquoi), et je réessaie",
	},
}
