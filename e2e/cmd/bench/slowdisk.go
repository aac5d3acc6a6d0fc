package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// slowDisk is a library that makes each fsync of the program that loads it take longer.
const slowDisk = `#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void delay(void) { const char *us = getenv("BENCH_FSYNC_DELAY_US"); if (us) usleep(atoi(us)); }

int fsync(int fd) {
	static int (*real)(int);
	if (!real) real = dlsym(RTLD_NEXT, "fsync");
	delay();
	return real(fd);
}

int fdatasync(int fd) {
	static int (*real)(int);
	if (!real) real = dlsym(RTLD_NEXT, "fdatasync");
	delay();
	return real(fd);
}
`

// slowDownDisk adds to an environment what lets each fsync take longer by a time. It compiles a library into dir, by
// the C compiler that Go uses for SQLite. It works on Linux only.
func slowDownDisk(ctx context.Context, dir string, longer time.Duration, env map[string]string) error {
	source, library := filepath.Join(dir, "slowdisk.c"), filepath.Join(dir, "slowdisk.so")
	if err := os.WriteFile(source, []byte(slowDisk), 0o600); err != nil {
		return err
	}
	compiler, err := exec.CommandContext(ctx, "go", "env", "CC").Output()
	if err != nil {
		return fmt.Errorf("failed to ask which C compiler Go uses: %w", err)
	}
	args := []string{"-c", string(compiler[:max(len(compiler)-1, 0)]) + ` -shared -fPIC -O1 -o "$1" "$2" -ldl`, "sh", library, source}
	if output, err := exec.CommandContext(ctx, "sh", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("failed to compile what slows down fsync: %w\n%s", err, output)
	}
	env["LD_PRELOAD"], env["BENCH_FSYNC_DELAY_US"] = library, strconv.FormatInt(longer.Microseconds(), 10)
	return nil
}
