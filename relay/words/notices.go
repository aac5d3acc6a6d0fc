package words

import (
	"fmt"
	"strings"
)

// Notice is a notice that is said together with others.
type Notice struct {
	Markdown string
	Times    int      // how often it is said
	About    []string // links to the messages to which it would be a reply
}

// Notices says several notices at once: one after the other, and those that are said several times once.
func (t Texts) Notices(notices []Notice) string {
	paragraphs := make([]string, len(notices))
	for i, notice := range notices {
		paragraphs[i] = notice.Markdown
		switch {
		case len(notice.About) == 1 && notice.Times == 1:
			paragraphs[i] += "\n" + t.say("(This is about [this message](%s).)", notice.About[0])
		case len(notice.About) > 0:
			links := make([]string, len(notice.About))
			for j, link := range notice.About {
				links[j] = fmt.Sprintf("[%d](%s)", j+1, link)
			}
			paragraphs[i] += "\n" + t.count(len(links), "(This is about %d message: %s.)", "(This is about %d messages: %s.)", strings.Join(links, ", "))
		case notice.Times > 1:
			paragraphs[i] += "\n" + t.say("(I say this once instead of %d times.)", notice.Times)
		}
	}
	return strings.Join(paragraphs, "\n\n")
}
