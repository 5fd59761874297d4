#!/bin/bash
# broken_case.sh - run inside by service_test.sh: a configuration that is wrong, under the socket unit, while lines
# wait in the FIFO. The service is failed and stays so until the configuration is mended, and no line is lost.
. "$(dirname "$0")/case_lib.sh"
unit=slurper
show() { systemctl show --property "$1" --value $unit; }
state() { systemctl show --property ActiveState --property NRestarts --property InvocationID $unit | sort | paste -sd' '; }
is() { [ "$(show ActiveState)" = "$1" ]; }
write_lines() { # FIRST LAST
  seq -f 'line %.0f of the test' "$1" "$2" >"$fifo"
  seq -f 'line %.0f of the test' "$1" "$2" >>/tmp/written.$unit
}
all_logged() { # before the first rotation there is no other segment to be found
  { whole_log 2>/dev/null || true; } | cmp -s - /tmp/written.$unit
}
# From now on: one look after the other, and between two of them no start can hide, for each has an InvocationID.
stays_failed() { # SECONDS
  local until=$((SECONDS + $1)) before now
  before=$(state)
  [[ $before == *ActiveState=failed* ]] || die "$unit is not failed: $before"
  while [ $SECONDS -lt $until ]; do
    now=$(state)
    [ "$now" = "$before" ] || die "$unit was '$before', and is '$now'"
    systemctl --quiet is-failed $unit || die "$unit is not failed"
  done
}

install_slurper
configure_app
for unit in slurper slurper@app; do
  name=${unit/@/-}
  fifo=/run/$name/fifo log=/var/log/$name/messages
  file=$(dirname "$configuration")/${name#slurper-}.toml
  echo "== $unit: killed while its configuration is wrong, and lines come"
  systemctl start $unit.socket $unit || die "$unit does not start"
  write_lines 1 1000
  wait_until "the first lines" all_logged
  cp "$file" /tmp/good.toml
  echo 'nonsense = ' >>"$file"
  systemctl kill --kill-whom=main --signal KILL $unit
  write_lines 1001 2000
  wait_until "$unit is failed" is failed
  write_lines 2001 3000
  stays_failed "$([ $unit = slurper ] && echo 30 || echo 5)"

  echo "== $unit: a start by hand says so at once, and changes nothing"
  ! systemctl restart $unit 2>/dev/null || die "it starts"
  write_lines 3001 4000
  stays_failed 5
  systemctl stop $unit
  stays_failed 1
  [ "$(systemctl show --property ActiveState --value $unit.socket)" = active ] || die "the socket unit has given up"

  echo "== $unit: mended by hand and started, each line is there once"
  cat /tmp/good.toml >"$file"
  systemctl restart $unit || die "it does not start after the mend"
  wait_until "every line" all_logged

  echo "== $unit: wrong once more, mended, and not started by hand"
  echo '[fifo]' >>"$file"
  ! systemctl restart $unit 2>/dev/null || die "it starts"
  write_lines 4001 5000
  stays_failed 2
  mv /tmp/good.toml "$file"
  wait_until "every line after the second mend" all_logged
  is active || die "it is $(show ActiveState)"

  echo "== $unit: wrong in a file of the configuration's folder, and mended by its removal"
  mkdir "$file.d"
  echo 'nonsense = ' >"$file.d/10-wrong.toml"
  ! systemctl restart $unit 2>/dev/null || die "it starts"
  write_lines 6001 7000
  stays_failed 2
  rm "$file.d/10-wrong.toml"
  wait_until "every line after the removal" all_logged
  is active || die "it is $(show ActiveState)"
  rmdir "$file.d"

  echo "== $unit: a line starts one that was stopped, even if the stop has failed"
  systemctl stop $unit
  is inactive || die "it is $(show ActiveState) after the stop"
  write_lines 5001 5001
  wait_until "the line after the stop" all_logged
  drop_in $unit.service '[Service]' 'ExecStopPost=/bin/false'
  systemctl stop $unit
  is failed || die "it is $(show ActiveState) after the stop that fails"
  write_lines 5002 5002
  wait_until "the line after the stop that fails" all_logged
  rm -r /run/systemd/system/$unit.service.d
  systemctl daemon-reload
done

echo "== without the socket unit: failed as well, and no unit is started that was not in use"
unit=slurper file=$configuration
systemctl stop slurper.socket slurper
systemctl start slurper || die "it does not start without the socket unit"
echo 'nonsense = ' >>"$file"
! systemctl restart slurper 2>/dev/null || die "it starts"
stays_failed 1
[ "$(systemctl show --property ActiveState --value slurper.socket)" = inactive ] || die "it started the socket unit"
sed -i '/^nonsense/d' "$file"
wait_until "it starts after the mend" is active
echo "ok"
