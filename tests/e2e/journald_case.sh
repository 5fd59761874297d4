#!/bin/bash
# journald_case.sh [KILLS] - run inside by service_test.sh: the sink `journald` against the real journald.
kills=${1:-100}
. "$(dirname "$0")/journald_lib.sh"

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
  grep -qx "$field" <<<"$(entry export 0)" || die "no $field: $(entry export 0)"
done
[ "$(entry cat 19)" = "$(printf 'plain \033[31m\001\r and \377')" ] || die "other bytes: $(entry json 19)"
grep -q "blob data" <<<"$(journalctl --quiet --no-pager -o short SLURPER_LOG_ID=$log_id SLURPER_OFFSET=19)" ||
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
sed 's/^/   /' restarts.out | sort | uniq -c | sed -n '1,5p'

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
wait_until "it says so" says "lines: its rate limit, a level"
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
