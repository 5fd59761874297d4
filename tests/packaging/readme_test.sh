#!/bin/bash
# readme_test.sh SOURCE_DIR SLURPER - README, man page and program name the same keys, defaults,
# commands and exit codes, and the links lead somewhere.
. "$(dirname "$0")/lib.sh"
source=$1 slurper=$2
readme=$source/README.md manual=$source/docs/slurper.8

same() { # WHAT, then two lists in files "one" and "two"
  diff -u "$work/one" "$work/two" >"$work/diff" || failed "$1: $(cat "$work/diff")"
  [ -s "$work/one" ] || failed "$1: nothing found to compare"
}

# "table.key = value" for each setting in force when nothing is set but the paths.
mkfifo "$work/fifo"
"$slurper" check --fifo "$work/fifo" --log "$work/log" --set "ring.directory=$work" >"$work/settings" 2>/dev/null ||
  failed "slurper check ends with $?"
awk '/^\[/ { table = substr($1, 2, index($1, "]") - 2) } /^[a-z_]+ *=/ { print table "." $0 }' \
  "$work/settings" >"$work/keys"

# The README's table: | `key` | default | ... |
awk -F' *[|] *' '$2 ~ /^`[a-z]+\.[a-z_]+`$/ { gsub("`", "", $2); gsub("`", "", $3); print $2 " = " $3 }' \
  "$readme" | sort >"$work/documented"
cut -d' ' -f1 "$work/documented" >"$work/one"
cut -d' ' -f1 "$work/keys" | sort >"$work/two"
same "the README's keys and slurper's"

# Defaults, where the README gives one as it stands in a configuration.
grep -E '= ("|[0-9]|true|false)' "$work/documented" >"$work/one"
cut -d' ' -f1 "$work/one" | while read -r key; do
  sed -n "s/^$key *= *\([^#]*[^# ]\) *\(#.*\)\{0,1\}$/$key = \1/p" "$work/keys"
done >"$work/two"
same "the README's defaults and slurper's"

grep -oE '^\.It Li .*' "$manual" | grep -oE '(fifo|ring|log)\.[a-z_]+' | sort -u >"$work/one"
cut -d' ' -f1 "$work/keys" | sort >"$work/two"
same "the man page's keys and slurper's"

grep -oE '^  [A-Z][A-Za-z]+ = [0-9]+,' "$source/include/slurper/result.h" | grep -oE '[0-9]+' | sort >"$work/two"
sed -n 's/^| \([67][0-9]\) |.*/\1/p' "$readme" | sort >"$work/one"
same "the README's exit codes and ErrorKind's"
sed -n 's/^\.It \([67][0-9]\)$/\1/p' "$manual" | sort >"$work/one"
same "the man page's exit codes and ErrorKind's"

"$slurper" --help >"$work/help" || failed "slurper --help ends with $?"
for command in run check verify recover cursor; do
  grep -q "^  $command " "$work/help" || failed "slurper has no command $command"
  grep -q "^| .slurper $command" "$readme" || failed "the README has no command $command"
done
for page in "$readme" "$source"/docs/*.md; do
  while read -r link; do
    case $link in http*) ;; *) [ -e "$(dirname "$page")/$link" ] || echo "$page: $link" ;; esac
  done < <(grep -oE '\]\([^)#]+' "$page" | cut -c3-)
done >"$work/dead"
[ ! -s "$work/dead" ] || failed "dead links: $(cat "$work/dead")"

finish
