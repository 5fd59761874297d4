#!/bin/bash
# syslogds_test.sh SOURCE_DIR CACHE_DIR SYSLOGD - a real syslogd takes the snippet that we ship for
# it, passes a line into the FIFO as the snippet says, and leaves the FIFO's owner and mode alone.
# SYSLOGD: rsyslog, syslog-ng, inetutils, busybox.
. "$(dirname "$0")/lib.sh"
source=$1 cache=$2/$3 syslogd=$3
snippets=$source/systemd/syslog
fifo=$work/fifo
socket=$work/socket

declare -A package=([rsyslog]=rsyslog [syslog-ng]=syslog-ng-core [inetutils]=inetutils-syslogd [busybox]=busybox)
"$source/scripts/fetch-packages" "$cache" "${package[$syslogd]}"
libraries=$(find "$cache" \( -name '*.so' -o -name '*.so.*' \) -printf '%h\n' | sort -u | paste -sd:)
export LD_LIBRARY_PATH=$libraries

mkfifo -m 620 "$fifo"
[ "$(id -u)" -ne 0 ] || chown 12345:12345 "$fifo"
before=$(stat -c '%a %u %g' "$fifo")
exec 9<>"$fifo" # the reader

at() { sed "s#/run/slurper/fifo#$fifo#" "$1"; } # a snippet, with this FIFO
case $syslogd in
  rsyslog)
    {
      echo "global(workDirectory=\"$work\")"
      echo 'module(load="imuxsock" SysSock.Use="off")'
      # So that RFC 5424 is understood, as it is from the network.
      echo "input(type=\"imuxsock\" Socket=\"$socket\" UseSpecialParser=\"off\")"
      at "$snippets/rsyslog.conf"
    } >"$work/conf"
    rsyslogd=("$cache/usr/sbin/rsyslogd" -M "$(dirname "$(find "$cache" -name imuxsock.so)")" -f "$work/conf")
    "${rsyslogd[@]}" -N1 || failed "rsyslogd -N1 refuses the snippet"
    start=("${rsyslogd[@]}" -n -i "$work/pid")
    ;;
  syslog-ng)
    {
      echo '@version: 3.38'
      # As Debian has it: these would make the FIFO root's.
      echo 'options { owner("root"); group("adm"); perm(0640); };'
      echo "source s_src { unix-dgram(\"$socket\"); };"
      at "$snippets/syslog-ng.conf"
    } >"$work/conf"
    syslog_ng=("$cache/usr/sbin/syslog-ng" -f "$work/conf"
      --module-path "$(dirname "$(find "$cache" -name libaffile.so)")")
    "${syslog_ng[@]}" --syntax-only || failed "syslog-ng refuses the snippet"
    start=("${syslog_ng[@]}" -F --no-caps -R "$work/persist" -c "$work/control" -p "$work/pid")
    ;;
  inetutils)
    at "$snippets/syslog.conf" >"$work/conf"
    start=("$cache/usr/sbin/syslogd" --no-detach --no-klog -p "$socket" --rcfile="$work/conf" --pidfile="$work/pid")
    ;;
  busybox)
    [ "$(id -u)" -eq 0 ] || skip "busybox syslogd reads /dev/log only: needs root for a /dev of its own"
    at "$snippets/busybox.conf" >"$work/conf"
    # shellcheck source=/dev/null
    . "$work/conf"
    mkdir "$work/dev"
    mknod -m 666 "$work/dev/null" c 1 3
    socket=$work/dev/log
    # shellcheck disable=SC2016,SC2206 # bash -c expands; the options are several words
    start=(unshare --mount bash -c 'mount --bind "$0" /dev && exec "$@"' "$work/dev"
      "$(find "$cache" -name busybox -type f -perm -1)" syslogd -n $SYSLOG_OPTS)
    ;;
esac

"${start[@]}" >"$work/out" 2>&1 &
stop_syslogd() { kill "$pid" 2>/dev/null && wait "$pid"; }
pid=$!
at_exit+=(stop_syslogd)
wait_until [ -S "$socket" ] || failed "$syslogd does not come up: $(cat "$work/out")"

# The line that ends with this text, as it comes out of the FIFO.
line=
take_line() {
  while IFS= read -r -t 20 -u 9 line && [[ $line != *"$1" ]]; do :; done
  echo "$line"
}
logger --udp --socket "$socket" --priority daemon.err --tag probe "the line"
take_line "the line"
case $syslogd in
  rsyslog | syslog-ng) # the year first, facility and severity kept
    [[ $line == 2*T*:*" daemon.err probe: the line" ]] || failed "the line came as '$line'" ;;
  *) [[ $line == *"probe: the line" ]] || failed "the line came as '$line'" ;;
esac

# A message that came as RFC 5424 has no colon behind its tag; the snippet writes one.
if [ "$syslogd" = rsyslog ]; then
  number=0
  while IFS='|' read -r options tag; do
    text="5424 $((++number))"
    # shellcheck disable=SC2086 # several words
    logger --udp --socket "$socket" --priority daemon.err $options "$text"
    take_line "$text"
    [[ $line == 2*T*" "*" daemon.err $tag $text" ]] || failed "logger $options: the line came as '$line'"
  done <<'END'
--rfc5424 --id=77 --tag app|app[77]:
--rfc5424 --tag app|app:
--rfc5424=nohost --id=77 --tag app|app[77]:
--rfc5424=nohost,notime --tag app|app:
--rfc5424=nohost,notime --tag -|-:
--tag app|app:
--id=77 --tag app|app[77]:
END
fi
[ "$(stat -c '%a %u %g' "$fifo")" = "$before" ] ||
  failed "$syslogd changed the FIFO from $before to $(stat -c '%a %u %g' "$fifo")"

finish
