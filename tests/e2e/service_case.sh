#!/bin/bash
# service_case.sh - run inside by service_test.sh: the installed service under a real systemd, as
# confined as it ships. An installation's files are in /opt/slurper.
set -euo pipefail
fifo=/run/slurper/fifo
log=/var/log/slurper/messages

die() {
  echo "FAILED: $*"
  journalctl --no-pager --quiet --unit slurper --lines 50
  systemctl status slurper --no-pager --lines 0 || true
  exit 1
}
wait_until() { # WHAT COMMAND...
  local what=$1 deadline=$((SECONDS + 30))
  shift
  until "$@"; do
    [ $SECONDS -lt $deadline ] || die "not within 30 s: $what"
    sleep 0.02
  done
}
property() { systemctl show --property "$1" --value slurper; }
logged() { [ "$(tail -n 1 $log 2>/dev/null)" = "$1" ]; } # LAST_LINE
restarted() { # OLD_PID
  # Both at once: between two questions the old process may go.
  case $(systemctl show --property MainPID --property ActiveState slurper | sort | paste -sd' ') in
    *" MainPID=$1" | *" MainPID=0") return 1 ;;
    "ActiveState=active "*) return 0 ;;
    *) return 1 ;;
  esac
}
raw_segments() { compgen -G "$log.*[0-9]" >/dev/null; }
compressed_segments() { compgen -G "$log.*.zst" >/dev/null; }
all_compressed() { compressed_segments && ! raw_segments; }

cp -r /opt/slurper/. /
# Small segments, so that rotation and compression run under the confinement, too.
configuration=$(sed -n 's/^ExecStart=.* -c //p' "$(systemctl show --property FragmentPath --value slurper)")
sed -i 's/^rotate_size = .*/rotate_size = "100KiB"/' "$configuration"
systemd-sysusers
systemd-tmpfiles --create slurper.conf
[ "$(stat -c '%F %a %U %G' $fifo)" = "fifo 660 slurper slurper" ] || die "the FIFO is not as tmpfiles.d says"
systemctl daemon-reload

echo "== it starts, and a line goes through"
systemctl start slurper || die "it does not start"
[ "$(property StatusText)" != "" ] || echo "(no status)"
exec 9<>$fifo # as a syslogd has it
echo "the first line" >&9
wait_until "the first line in the log" logged "the first line"
[ "$(stat -c '%a %U %G' $log)" = "640 slurper adm" ] || die "the log: $(stat -c '%a %U %G' $log)"
[ "$(stat -c '%U' /proc/"$(property MainPID)")" = slurper ] || die "it does not run as slurper"

echo "== it is killed, comes back, and has every line"
lines=60000
awk -v lines=$lines 'BEGIN {
  for (n = 1; n <= lines; n++) { printf "line %08d of the test\n", n; if (n % 200 == 0) system("sleep 0.01") }
}' >&9 &
writer=$!
for ((kills = 0; kills < 15; kills++)); do
  before=$(property MainPID)
  kill -KILL "$before"
  wait_until "a new process" restarted "$before"
done
wait $writer
wait_until "the last line in the log" logged "$(printf 'line %08d of the test' $lines)"
[ "$(property NRestarts)" -ge $kills ] || die "$(property NRestarts) restarts for $kills kills"

echo "== rotation and compression"
systemctl kill --signal USR1 slurper
wait_until "every rotated segment compressed" all_compressed
[ -z "$(find /var/log/slurper -type f ! -perm 640)" ] || die "modes: $(ls -la /var/log/slurper)"
[ -z "$(find /var/log/slurper -type f -name 'messages*' ! -group adm)" ] || die "groups: $(ls -la /var/log/slurper)"

echo "== reload"
before=$(property MainPID)
systemctl reload slurper || die "reload fails"
echo "after the reload" >&9
wait_until "a line after the reload" logged "after the reload"
[ "$(property MainPID)" = "$before" ] || die "the reload restarted it"

echo "== a restart and a stop are clean"
systemctl restart slurper || die "it does not restart"
echo "before the stop" >&9
systemctl stop slurper || die "it does not stop"
[ "$(property Result) $(property ExecMainStatus)" = "success 0" ] ||
  die "it stopped with $(property Result), $(property ExecMainStatus)"
logged "before the stop" || die "the stop left a line behind"
[ -p $fifo ] || die "the stop took the FIFO away"

{
  echo "the first line"
  awk -v lines=$lines 'BEGIN { for (n = 1; n <= lines; n++) printf "line %08d of the test\n", n }'
  printf '%s\n' "after the reload" "before the stop"
} >/tmp/expected
# Every segment, raw or compressed, oldest first.
zstdcat -f $log.*[0-9t] $log | cmp - /tmp/expected || die "the log is not what was written"
slurper verify $log || die "verify ends with $?"

# A filtered system call shows as EPERM in a message.
! journalctl --no-pager --quiet --unit slurper | grep -i 'not permitted\|SIGSYS\|core-dump' ||
  die "something was refused"
echo "$kills kills, $lines lines, all there; $(compgen -G "$log.*" | wc -l) segments"
