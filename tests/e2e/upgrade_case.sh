#!/bin/bash
# upgrade_case.sh socket|store - run inside by service_test.sh: the program and its units are replaced as a package
# manager does it, again and again while numbered lines flow, and the service is restarted. Nothing is lost.
. "$(dirname "$0")/case_lib.sh"
how=$1
rounds=12

install_slurper
[ "$how" = store ] || systemctl start slurper.socket || die "the socket unit does not start"
[ "$how" = socket ] || systemd-tmpfiles --create slurper.conf
systemctl start slurper || die "it does not start"
program=$(readlink -f "/proc/$(property MainPID)/exe")
unit=$(property FragmentPath)

# A new file in the old one's place, in one step: what runs keeps the old one.
unpack() { # FILE
  cp -p "$1" "$1.dpkg-new"
  [ "$1" != "$unit" ] || echo "# version $round" >>"$1.dpkg-new"
  mv "$1.dpkg-new" "$1"
}

: >/tmp/flow
# Each line by an open of its own: while slurper is down, systemd alone has the FIFO open.
for ((n = 1; ; n++)); do
  [ -e /tmp/flow ] || break
  printf 'line %08d of the test\n' $n | tee -a /tmp/sent >$fifo
done &
writer=$!
for ((round = 1; round <= rounds; round++)); do
  before=$(property MainPID)
  unpack "$program"
  unpack "$unit"
  case $((round % 3)) in # what the next version brings, and what the one after it takes away again
    0) drop_in slurper.service '[Service]' 'FileDescriptorStoreMax=2' 'WatchdogSec=10s' ;;
    1) rm -rf /run/systemd/system/slurper.service.d ;;
  esac
  systemctl daemon-reload
  [ "$(readlink "/proc/$before/exe")" = "$program (deleted)" ] || die "the program was not replaced"
  systemctl restart slurper || die "it does not restart"
  wait_until "slurper is back" restarted "$before"
  [ "$(readlink "/proc/$(property MainPID)/exe")" = "$program" ] || die "the old program still runs"
done
rm /tmp/flow
wait $writer || die "the writer fails"
wait_until "the last line in the log" logged "$(tail -n 1 /tmp/sent)"
[ "$(wc -l </tmp/sent)" -gt $((10 * rounds)) ] || die "only $(wc -l </tmp/sent) lines were sent"
cmp /tmp/sent <(whole_log) || die "the log is not what was written"
slurper verify $log || die "verify ends with $?"
echo "$rounds upgrades, $(wc -l </tmp/sent) lines, all there"
