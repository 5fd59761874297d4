#!/bin/sh
# Packages: rsyslog
# Event: evt.type = write and fd.name endswith /fifo and evt.rawres > 0
# A reader that reads all that rsyslogd writes, and goes on after the end of the file.
cat >"$2/rsyslog.conf" <<TEXT
global(workDirectory="$2")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="$2/socket" RateLimit.Interval="0")
*.* action(type="ompipe" pipe="$1")
TEXT
sh -c 'exec 3<>"$1"; while read -r line; do echo "$line"; case $line in *last*) exit;; esac; done <&3' \
  sh "$1" >"$2/out" &
reader=$!
"$PACKAGES/usr/sbin/rsyslogd" -n -i NONE -M "$LIBRARIES/rsyslog" -f "$2/rsyslog.conf" &
until [ -S "$2/socket" ]; do sleep 0.02; done
seq 1 300 | logger --socket "$2/socket"
logger --socket "$2/socket" last
wait $reader
kill $!
wait
