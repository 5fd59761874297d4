#!/bin/bash
# check_case.sh - run inside by service_test.sh: `slurper check` finds what is wrong for the installed service and
# not for root, who asks; and a reload of a configuration that can't be understood fails.
. "$(dirname "$0")/case_lib.sh"
install_slurper
systemd-tmpfiles --create slurper.conf
program=$(sed -n 's/^ExecStart=\([^ ]*\) .*/\1/p' "$(systemctl show --property FragmentPath --value slurper)")
# One line for each finding.
check() { "$program" check -c "$configuration" 2>&1 >/dev/null | awk '/^         / { sub(/^ +/, " "); printf "%s", $0; next } { printf "\n%s", $0 }'; }
finds() { # TEXT
  check >/tmp/found || true
  cat /tmp/found >>/tmp/said
  grep -qF -- "$1" /tmp/found || die "check does not find '$1': $(cat /tmp/found)"
}
exits() { # STATUS
  local status=0
  "$program" check -c "$configuration" >/dev/null 2>&1 || status=$?
  [ "$status" = "$1" ] || die "check ends with $status, not $1: $(check)"
}

echo "== a service that works"
systemctl start slurper || die "it does not start"
systemctl stop slurper
finds "checked as slurper.service is run: user slurper"
exits 0

echo "== files of another user, and a configuration that only root can read"
chown root:root $log
finds "can't be opened by the user slurper"
exits 77
chown slurper:adm $log
chown root:root /var/log/slurper/.messages.index
finds "the log's file '/var/log/slurper/.messages.index' can't be opened by the user slurper"
chown slurper:adm /var/log/slurper/.messages.index
mode=$(stat -c %a "$configuration")
chmod 600 "$configuration"
finds "the configuration '$configuration' can't be opened by the user slurper"
chmod "$mode" "$configuration"
chmod 0 $fifo
finds "can't be opened by the user slurper"
chmod 660 $fifo
exits 0

echo "== a sink's file outside of the service's folders, a sink with a network, and the drop-in for both"
cp "$configuration" /tmp/good.toml
mkdir /srv/logs
chown slurper /srv/logs
cat >>"$configuration" <<'END'
[[sink]]
type = "file"
path = "/srv/logs/all"
[[sink]]
type = "syslog"
target = "192.0.2.1:514"
transport = "tcp"
END
finds "It needs ReadWritePaths= in a drop-in"
exits 0 # a sink stops no start
systemctl start slurper || die "it does not start with a sink that fails"
wait_until "the message names the remedy" said "ReadWritePaths="
wait_until "the message of the sink with a network names its drop-in" said "needs the drop-in network.conf"
mkdir -p /run/systemd/system/slurper.service.d
"$program" check --drop-in -c "$configuration" >/run/systemd/system/slurper.service.d/test.conf
systemctl daemon-reload
systemctl restart slurper || die "it does not start with the drop-in"
echo "through the drop-in" >$fifo
in_file() { grep -qx "through the drop-in" /srv/logs/all; }
wait_until "the line in the sink's file" in_file
! check | grep -F "ReadWritePaths=" || die "check does not see the drop-in"

echo "== a reload of what can't be understood fails, and changes nothing"
before=$(property MainPID)
echo 'nonsense = ' >>"$configuration"
! systemctl reload slurper 2>/dev/null || die "the reload succeeds"
[ "$(property ActiveState) $(property MainPID)" = "active $before" ] || die "the reload ended it"
cp /tmp/good.toml "$configuration"
systemctl reload slurper || die "the reload fails after the mend"
[ "$(property MainPID)" = "$before" ] || die "the reload restarted it"
echo "ok"
