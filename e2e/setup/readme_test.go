package setup

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const quickStart = "# Relay\n\n## Quick start\n\n1. **Configure:** copy it and set `MATRIX_USER_ID` and `ADMINS`.\n\n   ```console\n   $ cp .env.example .env\n   ```\n" +
	"2. **Check:**\n\n   ```console\n   $ docker build .\n   ```\n3. Type `!wazo rooms`. Type `!wazo link 1` in the room. The bot says \"Linked with …\".\n\n" +
	"Without Docker, build it:\n\n```console\n$ make build\n$ ./relay --check\n$ ./relay\n```\n\n## Limits\n\n```console\n$ rm -r /\n```\n"

func TestReadGuide(t *testing.T) {
	t.Parallel()
	guide, err := ReadGuide(quickStart)
	require.NoError(t, err)
	require.Equal(t, &Guide{
		Configure: []string{"cp .env.example .env"}, Variables: []string{"MATRIX_USER_ID", "ADMINS"},
		Run: []string{"make build", "./relay --check", "./relay"}, Typed: []string{"!wazo rooms", "!wazo link 1"}, Answer: "Linked with",
	}, guide)
	for _, text := range []string{"", "\n## Quick start\n", "\n## Quick start\nx\nWithout Docker, y", "## Limits\n"} {
		_, err = ReadGuide(text)
		require.Error(t, err, text)
	}
}

func TestFill(t *testing.T) {
	t.Parallel()
	filled, err := Fill("# A name.\nNAME=example\n#PORT=8080\nREST=1\n", map[string]string{"NAME": `a$1"b`, "PORT": "9"})
	require.NoError(t, err)
	require.Equal(t, "# A name.\nNAME=a$1\"b\nPORT=9\nREST=1\n", filled)
	_, err = Fill("NAME=example\n", map[string]string{"OTHER": "x"})
	require.ErrorContains(t, err, "OTHER")
}
