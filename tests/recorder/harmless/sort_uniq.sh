#!/bin/sh
# Event: evt.type = read and proc.name = uniq and evt.rawres = 0
# A pipeline in which each program reads its input to the end.
seq 1 50000 | sed 's/.$//' | sort | uniq -c | tail -n 1 >"$2/out"
(sleep 0.01; echo x) | cat >"$2/out"
