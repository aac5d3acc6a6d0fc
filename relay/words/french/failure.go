package french

// failure has the sentences of relay/words/failure.go.
var failure = sentences{
	"This message was not delivered to Wazo: %s": {"Ce message n'a pas été transmis à Wazo : %s"},
	"I cannot tell whether this message was delivered to Wazo: %s Look there before you send it again, or type `%s retry` here. Then I look before I try once more.": {
		"Je ne peux pas dire si ce message a été transmis à Wazo : %s Vérifiez sur Wazo avant de l'envoyer de nouveau, ou saisissez `%s retry` ici. Je vérifierai alors moi-même avant de réessayer.",
	},
	"A message from %s on Wazo cannot be shown here: %s": {
		"Un message envoyé par %s sur Wazo ne peut pas être affiché ici : %s",
	},
	"I cannot relay at the moment: %s Messages are kept and delivered once this is fixed.": {
		"Je ne peux rien transmettre pour le moment : %s Les messages sont conservés et seront transmis dès que le problème sera résolu.",
	},
	"Relaying messages again.": {"Je transmets de nouveau les messages."},
	"%s cannot be reached at the moment. Messages are kept and delivered in order once it is back.": {
		"%s est injoignable pour le moment. Les messages sont conservés et seront transmis dans l'ordre dès son retour.",
	},
	"%s is back. Messages are delivered again.": {
		"%s est de nouveau joignable. Les messages sont de nouveau transmis.",
	},
	"I was away and cannot read what was said here in the meantime, so I cannot deliver it to Wazo. If something is missing on Wazo, please send it again.": {
		"J'étais hors ligne et je ne peux pas lire ce qui s'est dit ici entre-temps : je ne peux donc pas le transmettre à Wazo. S'il manque quelque chose sur Wazo, veuillez l'envoyer de nouveau.",
	},
	"I was removed from %[1]s (`%[2]s`), which is linked with **%[3]s**. Messages from Wazo are kept. Invite me again to continue, or type `%[4]s unlink %[2]s` here to end the link.": {
		"J'ai été retiré du salon %[1]s (`%[2]s`), lié à **%[3]s**. Les messages de Wazo sont conservés. Invitez-moi de nouveau pour continuer, ou saisissez `%[4]s unlink %[2]s` ici pour mettre fin au lien.",
	},
	"I cannot relay in %[1]s (`%[2]s`), which is linked with **%[3]s**: %[4]s Messages from Wazo are kept and delivered once this is fixed. To end the link instead, an administrator of the relay types `%[5]s unlink %[2]s` here.": {
		"Je ne peux rien transmettre dans le salon %[1]s (`%[2]s`), lié à **%[3]s** : %[4]s Les messages de Wazo sont conservés et seront transmis dès que le problème sera résolu. Pour mettre plutôt fin au lien, un administrateur du relais peut saisir `%[5]s unlink %[2]s` ici.",
	},
	"I may not send messages in %s (`%s`). I wanted to say there:\n\n%s": {
		"Je n'ai pas le droit d'envoyer de messages dans le salon %s (`%s`). Je voulais y dire ceci :\n\n%s",
	},
	"a message has been waiting for %s to be shown in `%s`.": {
		"un message attend depuis %s d'être affiché dans `%s`.",
	},
	"a message from `%s` has been waiting for %s to be posted on Wazo.": {
		"un message de `%s` attend depuis %s d'être publié sur Wazo.",
	},
	"`%s` is paused: %s":         {"`%s` est en pause : %s"},
	"%s This has lasted for %s.": {"%s Cela dure depuis %s."},
	"the clock of Wazo is %s ahead of that of the relay. Set both clocks.": {
		"l'horloge de Wazo avance de %s sur celle du relais. Réglez les deux horloges.",
	},
	"the clock of Wazo is %s behind that of the relay. Set both clocks.": {
		"l'horloge de Wazo retarde de %s sur celle du relais. Réglez les deux horloges.",
	},
	"the clock of the homeserver is %s ahead of that of the relay. Set both clocks.": {
		"l'horloge du serveur d'accueil avance de %s sur celle du relais. Réglez les deux horloges.",
	},
	"the clock of the homeserver is %s behind that of the relay. Set both clocks.": {
		"l'horloge du serveur d'accueil retarde de %s sur celle du relais. Réglez les deux horloges.",
	},
	"I could not decrypt it. If its key reaches me within %s, I deliver the message late. You can also send it again.": {
		"je n'ai pas pu le déchiffrer. Si sa clé me parvient d'ici %s, je transmettrai le message en retard. Vous pouvez aussi l'envoyer de nouveau.",
	},
	"your app did not share the key of the message with me, perhaps because it does not trust my device. If the key reaches me within %s, I deliver the message late. You can also send it again.": {
		"votre application ne m'a pas transmis la clé du message, peut-être parce qu'elle ne fait pas confiance à mon appareil. Si la clé me parvient d'ici %s, je transmettrai le message en retard. Vous pouvez aussi l'envoyer de nouveau.",
	},
	"I could not deliver this message to Wazo, because its key did not reach me within %s. Please send it again if it is still needed.": {
		"Je n'ai pas pu transmettre ce message à Wazo, car sa clé ne m'est pas parvenue dans un délai de %s. Veuillez l'envoyer de nouveau s'il est encore utile.",
	},
	"I cannot tell whether this message was delivered to Wazo: I was restored from a backup that is older than the message, and I could not decrypt it. Please look there before you send it again. If its key reaches me within %s and the message is not there, I deliver it late.": {
		"Je ne peux pas dire si ce message a été transmis à Wazo : j'ai été restauré à partir d'une sauvegarde plus ancienne que le message, et je n'ai pas pu le déchiffrer. Veuillez vérifier sur Wazo avant de l'envoyer de nouveau. Si sa clé me parvient d'ici %s et que le message ne s'y trouve pas, je le transmettrai en retard.",
	},
	"The key of this message did not reach me within %s, so I cannot tell whether it was delivered to Wazo before I was restored from a backup. Please look there, and send it again if it is missing.": {
		"La clé de ce message ne m'est pas parvenue dans un délai de %s : je ne peux donc pas dire s'il a été transmis à Wazo avant ma restauration à partir d'une sauvegarde. Veuillez vérifier sur Wazo, et l'envoyer de nouveau s'il y manque.",
	},
	"I could not add these reactions on Wazo, so people there do not see them: %s.": {
		"Je n'ai pas pu ajouter sur Wazo les réactions suivantes, qui n'y sont donc pas visibles : %s.",
	},
	"I could not remove these reactions on Wazo, so people there may still see them: %s.": {
		"Je n'ai pas pu retirer de Wazo les réactions suivantes, qui y sont donc peut-être encore visibles : %s.",
	},
	"%s: %s": {"%s : %s"},
}
