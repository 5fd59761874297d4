#!/bin/bash
# Event: evt.type = read and proc.name = diff and evt.buffer contains 1042
# Pipes that are opened by their names in /dev/fd.
diff <(seq 1 5000) <(seq 1 5000)
seq 1 5000 | tee >(wc -l >"$2/out") >"$2/copy"
wait $!
