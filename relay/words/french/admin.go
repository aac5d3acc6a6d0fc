package french

// admin has the sentences of relay/words/admin.go.
var admin = sentences{
	"There is a problem with the relay itself: %s": {"Le relais lui-même a un problème : %s"},
	"There is a problem with Matrix: %s":           {"Il y a un problème du côté de Matrix : %s"},
	"There is a problem with Wazo: %s":             {"Il y a un problème du côté de Wazo : %s"},
	"%s I will tell you when it is over. Type `%s status all` to see which rooms have problems.": {
		"%s Je vous préviendrai quand le problème sera résolu. Saisissez `%s status all` pour voir quels salons ont des problèmes.",
	},
	"The problem with the relay itself is over.": {"Le problème du relais lui-même est résolu."},
	"The problem with Matrix is over.":           {"Le problème du côté de Matrix est résolu."},
	"The problem with Wazo is over.":             {"Le problème du côté de Wazo est résolu."},
	"%s It lasted for %s. It was: %s":            {"%s Il a duré %s. C'était le problème suivant : %s"},
	"No linked room has a problem.":              {"Aucun salon lié n'a de problème."},
	"%d linked rooms have problems. These are the worst:": {
		"%d salons liés ont des problèmes. Voici les plus touchés :",
	},
	"%d linked rooms have problems:": {"%d salon lié a un problème :", "%d salons liés ont des problèmes :"},
	"paused, because %s":             {"en pause, car %s"},
	"%d waiting, the oldest for %s":  {"%d message en attente, depuis %s", "%d messages en attente, le plus ancien depuis %s"},
	"%d parked":                      {"%d message mis de côté", "%d messages mis de côté"},
	"%d waiting for a key":           {"%d message en attente d'une clé", "%d messages en attente d'une clé"},
	"Type `%[1]s status` to see how this room is. Administrators of the relay type `%[1]s status all` to see which rooms have problems.": {
		"Saisissez `%[1]s status` pour voir l'état de ce salon. Les administrateurs du relais peuvent saisir `%[1]s status all` pour voir quels salons ont des problèmes.",
	},
}
