#!/bin/sh
# Event: evt.type in (open, openat) and evt.dir = < and evt.rawres >= 0 and fd.name endswith /fifo
# Reader and writer open the FIFO anew for each line, while a third process keeps it open, and never reads.
exec 9<>"$1"
while read -r line <"$1" && [ "$line" != end ]; do echo "$line"; : >"$2/taken.$line"; done 9>&- >"$2/out" &
for line in 1 2 3 4 5 6 7 8; do
  echo "$line" >"$1"
  until [ -e "$2/taken.$line" ]; do sleep 0.01; done
done
echo end >"$1"
wait
