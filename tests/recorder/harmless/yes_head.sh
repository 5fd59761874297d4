#!/bin/sh
# Event: evt.res = EPIPE and proc.name = yes
# head has what it wanted, and yes learns of it by SIGPIPE.
yes | head -n 3 >"$2/out"
