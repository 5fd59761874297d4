#!/bin/bash
# loops_case.sh [SECONDS] - run inside by service_test.sh: sinks whose lines get back to a real syslogd that writes to
# the FIFO. The shipped settings leave them out, and elsewhere the sinks find the loop. SECONDS: how long the README's
# set-up runs.
seconds=${1:-5}
. "$(dirname "$0")/journald_lib.sh"

install_rsyslog
sed -i 's#^ListenDatagram=.*#ListenDatagram=/run/systemd/journal/syslog#' /run/systemd/system/rsyslog.socket
systemctl daemon-reload
loop() { # NAME RSYSLOG_CONFIGURATION
  begin
  printf '%s\n' 'global(workDirectory="/tmp")' "$2" \
    'action(type="omfile" file="/tmp/work/'"$1"'.log" fileCreateMode="0644")' >/run/rsyslog.conf
  : >"$1.log"
  systemctl restart rsyslog.socket rsyslog || die "rsyslogd does not start"
  logger --journald <<<"MESSAGE=the first line"
  wait_until "rsyslogd writes" grep -q "the first line" "$1.log"
  start_driver "$1" -- "$1.log" 500
  wait_until "it refuses" says "comes back through the FIFO"
  sleep 0.5
  [ "$(wc -l <"$1.log")" -lt 200 ] || die "it went round: $(wc -l <"$1.log") lines"
  echo "refused after $(wc -l <"$1.log") lines"
}
echo "== a loop by a syslogd that journald forwards to: refused"
limits ForwardToSyslog=yes
loop forwarded 'module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="/run/systemd/journal/syslog" CreatePath="off" RateLimit.Interval="0")'

echo "== a loop by a syslogd that reads the journal: refused"
limits ForwardToSyslog=no
loop read 'module(load="imjournal" StateFile="imjournal.state" Ratelimit.Interval="0")'

# From here on with the service itself, in the set-up of the README: journald, rsyslogd with the settings that are
# shipped, the FIFO, slurper, and its sink back to the journal.
systemd-tmpfiles --create slurper.conf
sed -i 's/^rotate_size = .*/rotate_size = "100MiB"/' "$configuration"
printf '[[sink]]\ntype = "journald"\nname = "back"\n' >>"$configuration"
use_rsyslog() { # INPUT [SED_SCRIPT]...; the shipped settings, changed by the scripts
  install_rsyslog
  sed -i 's#^ListenDatagram=.*#ListenDatagram=/run/systemd/journal/syslog#' /run/systemd/system/rsyslog.socket
  systemctl daemon-reload
  { echo "$1"; cat "$(find /opt/slurper -path '*/syslog/rsyslog.conf')"; } | sed -e "" "${@:2}" >/run/rsyslog.snippet
  { printf '%s\n' 'global(workDirectory="/tmp")' 'main_queue(queue.timeoutShutdown="10000")'; cat /run/rsyslog.snippet; } \
    >/run/rsyslog.conf
  systemctl restart rsyslog.socket rsyslog || die "rsyslogd does not start"
}
by_socket='module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="/run/systemd/journal/syslog" CreatePath="off" RateLimit.Interval="0")'
by_journal='module(load="imjournal" StateFile="imjournal-shipped.state" Ratelimit.Interval="0" IgnorePreviousMessages="on")'
sunk() { journalctl --quiet --no-pager -o cat SLURPER_SINK=back | grep -x "$1" >/dev/null; } # MESSAGE
# One line goes all the way: whatever the sink wrote before it would be in the log before the next one.
round() { # TEXT
  logger --tag round "$1"
  wait_until "'$1' is in the journal again" sunk "$1"
}
# What reads the journal begins at its end, some time after its start: what is logged before is not passed on.
reads() { # NAME
  logger --tag round "$1 is there"
  sunk "$1 is there"
}
each_once() { # TEXT LINES; what comes after TEXT is each line's own
  sed -n "s/.* \($1 [0-9]*\)\$/\1/p" $log | sort >in_log
  journalctl --quiet --no-pager -o cat SLURPER_SINK=back | grep -x "$1 [0-9]*" | sort >in_journal
  for n in $(seq "$2"); do echo "$1 $n"; done | sort >expected
  cmp -s expected in_log || die "of $2 lines $(sort -u in_log | wc -l) are in the log, in $(wc -l <in_log) lines"
  cmp -s expected in_journal || die "of $2 lines $(sort -u in_journal | wc -l) are in the journal, in $(wc -l <in_journal) entries"
}
works_once() { # TEXT [SECONDS]; for so long, and ten groups of lines at least
  local group=0 end=$((SECONDS + ${2:-0})) n
  round "$1 begins"
  # A few at a time: journald forwards to a socket that holds a few lines (net.unix.max_dgram_qlen), and
  # drops others.
  while [ $group -lt 10 ] || [ $SECONDS -lt $end ]; do
    for n in 1 2 3 4 5; do echo "$1 $((5 * group + n))"; done | logger --tag prog --priority auth.warning
    round "$1 round $group"
    group=$((group + 1))
  done
  round "$1 ends"
  each_once "$1" $((5 * group))
  [ "$(grep -c "$1 round" $log)" = $group ] || die "rounds came again: $(grep "$1 round" $log)"
  echo "$((5 * group)) lines and $group rounds, each once"
}

