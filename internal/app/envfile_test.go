package app

import (
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caarlos0/env/v11"
	"github.com/docker/cli/pkg/kvfile"
	"github.com/stretchr/testify/require"
)

// envFile writes a file of variables.
func envFile(t *testing.T, content string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), ".env")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// moveEnvironment moves the environment of the relay into a file.
func (f *fixture) moveEnvironment() (path string) {
	f.Helper()
	path = envFile(f.T, strings.Join(environ(f.env), "\n")+"\n")
	f.env = nil
	return path
}

// docker returns what `docker run --env-file` makes of a file.
func docker(t *testing.T, path string) map[string]string {
	t.Helper()
	variables, err := kvfile.Parse(path, nil)
	require.NoError(t, err)
	return env.ToMap(variables)
}

func TestEnvFileMeansWhatItMeansToDocker(t *testing.T) {
	t.Parallel()
	path := envFile(t, "\ufeffFIRST=1\n"+`
# a comment
  # another one
PLAIN=value
SPACES= a b  c `+`
  INDENTED=value
HASH=a#b # c
SINGLE='quoted'
DOUBLE="quoted"
DOLLAR=$HOME ${HOME} $$
BACKSLASH=a\nb\\c\
EQUALS=a=b=c
EMPTY=
NAMEONLY
TEMPLATE={{.Name}} (Matrix)
UNICODE=Grüße ☎
TWICE=1
TWICE=2
`+"CRLF=value\r\nTAB=\ta\t\nLAST=no line break")
	want := map[string]string{
		"FIRST": "1", "PLAIN": "value", "SPACES": " a b  c ", "INDENTED": "value", "HASH": "a#b # c", "SINGLE": "'quoted'", "DOUBLE": `"quoted"`,
		"DOLLAR": "$HOME ${HOME} $$", "BACKSLASH": `a\nb\\c\`, "EQUALS": "a=b=c", "EMPTY": "", "TEMPLATE": "{{.Name}} (Matrix)", "UNICODE": "Grüße ☎",
		"TWICE": "2", "CRLF": "value", "TAB": "\ta\t", "LAST": "no line break",
	}
	read, err := readEnvFile(path)
	require.NoError(t, err)
	require.Equal(t, want, env.ToMap(read))
	require.Equal(t, docker(t, path), env.ToMap(read))
}

func FuzzEnvFile(f *testing.F) {
	f.Add("\ufeffA=1\r\n\ufeffB=2\n\n C=\"3\" #\nD\nE F=4\n=5")
	f.Fuzz(func(t *testing.T, content string) {
		path := envFile(t, content)
		want, dockerErr := kvfile.Parse(path, nil)
		got, err := readEnvFile(path)
		if dockerErr != nil || strings.Contains(content, "\x00") {
			require.Error(t, err)
			return
		}
		require.NoError(t, err)
		require.Equal(t, want, append([]string{}, got...))
	})
}

func TestEnvExampleIsValidForBoth(t *testing.T) {
	t.Parallel()
	const example = "../../.env.example"
	content, err := os.ReadFile(example)
	require.NoError(t, err)
	passwords := []string{"MATRIX_PASSWORD=" + matrixPassword, "WAZO_PASSWORD=" + wazoPassword}
	load := func(path string, changes ...string) *config {
		read, err := readEnvFile(path)
		require.NoError(t, err)
		require.Equal(t, docker(t, path), env.ToMap(read))
		cfg, err := loadConfig(slices.Concat(read, passwords, changes))
		require.NoError(t, err)
		return cfg
	}
	asItIs := load(example)
	require.EqualValues(t, "@relay:example.org", asItIs.MatrixUserID)
	require.EqualValues(t, "https://wazo.example.org", asItIs.WazoURL)
	require.EqualValues(t, []string{"@you:example.org"}, asItIs.Admins)

	uncommented := envFile(t, regexp.MustCompile(`(?m)^#([A-Z_]+=)`).ReplaceAllString(string(content), "$1"))
	require.Equal(t, asItIs, load(uncommented, "PUBLIC_URL="), "a variable that is commented out shows its default")
}

func TestEnvFileMistakes(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	path := envFile(t, "A=1\nB = "+secret+"\nexport C="+secret+"\n\n="+secret+"\nD=\xff"+secret+"\nE="+strings.Repeat(secret, 20_000)+"\nF="+secret+"\x00\nG=1\n")
	out := (&fixture{T: t}).run(t.Context(), "--check", "--env-file", path)
	require.Error(t, out.err)
	require.NotContains(t, out.errors, secret)
	var lines []string
	for _, printed := range printedErrors(t, out.errors) {
		require.Contains(t, printed.hint, "NAME=value")
		line, _, _ := strings.Cut(strings.TrimPrefix(printed.failure, path+":"), ":")
		lines = append(lines, line)
	}
	require.Equal(t, []string{"2", "3", "5", "6", "7", "8"}, lines)

	t.Run("a file that is not there", func(t *testing.T) {
		failure, hint := (&fixture{T: t}).fails("--env-file", "/none/.env")
		require.Contains(t, failure, "/none/.env")
		require.Contains(t, hint, "--env-file")
	})

	t.Run("no name of a file", func(t *testing.T) {
		for _, args := range [][]string{{"--env-file"}, {"--check", "--env-file"}, {"--env-file="}, {"--env-file", "a", "--env-file", "b"}} {
			failure, hint := (&fixture{T: t}).fails(args...)
			require.Contains(t, failure, "--env-file needs the name of one file")
			require.Contains(t, hint, "--env-file .env")
		}
	})
}

func TestEveryCommandTakesAnEnvFile(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	path := f.moveEnvironment()
	stop := f.serve("--env-file", path)
	f.awaitWell("--env-file", path)
	out := f.run(t.Context(), "--env-file="+path, "recovery-key")
	require.NoError(t, out.err)
	require.NotEmpty(t, out.stdout)
	require.NoError(t, stop().err)
	out = f.run(t.Context(), "--check", "--env-file", path)
	require.NoError(t, out.err, out.stdout)
	require.Contains(t, out.stdout, "ok: Wazo websocket")
	for _, command := range []string{"--version", "--help"} {
		require.NoError(t, f.run(t.Context(), "--env-file", path, command).err)
	}

	t.Run("and the environment overrides it", func(t *testing.T) {
		f.env = map[string]string{"WAZO_USERNAME": "typo"}
		failure, _ := f.fails("--env-file", path)
		require.Contains(t, failure, "401")
		f.env = map[string]string{"WAZO_USERNAME": "", "LOG_LEVEL": "loud"}
		out := f.run(t.Context(), "--env-file", path)
		require.Contains(t, out.errors, "WAZO_USERNAME is not set", "it is empty")
		require.Contains(t, out.errors, "LOG_LEVEL")
		f.env = map[string]string{"ADMIN_LISTEN": freeAddress(t)}
		_, hint := f.fails("--env-file", path, "healthcheck")
		require.Contains(t, hint, "ADMIN_LISTEN")
	})
}

// Libraries read some variables from the process, for example TZ and HTTPS_PROXY.
func TestEnvFileReachesLibraries(t *testing.T) {
	for _, name := range []string{"TEST_ENV_FILE_NEW", "TEST_ENV_FILE_SET"} {
		t.Setenv(name, "before") // it is put back afterwards
	}
	require.NoError(t, os.Unsetenv("TEST_ENV_FILE_NEW"))
	path := envFile(t, "TEST_ENV_FILE_NEW=file\nTEST_ENV_FILE_SET=file\n")
	require.Error(t, run(t.Context(), []string{"--env-file", path}, []string{"TEST_ENV_FILE_SET=before"}, io.Discard, io.Discard), "nothing is configured")
	require.Equal(t, "file", os.Getenv("TEST_ENV_FILE_NEW"))
	require.Equal(t, "before", os.Getenv("TEST_ENV_FILE_SET"))
}

func TestHelp(t *testing.T) {
	t.Parallel()
	out := (&fixture{T: t}).run(t.Context(), "--help")
	require.NoError(t, out.err)
	require.Empty(t, out.stderr)
	listed := make(map[string]bool)
	for _, line := range regexp.MustCompile(`(?m)^  (\S+)(?: FILE)? +[A-Z]`).FindAllStringSubmatch(out.stdout, -1) {
		listed[line[1]] = true
	}
	require.ElementsMatch(t, []string{"--check", "login", "backup", "migrate-database", "healthcheck", "recovery-key", "--version", "--help", "--env-file"}, slices.Collect(maps.Keys(listed)))
}
