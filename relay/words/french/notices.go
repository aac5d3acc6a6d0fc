package french

// notices has the sentences of relay/words/notices.go.
var notices = sentences{
	"(This is about [this message](%s).)": {"(Cela concerne [ce message](%s).)"},
	"(This is about %d messages: %s.)": {
		"(Cela concerne %d message : %s.)",
		"(Cela concerne %d messages : %s.)",
	},
	"(I say this once instead of %d times.)": {"(Je le dis une seule fois au lieu de %d.)"},
}
