#!/bin/bash
# pages_test.sh SOURCE_DIR SLURPER - the index lists every page, each page answers its questions in one order, and
# slurper accepts every configuration and command that a page shows.
. "$(dirname "$0")/lib.sh"
source=$1 slurper=$2
docs=$source/docs

find "$docs" -name '*.md' ! -path "$docs/README.md" -printf '%P\n' | sort >"$work/pages"
[ "$(wc -l <"$work/pages")" -gt 15 ] || failed "few pages: $(cat "$work/pages")"
while read -r page; do
  grep -qF "]($page) |" "$docs/README.md" || failed "docs/README.md does not list $page"
done <"$work/pages"

# What it is for stands above these. A page that lists facts alone, such as the messages, has no use for them.
while read -r page; do
  case $page in messages.md) continue ;; esac
  [ "$(grep -xE '## (How to use it|When it fails|Reference)' "$docs/$page" | tr '\n' ' ')" = \
    '## How to use it ## When it fails ## Reference ' ] ||
    failed "$page has no '## How to use it', '## When it fails', '## Reference', in this order"
  [ -n "$(sed -n '2,/^## /{/^[A-Za-z]/p}' "$docs/$page")" ] || failed "$page does not say what it is for"
done <"$work/pages"

# The fenced blocks of LANGUAGE on PAGE: one file each, $work/block-N.
blocks() { # PAGE LANGUAGE
  rm -f "$work"/block-*
  awk -v fence="\`\`\`$2" -v to="$work/block-" '
    /^```/ { inside = ($0 == fence && !inside); if (inside) ++n; next }
    inside { print > (to n) }' "$1"
}
# --drop-in: all that the settings alone decide. The machine that a page speaks of is another one.
accepts() { # ARGUMENT...
  "$slurper" check --drop-in "$@" >"$work/out" 2>&1 || failed "$page: slurper check $*: $(cat "$work/out")"
}

configurations=0 commands=0
for page in "$source/README.md" "$docs"/*.md "$docs"/*/*.md; do
  blocks "$page" toml
  for block in "$work"/block-*; do
    [ -e "$block" ] || continue
    # A table alone has no paths; the file may have no others then.
    paths=()
    grep -q '^\[fifo\]' "$block" || paths=(--fifo "$work/fifo" --log "$work/log/messages")
    accepts -c "$block" "${paths[@]}"
    configurations=$((configurations + 1))
  done
  blocks "$page" sh
  for block in "$work"/block-*; do
    [ -e "$block" ] || continue
    # As a shell reads them: with quotes, and lines that a backslash continues. Without what is behind a pipe.
    while read -r command; do
      read -r first second arguments <<<"${command#sudo }"
      [ "$first" = slurper ] || continue
      case $second in run | check) ;; *) continue ;; esac
      arguments=${arguments%% | *}
      # The configuration that is installed, which is also read if no other is named.
      case $arguments in
        *--fifo*) ;;
        *-c\ *) arguments=${arguments//\/etc\/slurper/$source\/systemd} ;;
        *) arguments+=" -c $source/systemd/slurper.toml" ;;
      esac
      eval "accepts $arguments"
      commands=$((commands + 1))
    done < <(sed -e ':more' -e '/\\$/{N;s/\\\n *//;b more' -e '}' -e 's/ &$//' "$block")
  done
done
[ $configurations -ge 5 ] || failed "only $configurations configurations found"
[ $commands -ge 8 ] || failed "only $commands commands found"

# The page on the configuration shows a file, one for its folder, and what `check` says of both.
page=configuration.md
blocks "$docs/$page" toml
mkdir "$work/slurper.toml.d"
cp "$work/block-1" "$work/slurper.toml"
cp "$work/block-2" "$work/slurper.toml.d/50-errors.toml"
blocks "$docs/$page" text
joined() { sed -e ':more' -e 'N;s/\n  */ /;t more' -e 'P;D' "$1"; }
joined "$work/block-1" | sed "s#/etc/slurper/#$work/#g" >"$work/one"
[ -s "$work/one" ] || failed "$page does not show what check says"
"$slurper" check -c "$work/slurper.toml" 2>"$work/findings" >"$work/out" || true # of another machine
joined "$work/findings" | sed -n "1,$(wc -l <"$work/one")p" | diff -u "$work/one" - >"$work/diff" ||
  failed "check does not say what $page shows: $(cat "$work/diff")"

# What a page tells a developer to run is there.
blocks "$docs/development.md" sh
cat "$work"/block-* | grep -oE '\b(scripts|tests)/[a-z0-9_/-]+' | grep -v '/found/' | sort -u >"$work/paths"
[ "$(wc -l <"$work/paths")" -gt 4 ] || failed "development.md names few files: $(cat "$work/paths")"
sed -E 's#^tests/([a-z]+)/[a-z]+_(test|fuzz|bench)$#tests/\1#' "$work/paths" | while read -r path; do
  [ -e "$source/$path" ] || echo "$path"
done >"$work/missing"
[ ! -s "$work/missing" ] || failed "development.md names $(cat "$work/missing")"

# Nor does any page name a file that is not there. NAME stands for one of the reader's own.
grep -rhoE "\`(src|tests|include|scripts|systemd|docs)/[A-Za-z0-9_./-]+\`" "$source/README.md" "$docs" --include='*.md' |
  tr -d '`' | grep -v NAME | sort -u >"$work/paths"
[ "$(wc -l <"$work/paths")" -gt 20 ] || failed "few files are named: $(cat "$work/paths")"
while read -r path; do
  [ -e "$source/$path" ] || failed "a page names $path: $(cd "$source" && grep -rlF "\`$path\`" README.md docs)"
done <"$work/paths"
grep -hoE '^scripts/bench [^#]*' "$docs"/*.md | tr ' ' '\n' | grep -E '^[a-z][a-z0-9-]*$' | sort -u >"$work/scenarios"
[ -s "$work/scenarios" ] || failed "no page names a scenario of scripts/bench"
while read -r scenario; do
  grep -qF "name = \"$scenario\"" "$source/tests/bench/scenarios.cc" || failed "scripts/bench has no scenario $scenario"
done <"$work/scenarios"

# And every folder of the source code has its row.
(cd "$source" && printf '%s\n' include/slurper src/*/ | sed -e 's#^src/##' -e 's#/$##') >"$work/rooms"
[ "$(wc -l <"$work/rooms")" -gt 10 ] || failed "few folders: $(cat "$work/rooms")"
while read -r room; do
  grep -qE "^\| [0-9] \| .$room. \|" "$docs/development.md" || failed "development.md does not list the folder $room"
done <"$work/rooms"

# These examples are run as they stand, below a folder of this test.
mkdir "$work/fifo.d" "$work/log.d" "$work/ring"
export XDG_RUNTIME_DIR=$work/ring RUNTIME_DIRECTORY=$work/ring
slurper() { "$slurper" "$@"; }
daemon=
stop() {
  kill "$daemon"
  wait "$daemon" || failed "slurper run ends with $?: $(cat "$work/messages")"
  at_exit=()
}
example() { # PAGE N: the Nth block of the page's commands
  page=$docs/$1
  blocks "$page" sh
  sed -e "s#/run/app/fifo#$work/fifo.d/fifo#g" -e "s#/var/log/app/#$work/log.d/#g" "$work/block-$2" >"$work/example"
  [ -s "$work/example" ] || failed "$1 has no example $2"
  while read -r command; do
    case $command in
      'slurper run '*)
        command=${command%' &'}
        eval "exec \"\$slurper\" ${command#slurper }" 2>"$work/messages" &
        daemon=$!
        at_exit+=("kill $daemon")
        wait_until grep -q ready "$work/messages" || failed "$command: $(cat "$work/messages")"
        ;;
      'slurper cursor '*)
        # A sink's cursor can be set while it does not run.
        wait_until [ -e "$work/log.d/.messages.cursor-errors" ] || failed "the sink has no cursor: $(cat "$work/messages")"
        stop
        eval "$command" >"$work/out" 2>&1 || failed "$1: $command: ends with $?: $(cat "$work/out")"
        ;;
      *)
        eval "${command/tail -F/tail}" >"$work/out" 2>&1 || failed "$1: $command: ends with $?: $(cat "$work/out")"
        ;;
    esac
  done <"$work/example"
}
in_log() { grep -qx 'hello, log' "$work/log.d/messages"; }
rotated() { compgen -G "$work/log.d/messages.*[0-9]" >"$work/out"; }
cd "$work"
example commands.md 1
wait_until in_log || failed "the log: $(cat "$work/log.d/messages")"
example guarantees.md 1
kill -USR1 "$daemon"
echo another >"$work/fifo.d/fifo"
wait_until rotated || failed "no segment is rotated: $(cat "$work/messages")"
example log-format.md 1
example ring-format.md 1

# logrotate with the page's settings, but for what takes a service: its users, and systemctl.
blocks "$docs/logrotate.md" logrotate
sed -e "s#^/var/log/slurper/#$work/log.d/#" -e 's/ slurper adm$//' -e '/^ *su$/d' \
  -e "s/systemctl reload slurper/kill -HUP $daemon/" "$work/block-1" >"$work/logrotate.conf"
chmod go-w "$work/log.d" "$work/logrotate.conf"
PATH=$PATH:/usr/sbin logrotate --force --state "$work/logrotate.state" "$work/logrotate.conf" >"$work/out" 2>&1 ||
  failed "logrotate: $(cat "$work/out")"
[ -s "$work/log.d/messages.1" ] || failed "logrotate has rotated nothing: $(ls "$work/log.d")"
echo 'after logrotate' >"$work/fifo.d/fifo"
continued() { grep -qx 'after logrotate' "$work/log.d/messages"; }
wait_until continued || failed "slurper does not continue in the new file: $(cat "$work/messages")"
stop
example commands.md 2

finish
