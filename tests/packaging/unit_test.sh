#!/bin/bash
# unit_test.sh UNIT SLURPER - systemd finds no fault with the service, and it is as confined as it
# is meant to be.
. "$(dirname "$0")/lib.sh"
unit=$1 slurper=$2
limit=15 # of systemd-analyze's exposure, in tenths: 1.5

# verify wants the program to be where the unit says; here it is in the build folder.
sed "s#^ExecStart=[^ ]*#ExecStart=$slurper#" "$unit" >"$work/slurper.service"
grep -q "^ExecStart=$slurper run -c /" "$work/slurper.service" || failed "no ExecStart= to replace"
systemd-analyze verify --man=no --recursive-errors=yes "$work/slurper.service" >"$work/verify" 2>&1 ||
  failed "systemd-analyze verify fails"
[ ! -s "$work/verify" ] || failed "systemd-analyze verify: $(cat "$work/verify")"

systemd-analyze security --offline=yes --threshold=$limit "$work/slurper.service" >"$work/security" ||
  failed "too much exposure: $(cat "$work/security")"
tail -n 1 "$work/security"

# And the limit is one: without its confinement the service does not pass.
grep -v '^SystemCallFilter=\|^Protect\|^Private' "$work/slurper.service" >"$work/open.service"
! systemd-analyze security --offline=yes --threshold=$limit "$work/open.service" >/dev/null 2>&1 ||
  failed "a service without confinement passes"

finish
