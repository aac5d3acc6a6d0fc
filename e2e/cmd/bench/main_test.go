package main

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParts(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
		want []part
	}{
		{name: "programs that encrypt are not used for plain rooms on the stub", want: []part{
			{"stub", []string{"plain"}}, {"stub", []string{"encrypted"}}, {"dendrite", []string{"plain", "encrypted"}},
		}},
		{name: "encrypted rooms can be left out", args: []string{"-encryption=plain"}, want: []part{
			{"stub", []string{"plain"}}, {"dendrite", []string{"plain"}},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := parse(test.args, io.Discard)
			require.NoError(t, err)
			require.Equal(t, test.want, p.parts())
		})
	}
}
