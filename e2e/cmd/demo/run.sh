#!/usr/bin/env bash
# Compiles the demo and runs it. It is started in the folder of the module e2e, with the flags of the Go tool in TAGS.
set -euo pipefail

# Job control gives each command a process group of its own. So Ctrl-C reaches only the command in the foreground, and make
# does not take an orderly end for a failure.
set -m

mkdir -p bin
if [[ -t 1 ]]; then
	line=$'\r\e[K' end=''
else
	line='' end=$'\n'
fi

progress() {
	while true; do
		if [[ -t 1 ]] || ((SECONDS % 15 == 0)); then
			printf '%sCompiling the demo … %d s%s' "$line" "$SECONDS" "$end"
		fi
		sleep 1
	done
}
progress &
progress=$!
status=0
# shellcheck disable=SC2086 # TAGS are several words
(trap 'exit 130' INT && go build $TAGS -o bin/demo ./cmd/demo) || status=$?
kill -- "-$progress" || true
wait "$progress" 2>/dev/null || true
if ((status == 130)); then # Ctrl-C
	echo
	exit 0
elif ((status != 0)); then
	exit "$status"
fi
printf '%sCompiling the demo: done after %d s\n' "$line" "$SECONDS"

bin/demo "$@"
