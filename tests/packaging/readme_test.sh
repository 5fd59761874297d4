#!/bin/bash
# readme_test.sh SOURCE_DIR SLURPER - docs, man page and program agree on keys, defaults, commands and exit codes,
# and every link leads somewhere.
. "$(dirname "$0")/lib.sh"
source=$1 slurper=$2
settings_page=$source/docs/configuration.md commands_page=$source/docs/commands.md manual=$source/docs/slurper.8

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

# The page's table: | `key` | default | ... |
awk -F' *[|] *' '$2 ~ /^`[a-z]+\.[a-z_]+`$/ { gsub("`", "", $2); gsub("`", "", $3); print $2 " = " $3 }' \
  "$settings_page" | sort >"$work/documented"
cut -d' ' -f1 "$work/documented" >"$work/one"
cut -d' ' -f1 "$work/keys" | sort >"$work/two"
same "the keys of docs/configuration.md and slurper's"

# The program's defaults for the keys of "one".
defaults() {
  cut -d' ' -f1 "$work/one" | while read -r key; do
    sed -n "s/^$key *= *\([^#]*[^# ]\) *\(#.*\)\{0,1\}$/$key = \1/p" "$work/keys"
  done >"$work/two"
}
# Defaults, if the page gives one as it stands in a configuration.
grep -E '= ("|[0-9]|true|false)' "$work/documented" >"$work/one"
defaults
same "the defaults of docs/configuration.md and slurper's"

# ".It Li KEY , KEY", then "Default: 0." for all of them, or "Default:" and ".Qq VALUE" for the first.
awk '
  /^\.It Li (fifo|ring|log|control|metrics)\./ { n = 0; for (i = 3; i <= NF; i++) if ($i != ",") key[++n] = $i; next }
  /^\.It / { n = 0 }
  n && /^Default:/ {
    value = $2
    if (value == "" && (getline) > 0 && $1 == ".Qq") value = "\"" $2 "\""
    sub(/[.,]$/, "", value)
    if (value ~ /^("|[0-9]|true|false)/) for (i = 1; i <= (value == "0" ? n : 1); i++) print key[i] " = " value
    n = 0
  }' "$manual" >"$work/one"
[ "$(wc -l <"$work/one")" -gt 10 ] || failed "the man page has few defaults: $(cat "$work/one")"
defaults
same "the defaults of the man page and slurper's"

grep -oE '^\.It Li .*' "$manual" | grep -oE '(fifo|ring|log|control|metrics)\.[a-z_]+' | sort -u >"$work/one"
cut -d' ' -f1 "$work/keys" | sort >"$work/two"
same "the man page's keys and slurper's"

grep -oE '^  [A-Z][A-Za-z]+ = [0-9]+,' "$source/include/slurper/result.h" | grep -oE '[0-9]+' | sort >"$work/two"
sed -n 's/^| \([67][0-9]\) |.*/\1/p' "$commands_page" | sort >"$work/one"
same "the exit codes of docs/commands.md and ErrorKind's"
sed -n 's/^\.It \([67][0-9]\)$/\1/p' "$manual" | sort >"$work/one"
same "the man page's exit codes and ErrorKind's"

"$slurper" --help >"$work/help" || failed "slurper --help ends with $?"
sed -n '/^Subcommands:/,/^$/s/^  \([a-z]\{1,\}\) .*/\1/p' "$work/help" | sort >"$work/two"
sed -n 's/^| `slurper \([a-z]*\).*/\1/p' "$commands_page" | sort >"$work/one"
same "the commands of docs/commands.md and slurper's"
sed -n '/^\.Sh DESCRIPTION/,/^\.Sh CONF/s/^\.It Cm \([a-z]*\)$/\1/p' "$manual" | sort >"$work/one"
same "the man page's commands and slurper's"

# Options: what a page does not name, nobody finds. -h and -V are everyone's.
while read -r command; do "$slurper" "$command" --help; done <"$work/two" |
  grep -oE '^  (-[a-z],)?--[a-z-]+' | grep -oE '[-]-[a-z-]+' | grep -v '^--help$' | sort -u >"$work/options"
[ -s "$work/options" ] || failed "no options found"
while read -r option; do
  case $option in --config) option=-c ;; esac
  grep -qE -e "^\|.*\`${option}[ \`].* \|" "$commands_page" || failed "docs/commands.md has no $option"
  grep -qE "Fl ${option/-/}( |$)" "$manual" || failed "the man page has no $option"
done <"$work/options"

grep -rl '](' "$source/README.md" "$source/docs" --include='*.md' >"$work/pages"
while read -r page; do
  while read -r link; do
    case $link in
      http*) ;;
      '#'*) target=$page ;;
      *) target=$(dirname "$page")/${link%%#*} ;;
    esac
    case $link in http*) continue ;; esac
    [ -e "$target" ] || { echo "$page: $link"; continue; }
    # A heading's anchor: its text in small letters, blanks as hyphens, only these, digits and "_".
    case $link in
      *.md'#'* | '#'*)
        sed -n 's/^##* //p' "$target" | tr '[:upper:] ' '[:lower:]-' | tr -cd '[:alnum:]_\n-' |
          grep -qxF -e "${link#*#}" || echo "$page: $link" ;;
    esac
  done < <(grep -oE '\]\([^)]+' "$page" | cut -c3- | sed 's/ .*//')
done <"$work/pages" >"$work/dead"
[ "$(wc -l <"$work/pages")" -gt 10 ] || failed "few pages have links: $(cat "$work/pages")"
[ ! -s "$work/dead" ] || failed "dead links: $(cat "$work/dead")"

finish
