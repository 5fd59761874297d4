#!/bin/bash
# Event: evt.type = write and evt.rawres > 0 and fd.type = pipe and proc.name = cat
# A question and an answer over two pipes.
coproc cat
question=${COPROC[1]}
for number in 1 2 3; do
  echo "$number" >&"$question"
  read -r answer <&"${COPROC[0]}"
  echo "$answer" >>"$2/out"
done
eval "exec $question>&-"
wait
