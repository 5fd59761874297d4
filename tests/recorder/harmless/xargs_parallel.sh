#!/bin/sh
# Event: evt.type = write and proc.name = printf and fd.type = pipe and evt.rawres > 0
# Several processes write short lines to one pipe at the same time.
seq 1 60 | xargs -P 4 -n 5 printf '%s\n' | sort -n >"$2/out"
