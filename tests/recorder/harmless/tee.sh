#!/bin/sh
# Event: evt.type = write and proc.name = tee and fd.type = pipe
seq 1 50000 | tee "$2/copy" | wc -l >"$2/out"
