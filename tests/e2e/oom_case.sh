#!/bin/bash
# oom_case.sh - run inside by service_test.sh: the kernel's OOM killer takes slurper while its ring grows for a disk
# that is full, and nothing is lost.
. "$(dirname "$0")/case_lib.sh"
limit=$((16 << 20))
lines=400000

install_slurper
systemd-tmpfiles --create slurper.conf
sed -i 's/^compress = .*/compress = "none"/' "$configuration" # or it would fit
mkdir -p /var/log/slurper
mount -t tmpfs -o size=1M,mode=755 disk /var/log/slurper
systemctl start slurper || die "it does not start"

slice=/sys/fs/cgroup/system.slice
memory=/run/memory # a cgroup of the old kind
if [ -e $slice/slurper.service/memory.max ]; then
  systemctl set-property --runtime slurper MemoryMax=$limit
  no_limit() { systemctl set-property --runtime slurper MemoryMax=infinity; }
  oom_kills() { sed -n 's/^oom_kill //p' $slice/memory.events; }
else
  mkdir $memory
  mount -t cgroup -o memory memory $memory 2>/dev/null || skip "no memory cgroup is available"
  mkdir $memory/slurper
  echo $limit >$memory/slurper/memory.limit_in_bytes
  property MainPID >$memory/slurper/cgroup.procs
  no_limit() { :; } # the next slurper does not get into it
  oom_kills() { sed -n 's/^oom_kill //p' $memory/slurper/memory.oom_control; }
fi

exec 9<>$fifo # as a syslogd has it
numbered() { awk -v lines=$lines 'BEGIN { for (n = 1; n <= lines; n++) printf "line %08d of more than the memory limit lets the ring hold\n", n }'; }
numbered >&9 &
writer=$!
killed() { [ "$(oom_kills)" -ge 1 ]; }
wait_until "the OOM killer strikes" killed
no_limit
back() { [ "$(property NRestarts)" -ge 1 ] && [ "$(property ActiveState)" = active ]; }
wait_until "slurper is back" back
wait_until "the ring is taken over" said "from the ring after an unclean exit"
said "Make room on its file system" || die "the disk was not full"

mount -o remount,size=256M /var/log/slurper
wait $writer || die "the writer fails"
wait_until "the last line in the log" logged "$(numbered | tail -n 1)"
numbered | cmp - <(whole_log) || die "the log is not what was written"
slurper verify $log || die "verify ends with $?"
echo "$(oom_kills) killed by the kernel, $(property NRestarts) restarts, $lines lines, all there"