echo "== journald forwards to rsyslogd: each line once"
begin
limits ForwardToSyslog=yes
use_rsyslog "$by_socket"
systemctl start slurper || die "slurper does not start"
works_once "forwarded" "$seconds"

echo "== rsyslogd reads the journal: each line once"
limits ForwardToSyslog=no
use_rsyslog "$by_journal"
wait_until "rsyslogd reads the journal" reads "rsyslogd"
works_once "read"
! grep -q slurper-probe $log || die "the probe has come back: $(grep slurper-probe $log)"

echo "== settings that leave out only slurper's own messages: the sink finds the loop, and goes on when it is mended"
limits ForwardToSyslog=yes
# shellcheck disable=SC2016 # rsyslog's names
use_rsyslog "$by_socket" -e '/and not (\$inputname/d' -e 's/and \$!SLURPER_LOG_ID == "" then/then/'
systemctl restart slurper
logger --tag prog "the line that goes round"
wait_until "it stops" said "the sink 'back' stops: cannot write to the journal: what this sink writes comes back"
[ "$(grep -c "the line that goes round" $log)" -lt 200 ] || die "it went round: $(wc -l <$log) lines"
wait_until "the status says so" eval 'property StatusText | grep "A SINK HAS STOPPED" >/dev/null'
use_rsyslog "$by_socket"
systemctl reload slurper
wait_until "it goes on" said "the sink 'back' resumes"
works_once "mended"

echo "== a sink \`syslog\` that sends to this machine's own syslogd: it finds the loop, too"
cp "$configuration" /tmp/back.toml
cat >>"$configuration" <<'END'
[[sink]]
type = "syslog"
name = "circle"
transport = "unix"
path = "/run/systemd/journal/syslog"
END
systemctl restart slurper
logger --tag prog "the line that circles"
wait_until "it stops" said "the sink 'circle' stops: cannot send to '/run/systemd/journal/syslog': what this sink sends comes back"
[ "$(grep -c "the line that circles" $log)" -lt 200 ] || die "it went round: $(wc -l <$log) lines"
cp /tmp/back.toml "$configuration"

echo "== syslog-ng reads the journal: each line once"
limits ForwardToSyslog=no
systemctl stop rsyslog.socket rsyslog
modules=$(dirname "$(find /opt/syslog-ng -name libsdjournal.so)")
{
  echo "@version: $(basename "$modules")"
  # As Debian has it: these would make the FIFO root's.
  echo 'options { owner("root"); group("adm"); perm(0640); };'
  echo 'source s_src { systemd-journal(read-old-records(no)); };'
  cat "$(find /opt/slurper -path '*/syslog/syslog-ng.conf')"
} >/run/syslog-ng.conf
systemctl restart slurper
probes() { grep -c "slurper-probe" $log || true; }
before=$(probes)
systemd-run --quiet --unit syslog-ng \
  --setenv "LD_LIBRARY_PATH=$(find /opt/syslog-ng \( -name '*.so' -o -name '*.so.*' \) -printf '%h\n' | sort -u | paste -sd:)" \
  /opt/syslog-ng/usr/sbin/syslog-ng -F --no-caps -f /run/syslog-ng.conf -R /tmp/syslog-ng.persist -c /tmp/syslog-ng.control \
  -p /tmp/syslog-ng.pid --module-path "$modules"
wait_until "syslog-ng reads the journal" reads "syslog-ng"
works_once "ng"
[ "$(probes)" = "$before" ] || die "the probe has come back: $(grep "slurper-probe" $log | tail -n 1)"
