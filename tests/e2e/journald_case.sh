#!/bin/bash
# journald_case.sh [KILLS] - run inside by service_test.sh: the sink `journald` against the real journald, and
# real syslogds for the loop. journald_driver stands for the daemon.
. "$(dirname "$0")/case_lib.sh"
kills=${1:-100}
driver=/opt/test-programs/journald_driver
log_id=07070707-0707-0707-0707-070707070707

install_slurper
chmod 755 /tmp
mkdir /tmp/work && chmod 777 /tmp/work && cd /tmp/work
user=slurper # in the group adm, which may read the journal

drop_in systemd-journald.service '[Unit]' StartLimitIntervalSec=0

# As slurper's user, in a unit of its own, so that its rate limit is its own.
start_driver() { # UNIT PROPERTY... -- LOG BATCH KEY=VALUE...; what it says is in $unit.out
  unit=$1
  shift
  local properties=()
  while [ "$1" != -- ]; do properties+=(--property "$1") && shift; done
  shift
  local log=$1 batch=$2
  shift 2
  systemd-run --quiet --unit "$unit" --property "User=$user" --property KillMode=mixed \
    --property "StandardOutput=append:/tmp/work/$unit.out" "${properties[@]}" \
    "$driver" "/tmp/work/$log" "/tmp/work/$log.cursor" "$batch" "$@"
}
stop_driver() { systemctl stop "$unit" 2>/dev/null || true; }
cursor() { cat "$1.cursor" 2>/dev/null || echo 0; }
all_held() { [ "$(cursor "$1")" = "$(stat -c %s "$1")" ]; } # LOG
wait_held() { wait_by_progress "the lines of $1 are held" "cursor $1" all_held "$1"; } # LOG
says() { grep -q "$1" "/tmp/work/$unit.out" 2>/dev/null; }
# The offsets in the journal, in their order there, since the time in $since.
offsets() { journalctl --quiet --no-pager --since "$since" -o json --output-fields SLURPER_OFFSET,_UID \
  SLURPER_LOG_ID=$log_id _UID="$(id -u "$user")" | sed -n 's/.*"SLURPER_OFFSET":"\([0-9]*\)".*/\1/p'; }
begin() { # forgets what the journal has
  journalctl --quiet --sync
  journalctl --quiet --rotate
  journalctl --quiet --vacuum-time=1us
  since=@0
}
# Each line of LOG is there once, in order (FILTER: sort where lines that were dropped came later).
check_once() { # LOG [FILTER]
  awk 'BEGIN { at = 0 } { print at; at += length($0) + 1 }' "$1" >expected
  offsets | ${2:-cat} >got
  cmp -s expected got || die "$1: of $(wc -l <expected) lines $(sort -u got | wc -l) are in the journal, in $(wc -l <got) entries
$(diff expected got | head -5)"
}
numbered() { awk -v lines="$1" 'BEGIN { for (n = 0; n < lines; n++) printf "<38>sshd[%d]: line %08d of the test\n", n % 30000, n }'; }
journald_pid() { systemctl show --property MainPID --value systemd-journald; }
limits() { # LINE...; settings of journald
  printf '%s\n' '[Journal]' Storage=volatile RateLimitIntervalSec=0 "$@" >/run/systemd/journald.conf.d/test.conf
  systemctl restart systemd-journald
}

echo "== fields, and bytes of every kind"
begin
{
  echo '<34>su[77]: failed'
  printf 'plain \033[31m\001\r and \377\n'
  printf '<14>big[1]: '
  head -c 1000000 /dev/zero | tr '\0' x
  echo
} >fields.log
start_driver fields -- fields.log 100
wait_held fields.log
stop_driver
check_once fields.log
entry() { journalctl --quiet --no-pager -o "$1" --all SLURPER_LOG_ID=$log_id SLURPER_OFFSET="$2"; }
for field in PRIORITY=2 SYSLOG_FACILITY=4 SYSLOG_IDENTIFIER=su SYSLOG_PID=77 MESSAGE=failed SLURPER_OFFSET=0 \
  SLURPER_SINK=test _TRANSPORT=journal; do
  entry export 0 | grep -qx "$field" || die "no $field: $(entry export 0)"
