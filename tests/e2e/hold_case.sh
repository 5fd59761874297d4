#!/bin/bash
# hold_case.sh - run inside by service_test.sh: systemd alone holds the FIFO while slurper is down, by the
# file-descriptor store, by the socket unit, and for an instance of its own with DynamicUser=.
. "$(dirname "$0")/case_lib.sh"
fds_stored() { [ "$(property NFileDescriptorStore)" = "$1" ]; }
in_log() { [ "$(whole_log | grep -cxF "$1")" = "$2" ]; } # LINE TIMES

install_slurper
systemd-tmpfiles --create slurper.conf

echo "== the store: lines written while slurper is down, and no syslogd has the FIFO open"
systemctl start slurper || die "it does not start"
wait_until "both ends in the store" fds_stored 2
# From now on each start finds a line that was written just before it. Without a read end it would hang.
drop_in slurper.service '[Service]' "ExecStartPre=/usr/bin/timeout 5 sh -c 'echo written while down >$fifo'"
downs=0
for how in "kill --signal KILL" "kill --signal ABRT" restart; do
  before=$(property MainPID)
  # shellcheck disable=SC2086 # a command and its options
  systemctl $how slurper
  wait_until "slurper is back after $how" restarted "$before"
  downs=$((downs + 1))
  wait_until "the line of $how" in_log "written while down" $downs
done
before=$(property MainPID)
kill -STOP "$before" # it takes nothing out of the pipe any more
echo "in the pipe when it was killed" >$fifo
kill -KILL "$before"
wait_until "slurper is back" restarted "$before"
wait_until "what was in the pipe" in_log "in the pipe when it was killed" 1
fds_stored 2 || die "the store grows: $(property NFileDescriptorStore)"
rm -r /run/systemd/system/slurper.service.d
systemctl daemon-reload

echo "== the socket unit: takes over the FIFO that is there, and gives it to slurper's user"
systemctl stop slurper
inode=$(stat -c %i $fifo)
systemctl start slurper.socket || die "the socket unit does not start"
[ "$(stat -c '%i %F %a %U %G' $fifo)" = "$inode fifo 660 slurper slurper" ] || die "the FIFO: $(stat $fifo)"
systemctl start slurper || die "it does not start with a socket unit"
fds_stored 0 || die "systemd holds it twice"

echo "== stop and start: what is written meanwhile is kept, and starts it"
systemctl stop slurper
[ "$(property ActiveState)" = inactive ] || die "it has not stopped"
echo "written after the stop" >$fifo
wait_until "the line that starts it" in_log "written after the stop" 1
systemctl stop slurper
systemctl restart slurper.socket || die "the socket unit does not restart"
[ "$(stat -c '%i %U' $fifo)" = "$inode slurper" ] || die "a restart of the socket unit made another FIFO: $(stat $fifo)"

echo "== a FIFO that is not the configured one: slurper refuses, says why, and the socket unit stays"
sed -i 's#^path = "/run/slurper/fifo"#path = "/run/slurper/other"#' "$configuration"
! systemctl start slurper 2>/dev/null || die "it starts with the wrong FIFO"
[ "$(property ExecMainStatus)" = 78 ] || die "it ends with $(property ExecMainStatus)"
wait_until "it says what is wrong" said "ListenFIFO= and fifo.path must name the same path"
[ ! -e /run/slurper/other ] || die "it made the other FIFO"
echo "written while it refused" >$fifo
before=$(property InvocationID)
sleep 2.5
[ "$(property InvocationID)" = "$before" ] || die "the line has started it"
[ "$(systemctl show --property ActiveState --value slurper.socket)" = active ] || die "the socket unit has given up"
sed -i 's#^path = "/run/slurper/other"#path = "/run/slurper/fifo"#' "$configuration"
wait_until "what was written while it refused" in_log "written while it refused" 1

echo "== the FIFO is replaced under the socket unit: old and new are read on, over a kill, a restart and a stop"
exec 8<>$fifo # a syslogd, which notices nothing
rm $fifo
another_fifo() { [ -p $fifo ] && [ "$(stat -c %i $fifo)" != "$inode" ]; }
wait_until "another FIFO" another_fifo
for how in "kill --signal KILL" restart stop; do
  before=$(property MainPID)
  # shellcheck disable=SC2086 # a command and its options
  systemctl $how slurper
  echo "to the old one after $how" >&8
  [ "$how" != stop ] || systemctl start slurper || die "it does not start with another FIFO than the unit's"
  wait_until "slurper is back after $how" restarted "$before"
  echo "to the new one after $how" >$fifo
  wait_until "the old one after $how" in_log "to the old one after $how" 1
  wait_until "the new one after $how" in_log "to the new one after $how" 1
done
wait_until "it says what to do" said "stop the service, restart the socket unit"
exec 8>&-
systemctl stop slurper
systemctl restart slurper.socket || die "the socket unit does not restart"
systemctl start slurper || die "it does not start with the FIFO that the unit has now"
inode=$(stat -c %i $fifo)
[ "$(find -L /proc/1/fd -inum "$inode" | wc -l)" -ge 1 ] || die "systemd does not hold the FIFO that is there"
systemctl stop slurper
echo "kept by the unit that was restarted" >$fifo
wait_until "the line in the unit's new FIFO" in_log "kept by the unit that was restarted" 1

echo "== an instance, with DynamicUser="
configure_app
drop_in slurper@app.service '[Service]' 'DynamicUser=yes' 'User=slurper-app' 'Group=slurper-app'
systemctl start slurper@app || die "the instance does not start: $(journalctl --no-pager --quiet --unit slurper@app)"
app_log=/var/log/slurper-app/messages
app() { systemctl show --property "$1" --value slurper@app; }
[ "$(stat -c %u "/proc/$(app MainPID)")" -ge 61184 ] || die "no dynamic user: $(stat -c %u "/proc/$(app MainPID)")"
echo "of the instance" >/run/slurper-app/fifo
app_logged() { grep -qxF "$1" $app_log; }
wait_until "a line of the instance" app_logged "of the instance"
before=$(app MainPID)
kill -STOP "$before"
echo "in the instance's pipe when it was killed" >/run/slurper-app/fifo
kill -KILL "$before"
wait_until "the instance's line" app_logged "in the instance's pipe when it was killed"
systemctl stop slurper@app

echo "== an instance as it ships, with its socket unit, beside the first"
rm -r /run/systemd/system/slurper@app.service.d /run/slurper-app /var/log/slurper-app /var/log/private/slurper-app /run/private/slurper-app
systemctl daemon-reload
systemctl start slurper@app.socket || die "the instance's socket unit does not start"
echo "starts the instance" >/run/slurper-app/fifo
wait_until "the line that starts the instance" app_logged "starts the instance"
[ "$(stat -c %U "/proc/$(app MainPID)")" = slurper ] || die "the instance's user"
[ "$(property ActiveState) $(app ActiveState)" = "active active" ] || die "they do not run side by side"

! journalctl --no-pager --quiet --unit 'slurper*' | grep -i 'not permitted\|SIGSYS' || die "something was refused"
echo "ok"
