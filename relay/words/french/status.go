package french

// status has the sentences of relay/words/status.go.
var status = sentences{
	"This is the Wazo chat **%s** (`%s`), which has opened by itself.": {
		"Ceci est la discussion Wazo **%s** (`%s`), qui s'est ouverte automatiquement.",
	},
	"Linked with **%s** (`%s`) by `%s`.": {"Lié à **%s** (`%s`) par `%s`."},
	"limit":                              {"limite"},
	"the homeserver limits how fast I may send, so I show messages that wait together. Its administrator can lift the limit for my account (Synapse: `override_ratelimit`).": {
		"le serveur d'accueil limite la vitesse à laquelle je peux envoyer, si bien que j'affiche ensemble les messages en attente. Son administrateur peut lever la limite pour mon compte (Synapse : `override_ratelimit`).",
	},
	"my device":                  {"mon appareil"},
	"key backup":                 {"sauvegarde des clés"},
	"problem":                    {"problème"},
	"history":                    {"historique"},
	"queue":                      {"file d'attente"},
	"%d to Wazo, %d to Matrix":   {"%d vers Wazo, %d vers Matrix"},
	"waiting for a key":          {"en attente d'une clé"},
	"%d":                         {"%d"},
	"parked":                     {"mis de côté"},
	"paused":                     {"en pause"},
	"last error":                 {"dernière erreur"},
	"relay":                      {"relais"},
	"version %s, running for %s": {"version %s, en marche depuis %s"},
	"still being read":           {"encore en cours de lecture"},
	"complete":                   {"complet"},
	"%s; the chat is read through the Wazo account of `%s`": {
		"%s ; la discussion est lue avec le compte Wazo de `%s`",
	},
	"account %s":                                   {"compte %s"},
	"the relay has no account of its own":          {"le relais n'a pas son propre compte"},
	"the homeserver has not answered yet":          {"le serveur d'accueil n'a pas encore répondu"},
	"the homeserver last answered %s ago":          {"dernière réponse du serveur d'accueil il y a %s"},
	"I cannot tell whether this room is encrypted": {"je ne peux pas dire si ce salon est chiffré"},
	"this room is encrypted":                       {"ce salon est chiffré"},
	"this room is not encrypted":                   {"ce salon n'est pas chiffré"},
	"works":                                        {"fonctionne"},
	"**has a problem**":                            {"**a un problème**"},
	"%[1]d. Type `%[2]s retry` to try to deliver them again, or `%[2]s drop` to drop them.": {
		"%[1]d. Saisissez `%[2]s retry` pour tenter de nouveau de les transmettre, ou `%[2]s drop` pour y renoncer.",
	},
	"This chat is linked with a Matrix room.":        {"Cette discussion est liée à un salon Matrix."},
	`This chat is linked with the Matrix room "%s".`: {"Cette discussion est liée au salon Matrix « %s »."},
	"Matrix: %s":  {"Matrix : %s"},
	"Problem: %s": {"Problème : %s"},
	"Waiting: %d messages to Matrix, %d from Matrix": {
		"En attente : %d message vers Matrix, %d depuis Matrix",
		"En attente : %d messages vers Matrix, %d depuis Matrix",
	},
	"Could not be delivered: %d messages": {"Non transmis : %d message", "Non transmis : %d messages"},
	"Paused: %s":                          {"En pause : %s"},
}
