#!/bin/bash
# service_case.sh - run inside by service_test.sh: the installed service under a real systemd, as
# confined as it ships.
. "$(dirname "$0")/case_lib.sh"
raw_segments() { compgen -G "$log.*[0-9]" >/dev/null; }
compressed_segments() { compgen -G "$log.*.zst" >/dev/null; }
all_compressed() { compressed_segments && ! raw_segments; }

install_slurper
systemd-tmpfiles --create slurper.conf
[ "$(stat -c '%F %a %U %G' $fifo)" = "fifo 660 slurper slurper" ] || die "the FIFO is not as tmpfiles.d says"

# Sinks, as confined as the service is. A plug-in is found in its folder, by its name.
program=$(sed -n 's/^ExecStart=\([^ ]*\) .*/\1/p' "$(systemctl show --property FragmentPath --value slurper)")
"$program" check --fifo $fifo --log $log --sink stubborn: && die "there is a sink of a plug-in that is not installed"
cp /opt/test-programs/libstubborn_sink.so "${program%/bin/slurper}/lib/slurper/sinks/stubborn.so"
cat >>"$configuration" <<'END'
[[sink]]
type = "journald"
filter = 'raw contains "7 of the test"'
[[sink]]
type = "file"
path = "/var/log/slurper/all.json"
format = "json"
[[sink]]
type = "exec"
path = "/bin/sh"
args = ["-c", 'echo OK; while IFS= read -r line; do echo "$line" >>/run/slurper/exec; echo OK; done']
confirm = "line" # systemd kills it with slurper
[[sink]]
type = "stubborn"
END
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

echo "== it answers root and its group, and no other user"
asked() { # COMMAND...: its status, whether all is well or not
  local result=0
  "$@" "$program" status $fifo >/tmp/status 2>&1 || result=$?
  [ $result -le 1 ] && grep -q "process $(property MainPID)," /tmp/status
}
asked env || die "root gets no status: $(cat /tmp/status)"
asked setpriv --reuid=nobody --regid=slurper --clear-groups || die "a member of the group gets none: $(cat /tmp/status)"
asked setpriv --reuid=nobody --regid=nogroup --clear-groups && die "any user gets the status: $(cat /tmp/status)"
grep -q "Permission denied" /tmp/status || die "another user does not learn why: $(cat /tmp/status)"

echo "== rotation and compression"
systemctl kill --kill-whom=main --signal USR1 slurper
wait_until "every rotated segment compressed" all_compressed
[ -z "$(find /var/log/slurper -type f ! -name '*.lock' ! -name '*.lock-*' ! -perm 640)" ] || die "modes: $(ls -la /var/log/slurper)"
[ -z "$(find /var/log/slurper -type f -name '.*.lock*' ! -perm 600)" ] || die "modes: $(ls -la /var/log/slurper)"
[ -z "$(find /var/log/slurper -type f -name 'messages*' ! -group adm)" ] || die "groups: $(ls -la /var/log/slurper)"

echo "== reload"
before=$(property MainPID)
systemctl reload slurper || die "reload fails"
echo "after the reload" >&9
wait_until "a line after the reload" logged "after the reload"
[ "$(property MainPID)" = "$before" ] || die "the reload restarted it"

echo "== every sink has what it is to have"
# But for the line that each start of the sink looks for a loop with.
journal() { journalctl --quiet --no-pager -o cat SLURPER_SINK=journald | grep ' of the test$'; }
in_journal() { [ "$(journal | wc -l)" -eq $((lines / 10)) ]; }
wait_until "every tenth line in the journal" in_journal
journal >/tmp/journal
awk -v lines=$lines 'BEGIN { for (n = 7; n <= lines; n += 10) printf "line %08d of the test\n", n }' |
  cmp - /tmp/journal || die "the journal's lines are not those of the filter, once and in order"
in_file() { [ "$(grep -c '"msg":"line [0-9]* of the test"' /var/log/slurper/all.json)" -eq $lines ]; }
wait_until "every line in the file, once" in_file
in_program() { [ "$(sort -u /run/slurper/exec | grep -c ' of the test$')" -eq $lines ]; }
wait_until "every line with the program" in_program
in_plugin() {
  systemctl kill --kill-whom=main --signal USR2 slurper
  journalctl --quiet --no-pager --unit slurper | grep "sink 'stubborn': [0-9]* lines\\{0,1\\}, 0B behind" >/dev/null
}
wait_until "every line with the plug-in" in_plugin

echo "== a reader that the service may not see is reported by what it takes"
cat $fifo >/tmp/stolen &
second_reader=$!
steal() {
  echo "a line for either" >&9 # all equally long: none is torn
  said "takes lines from the FIFO"
}
wait_until "the second reader in the messages" steal
kill $second_reader

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
whole_log | grep -v '^a line for either$' | cmp - /tmp/expected || die "the log is not what was written"
slurper verify $log || die "verify ends with $?"

# A filtered system call shows as EPERM in a message.
! journalctl --no-pager --quiet --unit slurper | grep -i 'not permitted\|SIGSYS\|core-dump' ||
  die "something was refused"
echo "$kills kills, $lines lines, all there; $(compgen -G "$log.*" | wc -l) segments"
