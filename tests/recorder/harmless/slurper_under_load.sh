#!/bin/sh
# Event: evt.type = splice and proc.name = slurper and fd.name endswith /fifo
# slurper itself, with several writers at once that come and go.
"$PROGRAM" run --fifo "$1" --log "$2/log" &
slurper=$!
until [ -s "$2/log" ] || ! echo first >"$1"; do sleep 0.02; done
(seq 1 20000 & seq 1 20000 & seq 1 20000 & wait) >"$1"
for line in $(seq 1 20); do echo "$line" >"$1"; done
kill "$slurper"
wait
