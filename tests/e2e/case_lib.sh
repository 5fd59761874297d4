# shellcheck shell=bash
# Sourced by the cases that run inside in_systemd.sh. An installation's files are in /opt/slurper.
set -euo pipefail
# shellcheck disable=SC2034 # for the cases
fifo=/run/slurper/fifo
log=/var/log/slurper/messages

die() {
  echo "FAILED: $*"
  journalctl --no-pager --quiet --unit "slurper*" --unit rsyslog --lines 50
  systemctl status slurper --no-pager --lines 0 || true
  exit 1
}

skip() { # REASON
  echo "SKIPPED: $1"
  [ -z "${SLURPER_SAID:-}" ] || : >"$SLURPER_SAID/without-systemd" # see message_coverage
  exit 77
}

# What slurper has said, where service_test.sh wants it.
keep_said() {
  { journalctl --quiet --no-pager --unit "slurper*"; cat /tmp/said /tmp/work/*.out; } >&3 2>/dev/null || true
}
trap keep_said EXIT

# For one event: no total time may fail on a slow machine.
wait_until() { # WHAT COMMAND...
  local what=$1 deadline=$((SECONDS + 120))
  shift
  until "$@"; do
    [ $SECONDS -lt $deadline ] || die "not within 120 s: $what"
    sleep 0.02
  done
}
# For what comes bit by bit: fails when what MEASURE prints has not changed for so long.
wait_by_progress() { # WHAT MEASURE COMMAND...
  local what=$1 measure=$2 before='' now deadline=0
  shift 2
  until "$@"; do
    now=$($measure)
    if [ "$now" != "$before" ] || [ $deadline -eq 0 ]; then
      before=$now deadline=$((SECONDS + 120))
    fi
    [ $SECONDS -lt $deadline ] || die "nothing moves since 120 s: $what (at $before)"
    sleep 0.02
  done
}
property() { systemctl show --property "$1" --value slurper; }
# journald may be behind. Not through grep -q, whose end would be an error of journalctl's.
said() { journalctl --quiet --no-pager --unit slurper | grep -F "$1" >/dev/null; } # TEXT
logged() { [ "$(tail -n 1 $log 2>/dev/null)" = "$1" ]; } # LAST_LINE
restarted() { # OLD_PID
  # Both at once: between two questions the old process may go.
  case $(systemctl show --property MainPID --property ActiveState slurper | sort | paste -sd' ') in
    *" MainPID=$1" | *" MainPID=0") return 1 ;;
    "ActiveState=active "*) return 0 ;;
    *) return 1 ;;
  esac
}

# The FIFO is not made, nothing is started.
install_slurper() {
  cp -r /opt/slurper/. /
  configuration=$(sed -n 's/^ExecStart=.* -c //p' "$(systemctl show --property FragmentPath --value slurper)")
  # Small segments, so that rotation and compression run under the confinement, too.
  sed -i 's/^rotate_size = .*/rotate_size = "100KiB"/' "$configuration"
  systemd-sysusers
  systemctl daemon-reload
}
# Of the instance slurper@app.
configure_app() {
  cat >"$(dirname "$configuration")/app.toml" <<'END'
[fifo]
path = "/run/slurper-app/fifo"
[log]
path = "/var/log/slurper-app/messages"
group = "adm"
END
}
# Every byte of the log, oldest segment first.
whole_log() { zstdcat -f $log.*[0-9t] $log; }

drop_in() { # UNIT LINE...
  local unit=$1
  shift
  mkdir -p "/run/systemd/system/$unit.d"
  printf '%s\n' "$@" >>"/run/systemd/system/$unit.d/test.conf"
  systemctl daemon-reload
}

# Debian's rsyslogd, unpacked in /opt/rsyslog, with the settings that slurper ships. It reads from
# /run/rsyslog-input.
install_rsyslog() {
  local modules libraries
  modules=$(dirname "$(find /opt/rsyslog -name imuxsock.so)")
  libraries=$(find /opt/rsyslog \( -name '*.so' -o -name '*.so.*' \) -printf '%h\n' | sort -u | paste -sd:)
  {
    echo 'global(workDirectory="/tmp")'
    echo 'main_queue(queue.timeoutShutdown="10000")'
    echo 'module(load="imuxsock" SysSock.Use="off")'
    echo 'input(type="imuxsock" Socket="/run/rsyslog-input" RateLimit.Interval="0")'
    cat "$(find /opt/slurper -path '*/syslog/rsyslog.conf')"
  } >/run/rsyslog.conf
  cat >/run/systemd/system/rsyslog.socket <<EOF
[Socket]
ListenDatagram=/run/rsyslog-input
EOF
  cat >/run/systemd/system/rsyslog.service <<EOF
[Unit]
Requires=rsyslog.socket
StartLimitIntervalSec=0
[Service]
Type=notify
Environment=LD_LIBRARY_PATH=$libraries
ExecStart=/opt/rsyslog/usr/sbin/rsyslogd -n -iNONE -M $modules -f /run/rsyslog.conf
EOF
  systemctl daemon-reload
}