done
[ "$(entry cat 19)" = "$(printf 'plain \033[31m\001\r and \377')" ] || die "other bytes: $(entry json 19)"
journalctl --quiet --no-pager -o short SLURPER_LOG_ID=$log_id SLURPER_OFFSET=19 | grep -q "blob data" ||
  die "journalctl shows it to people as it is"
at=$(offsets | tail -n 1)
[ "$(entry cat "$at" | wc -c)" -eq 1000001 ] || die "the long line has $(entry cat "$at" | wc -c) bytes"

echo "== $kills kills of slurper, each line once"
begin
numbered 300000 >kills.log
# Others can't make it believe that it has been there, nor can another sink.
printf 'MESSAGE=forged\nSLURPER_LOG_ID=%s\nSLURPER_SINK=test\nSLURPER_OFFSET=100\n' $log_id >forged
setpriv --reuid nobody --clear-groups logger --journald=forged
sed 's/SINK=test/SINK=other/; s/=100/=1000/' forged >other
setpriv --reuid slurper --clear-groups logger --journald=other
inside=0
for ((n = 0; n < kills; n++)); do
  start_driver "kill$n" -- kills.log 500
  sleep "0.0$((RANDOM % 10))"
  systemctl kill --signal KILL "kill$n" 2>/dev/null || true
  # What the cursor doesn't know of: such a kill was within a batch.
  last=$(journalctl --quiet --no-pager -n 1 -o cat --output-fields SLURPER_OFFSET SLURPER_LOG_ID=$log_id SLURPER_SINK=test \
    _UID="$(id -u slurper)")
  [ "${last:-0}" -lt "$(cursor kills.log)" ] || inside=$((inside + 1))
done
half=$(cursor kills.log)
start_driver last -- kills.log 500
wait_held kills.log
stop_driver
offsets | grep -vx 1000 >got
awk 'BEGIN { at = 0 } { print at; at += length($0) + 1 }' kills.log | cmp -s - got ||
  die "$(sort -u got | wc -l) lines in $(wc -l <got) entries"
echo "$(wc -l <got) lines, once; $inside kills were within a batch, at $half of $(stat -c %s kills.log) bytes the last"
[ "$inside" -ge $((kills / 10)) ] || die "the kills hit nothing"

echo "== journald restarted, killed, stopped: each line once"
begin
numbered 60000 >restarts.log
start_driver restarts -- restarts.log 500
for how in "restart" "kill --signal KILL" "stop" "kill --signal KILL" "restart"; do
  # shellcheck disable=SC2086 # a command and its options
  [ "$how" = stop ] || systemctl $how systemd-journald
  sleep 0.2
  # By what is written to its socket it is started; a stop of the sockets, too, is a journald that is away.
  if [ "$how" = stop ]; then
    systemctl stop systemd-journald.socket systemd-journald-dev-log.socket systemd-journald-audit.socket systemd-journald \
      2>/dev/null
    sleep 1
    systemctl start systemd-journald.socket systemd-journald
  fi
done
wait_held restarts.log
stop_driver
check_once restarts.log "sort -n"
sed 's/^/   /' restarts.out | sort | uniq -c | head -5

echo "== journald hangs: slurper waits, and ends when it is told to"
begin
numbered 20000 >hang.log
kill -STOP "$(journald_pid)"
start_driver hang -- hang.log 500
sleep 0.5
[ "$(cursor hang.log)" = 0 ] || die "it holds what journald has not read"
stop_driver
[ "$(systemctl show --property Result --value hang)" = success ] || die "it had to be killed"
kill -CONT "$(journald_pid)"
start_driver hang2 -- hang.log 500
wait_held hang.log
stop_driver
check_once hang.log

