#!/bin/sh
# Event: evt.type = read and proc.name = cat and fd.type = pipe and evt.rawres > 0
# The shell writes the text into a pipe before the program that reads it exists.
cat >"$2/out" <<TEXT
one line
$(seq 1 200)
TEXT
