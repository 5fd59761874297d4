#!/bin/bash
# in_systemd.sh [-b SOURCE:DESTINATION]... -- COMMAND... - boots this machine's systemd as pid 1 of
# namespaces of its own (mounts, processes, network, cgroup), runs COMMAND inside, and takes all of
# it down again. The status is COMMAND's; 77 where the machine can't do it, with the reason.
#
#   -b SOURCE:DESTINATION   shows SOURCE, read-only, as DESTINATION inside
#
# Inside, the root file system is a copy-on-write view of this machine's, with own /tmp, /run and
# /dev: nothing that happens there is left behind. Needs root, overlayfs and cgroup2.
set -euo pipefail
self=$(readlink -f "$0")

# First process of the new namespaces: moves itself, and not its supervisor, into the cgroups, which
# thereby become the roots of a cgroup namespace.
enter_cgroup() { # CGROUPS FOLDER BIND...
  local cgroup
  for cgroup in $1; do echo 0 >"$cgroup/cgroup.procs"; done
  shift
  exec unshare --cgroup -- "$self" --boot "$@"
}

# Builds the root file system, then becomes systemd.
boot() { # FOLDER BIND...
  local folder=$1 root=$1/mnt/root entry source destination
  shift
  umask 022
  mount -t tmpfs -o mode=755 upper "$folder/mnt"
  mkdir "$folder"/mnt/{up,work,root}
  mount -t overlay -o "lowerdir=/,upperdir=$folder/mnt/up,workdir=$folder/mnt/work" overlay "$root"
  mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
  # As systemd sets it at boot where it may: a datagram socket that holds ten is full before its reader has run.
  echo 512 >"$root/proc/sys/net/unix/max_dgram_qlen"
  for entry in sys irq bus fs sysrq-trigger; do # no sysctl of the host may be touched
    [ -e "$root/proc/$entry" ] || continue
    mount --bind "$root/proc/$entry" "$root/proc/$entry"
    mount -o remount,bind,ro "$root/proc/$entry"
  done
  mount -t sysfs -o nosuid,nodev,noexec sysfs "$root/sys"
  mount -o remount,bind,ro "$root/sys"
  mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"
  mount -t tmpfs -o nosuid,nodev,mode=755 run "$root/run"
  mount -t tmpfs -o nosuid,nodev,mode=1777 tmp "$root/tmp"
  mount -t tmpfs -o nosuid,mode=755 dev "$root/dev" # never the host's: journald makes /dev/log in it
  mkdir -p "$root"/dev/{pts,shm,mqueue} "$root"/run/{lock,systemd/journald.conf.d}
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
  mount -t tmpfs -o nosuid,nodev,mode=1777 shm "$root/dev/shm"
  for entry in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
    # shellcheck disable=SC2086 # major and minor
    mknod -m 666 "$root/dev/${entry%% *}" c ${entry#* }
  done
  ln -s pts/ptmx "$root/dev/ptmx"
  ln -s /proc/self/fd "$root/dev/fd"
  # Start nothing that the host has enabled; own identity and journal.
  rm -rf "$root"/etc/systemd/system/*.wants "$root"/etc/systemd/system/*.requires "$root/var/log/journal"
  : >"$root/etc/fstab"
  tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
  printf '[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\n' >"$root/run/systemd/journald.conf.d/test.conf"
  for entry in "$@"; do
    IFS=: read -r source destination <<<"$entry"
    mkdir -p "$root$destination"
    mount --bind "$source" "$root$destination"
    mount -o remount,bind,ro "$root$destination"
  done
  cd "$root"
  pivot_root . .
  umount -l .
  cd /
  mount --make-rshared / # in a container systemd leaves this to us
  exec env -i container=test PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    setpriv --bounding-set -sys_time,-sys_module,-sys_rawio,-wake_alarm,-block_suspend,-audit_control,-mac_admin,-mac_override \
    /lib/systemd/systemd --system --unit=basic.target
}

case ${1:-} in
  --enter-cgroup)
    shift
    enter_cgroup "$@"
    ;;
  --boot)
    shift
    boot "$@"
    ;;
esac

skip() { # REASON
  echo "SKIPPED: $1"
  [ -z "${SLURPER_SAID:-}" ] || : >"$SLURPER_SAID/without-systemd" # see message_coverage
  exit 77
}
[ "$(id -u)" -eq 0 ] || skip "only root can boot a systemd"
[ -x /lib/systemd/systemd ] || skip "no systemd installed"
cgroup_mount=$(findmnt -n -o TARGET -t cgroup2 | head -n 1)
[ -n "$cgroup_mount" ] || skip "no cgroup2 is mounted"
binds=()
while getopts b: option; do
  case $option in
    b) binds+=("$OPTARG") ;;
    *) exit 64 ;;
  esac
done
shift $((OPTIND - 1))

folder=$(mktemp -d)
mkdir "$folder/mnt"
cgroup=$cgroup_mount$(sed -n 's/^0:://p' /proc/self/cgroup)
cgroups=("${cgroup%/}/test-$$")
# Where memory is a cgroup of the old kind, cgroup2 can't limit it. The group has no place below that of the user
# who runs this, who may not expect one there.
memory_mount=$(findmnt -n -o TARGET -t cgroup -O memory | head -n 1)
[ -z "$memory_mount" ] || cgroups+=("$memory_mount/test-$$")
supervisor=
take_down() {
  local group
  [ -z "$supervisor" ] || kill -KILL "$supervisor" 2>/dev/null || true
  for _ in {1..200}; do
    for group in "${cgroups[@]}"; do
      [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
    [ -n "$(find "${cgroups[@]}" -maxdepth 0 2>/dev/null)" ] || break
    sleep 0.05
  done
  rm -rf --one-file-system "$folder"
}
trap take_down EXIT
trap 'exit 130' INT TERM HUP
mkdir "${cgroups[@]}" 2>/dev/null || skip "no cgroup of its own is available"
# shellcheck disable=SC2016 # for the inner shell
unshare --pid --mount --fork --propagation private -- bash -c '
  cd "$0" && mount -t tmpfs none mnt && mkdir mnt/{up,work,root} &&
  mount -t overlay -o lowerdir=/,upperdir=mnt/up,workdir=mnt/work overlay mnt/root &&
  mount -t cgroup2 none mnt/up' "$folder" 2>/dev/null || skip "no overlayfs, or not the right to mount"

# A session of its own: no terminal, and no signal that is meant for the caller. It dies with the
# caller even by SIGKILL, and all inside with it.
setsid setpriv --pdeathsig KILL unshare --pid --mount --uts --ipc --net --fork --kill-child=KILL --propagation private -- \
  "$self" --enter-cgroup "${cgroups[*]}" "$folder" ${binds[@]+"${binds[@]}"} </dev/null >"$folder/console" 2>&1 3>&- &
supervisor=$!
disown # no "Killed" from the shell
pid=
inside() {
  nsenter -a -t "$pid" -- setsid --wait env -i TERM=dumb LANG=C.UTF-8 SYSTEMD_PAGER=cat SYSTEMD_COLORS=0 HOME=/root \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}
state=
for _ in {1..600}; do
  pid=$(tr -d ' ' <"/proc/$supervisor/task/$supervisor/children" 2>/dev/null) || break
  if [ -n "$pid" ]; then
    state=$(timeout 60 nsenter -a -t "$pid" -- systemctl is-system-running --wait 2>/dev/null) || true
    case $state in running | degraded) break ;; esac
  fi
  sleep 0.05
done
case $state in
  running | degraded) ;;
  *)
    cat "$folder/console" >&2
    echo "in_systemd.sh: systemd did not come up" >&2
    exit 1
    ;;
esac
inside "$@"
