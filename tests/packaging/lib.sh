# shellcheck shell=bash
# Sourced by the tests of this folder.
set -euo pipefail

failures=0
failed() { # MESSAGE...
  printf 'FAILED: %s\n' "$*"
  failures=$((failures + 1))
}
skip() { # REASON...
  printf 'SKIPPED: %s\n' "$*"
  exit 77
}
finish() {
  [ $failures -eq 0 ] || { echo "$failures failures"; exit 1; }
  echo "ok"
}

# A folder that is gone afterwards, open to all users: daemons that give up root work in it.
work=$(mktemp -d)
chmod 755 "$work"
at_exit=()
cleanup() {
  local command
  for command in "${at_exit[@]}"; do $command || true; done
  rm -rf "$work"
}
trap cleanup EXIT

# Waits until COMMAND succeeds. Only what would never come shall fail, however slow the machine is.
wait_until() { # COMMAND...
  local deadline=$((SECONDS + 120))
  until "$@"; do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.02
  done
}
