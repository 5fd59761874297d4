# shellcheck shell=bash
# Sourced by journald_case.sh and loops_case.sh: what tests the sink `journald` with the real journald. journald_driver
# stands for the daemon.
. "$(dirname "$0")/case_lib.sh"
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
