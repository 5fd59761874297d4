#!/bin/sh
# Event: evt.type = read and proc.name = script and fd.name = /dev/ptmx and evt.rawres > 0
# script(1) passes the session of a pseudoterminal on, as sshd does.
script --quiet --return --command 'echo begin; stty size; seq 1 2000; echo end' "$2/typescript" >"$2/out" </dev/null
