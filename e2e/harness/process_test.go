package harness

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// parentRole makes this test binary act as a parent that waits to be killed; its
// value is the directory for the child's log.
const parentRole = "HARNESS_TEST_PARENT"

func playParent() int {
	child, err := startProcess(command{
		name: "child", path: "/bin/sleep", args: []string{"600"},
		log: filepath.Join(os.Getenv(parentRole), "child.log"),
	})
	if err != nil {
		fmt.Println("error:", err)
		return 1
	}
	fmt.Println(child.cmd.Process.Pid)
	<-child.done
	return 0
}

func TestChildEndsWithItsKilledParent(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentRole+"="+t.TempDir())
	output, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err, line)
	require.True(t, runs(pid))

	require.NoError(t, parent.Process.Kill())
	_ = parent.Wait() // it says "killed"

	require.Eventually(t, func() bool { return !runs(pid) }, 10*time.Second, time.Millisecond)
}

// runs says whether pid is a process that is not just waiting to be reaped.
func runs(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

func TestTempDirRemovesOnlyOrphans(t *testing.T) {
	parent := t.TempDir()
	owned := filepath.Join(parent, tempPrefix+"owned")
	orphan := filepath.Join(parent, tempPrefix+"orphan")
	starting := filepath.Join(parent, tempPrefix+"starting")
	for _, dir := range []string{owned, orphan, starting} {
		require.NoError(t, os.Mkdir(dir, 0o700))
	}
	lock, err := ownDir(owned)
	require.NoError(t, err)
	defer func() { require.NoError(t, lock.Close()) }()
	abandoned, err := ownDir(orphan)
	require.NoError(t, err)
	require.NoError(t, abandoned.Close(), "the system does so when a process dies")

	removeOrphans(parent)

	require.DirExists(t, owned)
	require.DirExists(t, starting)
	require.NoDirExists(t, orphan)
}
