#!/bin/bash
# unit_test.sh UNIT_DIR SLURPER - systemd finds no fault with the services and their sockets, and
# the services are as confined as they are meant to be.
. "$(dirname "$0")/lib.sh"
units=$1 slurper=$2
limit=8 # of systemd-analyze's exposure, in tenths, as the README says

for service in slurper.service slurper@.service; do
  # verify wants the program to be where the unit says; here it is in the build folder.
  sed "s#^\(ExecStart\|ExecReload\)=[^ ]*/slurper #\1=$slurper #" "$units/$service" >"$work/$service"
  grep -q "^ExecStart=$slurper run -c /" "$work/$service" || failed "$service: no ExecStart= to replace"
  cp "$units/${service%.service}.socket" "$work"
done
cp "$units"/slurper-failed* "$work"
for unit in slurper.service slurper@.service slurper.socket slurper@.socket \
  slurper-failed.service slurper-failed@.service; do
  systemd-analyze verify --man=no --recursive-errors=yes "$work/$unit" >"$work/verify" 2>&1 ||
    failed "systemd-analyze verify $unit fails"
  [ ! -s "$work/verify" ] || failed "systemd-analyze verify $unit: $(cat "$work/verify")"
done

for service in slurper.service slurper@.service; do
  systemd-analyze security --offline=yes --threshold=$limit "$work/$service" >"$work/security" ||
    failed "too much exposure: $(cat "$work/security")"
  tail -n 1 "$work/security"
done

# And the limit is one: without its confinement the service does not pass.
grep -v '^SystemCallFilter=\|^Protect\|^Private' "$work/slurper.service" >"$work/open.service"
! systemd-analyze security --offline=yes --threshold=$limit "$work/open.service" >/dev/null 2>&1 ||
  failed "a service without confinement passes"

finish
