#!/bin/bash
# restarts_case.sh socket|store [ROUNDS [SEED]] - run inside by service_test.sh: logger -> rsyslogd -> FIFO ->
# slurper, all as real services, with something restarted, killed or told at random in each round while
# numbered lines flow. Each line must be in the log: once, whole, and in order.
#
# What counts as sent is what logger has sent, and none of that is rsyslogd's to lose: the socket that logger
# sends to is systemd's, which keeps it, and what is in it, over a restart of rsyslogd (a full one makes logger
# wait); and rsyslogd empties its queues when it stops, for which slurper.conf's queue.timeoutShutdown, and
# that of its main queue here, give it time.
. "$(dirname "$0")/case_lib.sh"
how=$1 rounds=${2:-50} seed=${3:-$RANDOM}
RANDOM=$seed
echo "== $rounds rounds, kept by the $how, seed $seed"

install_slurper
install_rsyslog
# Soon enough for a test.
drop_in slurper.service '[Service]' 'WatchdogSec=1s'
case $how in
  socket)
    systemctl start slurper.socket || die "the socket unit does not start"
    actions=(kill restart stop_and_start watchdog reload restart_rsyslog rotate)
    ;;
  store)
    systemd-tmpfiles --create slurper.conf
    actions=(kill restart watchdog reload restart_rsyslog rotate) # a stop empties the store
    ;;
esac
systemctl start slurper rsyslog || die "they do not start"

: >/tmp/flow
awk 'BEGIN { for (n = 1; system("test -e /tmp/flow && sleep 0.01") == 0;) for (i = 0; i < 20; i++) printf "line %08d of the test\n", n++ }' |
  tee /tmp/sent | logger --socket /run/rsyslog-input --tag probe &
writer=$!

kill_() { kill -KILL "$before"; }
watchdog() { kill -STOP "$before"; } # it does not report any more: systemd aborts it
restart() { systemctl restart slurper || die "it does not restart"; }
stop_and_start() {
  systemctl stop slurper || die "it does not stop"
  systemctl start slurper || die "it does not start"
}
declare -A done_=()
for ((round = 0; round < rounds; round++)); do
  action=${actions[RANDOM % ${#actions[@]}]}
  before=$(property MainPID)
  case $action in
    kill) kill_ ;;
    reload) systemctl reload slurper || die "it does not reload" ;;
    rotate) systemctl kill --signal USR1 slurper ;;
    restart_rsyslog) systemctl restart rsyslog || die "rsyslog does not restart" ;;
    *) $action ;;
  esac
  case $action in
    kill | restart | stop_and_start | watchdog) wait_until "slurper is back after: $action" restarted "$before" ;;
  esac
  done_[$action]=$((${done_[$action]:-0} + 1))
  sleep "0.$((RANDOM % 3))" # some rounds in a burst, some with lines between them
done
rm /tmp/flow
wait $writer || die "logger fails"
sent=$(wc -l </tmp/sent)
[ "$sent" -gt 1000 ] || die "only $sent lines have been sent"
probe_logged() { whole_log | grep -F "probe: $(tail -n 1 /tmp/sent)" >/dev/null; }
wait_until "the last line in the log" probe_logged

for action in "${!done_[@]}"; do echo "$action: ${done_[$action]}"; done
whole_log >/tmp/log
grep -F 'probe: ' /tmp/log | sed 's/^[^ ]* [^ ]* user\.notice probe: //' | diff - /tmp/sent >/tmp/difference ||
  die "of $sent lines: $(grep -c '^>' /tmp/difference) are missing, $(grep -c '^<' /tmp/difference) are there that should not be:
$(head -n 10 /tmp/difference)"
# Nor is there anything that is no line: what is not the test's is rsyslogd's own.
! grep -v '^[^ ]* [^ ]* user\.notice probe: line [0-9]* of the test$' /tmp/log |
  grep -v '^[^ ]* [^ ]* syslog\.[a-z]* rsyslogd: ' || die "torn lines"
slurper verify $log || die "verify ends with $?"
# At least: a machine that is busy may keep a slurper from a CPU for a second, too.
watchdog_has_struck() {
  [ "$(journalctl --quiet --no-pager --unit slurper | grep -c 'Watchdog timeout')" -ge "${done_[watchdog]:-0}" ]
}
wait_until "the watchdog strikes each slurper that hangs" watchdog_has_struck
says_all_well() { [[ $(property StatusText) == *" lines/s, 0B wait in the ring of 64.0MiB, all well" ]]; }
wait_until "the status of a slurper with nothing to do" says_all_well
# No restart of a writer looks like a second reader.
! journalctl --quiet --no-pager --unit slurper | grep -E 'also reads|for reading only|takes lines' ||
  die "a second reader is reported that was not there"
echo "$sent lines, all there"
