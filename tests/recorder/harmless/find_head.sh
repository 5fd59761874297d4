#!/bin/sh
# Event: evt.res = EPIPE and proc.name = find
# The output of find is longer than a pipe, and of no use once head has its lines.
find /usr | head -n 5 >"$2/out"