echo "== journald's rate limit drops lines: they come again, each line once"
begin
limits
numbered 5000 >rate.log
start_driver rate LogRateLimitIntervalSec=2s LogRateLimitBurst=700 -- rate.log 500
wait_until "it says so" says "journald has dropped them: its rate limit"
wait_held rate.log
stop_driver
check_once rate.log "sort -n"

echo "== what journald never keeps is rejected, and told; the rest is there"
begin
limits MaxLevelStore=info
{ numbered 100; for n in 1 2 3; do echo "<15>prog[$n]: debugging"; done; numbered 100; } >level.log
start_driver level -- level.log 500 give_up=1s
wait_held level.log
stop_driver
[ "$(grep -c '^rejected: <15>.*: journald does not keep it' level.out)" = 3 ] || die "$(cat level.out)"
[ "$(offsets | wc -l)" = 200 ] || die "$(offsets | wc -l) lines"

echo "== not allowed to read the journal: nothing is sent, and it says what to do"
begin
limits
numbered 10 >blind.log
user=daemon
start_driver blind -- blind.log 500
wait_until "it says so" says "Put slurper's user into the group adm"
stop_driver
[ "$(offsets | wc -l)" = 0 ] || die "it has sent lines"
start_driver blind2 -- blind.log 500 exactly_once=false
wait_held blind.log
stop_driver
check_once blind.log
user=slurper

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
each_once() { # TEXT LINES; what comes after TEXT is each line's own
  sed -n "s/.* \($1 [0-9]*\)\$/\1/p" $log | sort >in_log
  journalctl --quiet --no-pager -o cat SLURPER_SINK=back | grep -x "$1 [0-9]*" | sort >in_journal
  for n in $(seq "$2"); do echo "$1 $n"; done | sort >expected
  cmp -s expected in_log || die "of $2 lines $(sort -u in_log | wc -l) are in the log, in $(wc -l <in_log) lines"
  cmp -s expected in_journal || die "of $2 lines $(sort -u in_journal | wc -l) are in the journal, in $(wc -l <in_journal) entries"
}
works_once() { # TEXT
  round "$1 begins"
  # A few at a time: journald forwards to a socket that holds a few (net.unix.max_dgram_qlen), and drops others.
  for group in $(seq 0 9); do
    for n in 1 2 3 4 5; do echo "$1 $((5 * group + n))"; done | logger --tag prog --priority auth.warning
    round "$1 round $group"
  done
  round "$1 ends"
  each_once "$1" 50
  [ "$(grep -c "$1 round" $log)" = 10 ] || die "rounds came again: $(grep "$1 round" $log)"
}

echo "== journald forwards to rsyslogd: each line once"
begin
limits ForwardToSyslog=yes
use_rsyslog "$by_socket"
systemctl start slurper || die "slurper does not start"
works_once "forwarded"

echo "== rsyslogd reads the journal: each line once"
limits ForwardToSyslog=no
use_rsyslog "$by_journal"
works_once "read"
! grep -q slurper-probe $log || die "the probe has come back: $(grep slurper-probe $log)"

echo "== settings that leave out nothing but slurper's own messages: the sink finds the loop, and goes on when it is mended"
limits ForwardToSyslog=yes
# shellcheck disable=SC2016 # rsyslog's names
use_rsyslog "$by_socket" -e '/and not (\$inputname/d' -e 's/and \$!SLURPER_LOG_ID == "" then/then/'
systemctl restart slurper
logger --tag prog "the line that goes round"
wait_until "it stops" said "the sink 'back' stops: cannot write to the journal: what is written there comes back"
[ "$(grep -c "the line that goes round" $log)" -lt 200 ] || die "it went round: $(wc -l <$log) lines"
wait_until "the status says so" eval 'property StatusText | grep "A SINK HAS STOPPED" >/dev/null'
use_rsyslog "$by_socket"
systemctl reload slurper
wait_until "it goes on" said "the sink 'back' goes on, as it was told to"
works_once "mended"
