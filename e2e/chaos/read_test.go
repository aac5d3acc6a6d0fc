package chaos

import (
	"testing"

	"wazo-matrix-relay/relay/convert"
	"wazo-matrix-relay/wazoapi/wazotest"

	"github.com/stretchr/testify/require"
)

func TestMessagesOfAMergedEventAreReadByThemselves(t *testing.T) {
	anna := wazotest.User{UUID: "11111111-a", Firstname: "Anna", Lastname: "Doe"}
	boris := wazotest.User{UUID: "22222222-b", Firstname: "Boris", Lastname: "Roe"}
	p := &place{name: "here", authors: []wazotest.User{anna, boris}}
	said := func(user wazotest.User, name, text string) convert.Said {
		return convert.Said{ID: user.UUID, Name: name, Content: text}
	}
	for _, test := range []struct {
		name string
		said []convert.Said
		want []string
	}{
		{"one message", []convert.Said{said(anna, "Anna Doe", "ok")}, []string{"author 1: ok"}},
		{"of one author", []convert.Said{said(boris, "Boris Roe", "1"), said(boris, "Boris Roe", "2")}, []string{"author 2: 1", "author 2: 2"}},
		{"of several authors", []convert.Said{said(boris, "Boris Roe", "1"), said(anna, "", "2"), said(boris, "", "3")}, []string{"author 2: 1", "author 1: 2", "author 2: 3"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var want []string
			for _, key := range test.want {
				want = append(want, "here, Wazo to Matrix: "+key)
			}
			content, n := convert.Merge(test.said, 0)
			require.Equal(t, len(test.said), n)
			require.Equal(t, want, shownBy(p, *content))
		})
	}
}
