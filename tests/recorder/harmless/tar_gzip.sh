#!/bin/sh
# Event: evt.type = read and proc.name = gzip and fd.type = pipe and evt.rawres = 0
# Large blocks through pipes, and an archive that is longer than its contents.
seq 1 100000 >"$2/file"
tar -C "$2" -cf - file | gzip -1 >"$2/archive"
gzip -dc "$2/archive" | tar -xOf - file | tail -n 1 >"$2/out"
tar -C "$2" -c file | tar -t >>"$2/out"
