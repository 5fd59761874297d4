#!/bin/bash
# language_test.sh SOURCE_DIR - spelling and style of what is read: no word that codespell knows to be misspelt, and no
# phrase of language/phrases (which says how to extend it). Beside it:
#
#   language/words            words that codespell takes for misspelt and that are right: names, abbreviations
#   language/words-in-tests   words that the tests misspell on purpose
#   language/lines            whole lines elsewhere that show a misspelt word on purpose, as they stand
. "$(dirname "$0")/lib.sh"
lists=$(readlink -f "$(dirname "$0")/language")
cd "$1"
command -v codespell >/dev/null || skip "codespell is missing: run scripts/install-packages test"

declare -A folders=(
  [pages]="README.md NEWS.md docs systemd"
  [sources]="CMakeLists.txt src include"
  [tests]="tests"
  [scripts]="scripts .ci"
)

# The files of these, those that only a program reads left out: corpora, and the lists of this test.
files_of() { # FOLDERS...
  local name
  for name in "$@"; do
    # shellcheck disable=SC2086 # a list
    find ${folders[$name]} -type f ! -path '*/fuzz/corpus/*' ! -path 'tests/packaging/language/*' \
      ! -name '*.json' ! -path .ci/fresh ! -path .ci/linted
  done
}

# Prints what is misspelt in the files on standard input.
misspelt() { # OPTION...
  xargs codespell --quiet-level=3 --disable-colors --ignore-words="$lists/words" "$@" || true
}

# Prints "FILE:LINE: PHRASE; write INSTEAD" for each hit of PHRASE in the files on standard input.
hits() { # PHRASE INSTEAD
  # shellcheck disable=SC2016 # for perl
  PHRASE=$1 INSTEAD=$2 xargs perl -e '
    my $phrase = $ENV{PHRASE};
    $phrase =~ s{ }{\\s+(?:(?://+|#+|\\.\\\\")\\s*)?}g;
    for my $file (@ARGV) {
      open(my $in, "<", $file) or die "$file: $!\n";
      my $text = do { local $/; <$in> } // "";
      while ($text =~ /\b(?:$phrase)\b/gi) {
        my ($line, $hit) = (1 + (substr($text, 0, $-[0]) =~ tr/\n//), $&);
        $hit =~ s/\s+/ /g;
        print "$file:$line: \"$hit\"; write $ENV{INSTEAD}\n";
      }
    }'
}

# FUNCTION for each line of the list of phrases.
each_phrase() { # FUNCTION
  local where phrase instead
  while IFS=';' read -r where phrase instead; do
    [[ $where == [a-z]* ]] || continue
    [ -n "${instead# }" ] || failed "language/phrases: a line with less than three parts: $where;$phrase"
    phrase=${phrase# }
    phrase=${phrase%"${phrase##*[! ]}"}
    "$1" "$where" "$phrase" "${instead# }"
  done <"$lists/phrases"
}

# shellcheck disable=SC2317 # called by each_phrase
check_phrase() { # FOLDERS PHRASE INSTEAD
  # shellcheck disable=SC2086 # a list
  files_of $1 | hits "$2" "$3"
  phrases=$((phrases + 1))
}

for name in "${!folders[@]}"; do
  [ "$(files_of "$name" | wc -l)" -ge 2 ] || failed "no files in $name"
done

found=$(files_of pages sources scripts | misspelt --exclude-file="$lists/lines")
[ -z "$found" ] || failed "misspelt, or missing in language/words: $found"
found=$(files_of tests | misspelt --ignore-words="$lists/words-in-tests")
[ -z "$found" ] || failed "misspelt, or missing in language/words-in-tests: $found"

phrases=0
each_phrase check_phrase >"$work/found"
[ ! -s "$work/found" ] || failed "$(cat "$work/found")"
[ $phrases -ge 20 ] || failed "only $phrases phrases in language/phrases"

# The checks themselves find what they are for.
printf 'a mispelt word\n' >"$work/page"
found=$(echo "$work/page" | misspelt)
[[ $found == *"page:1: mispelt ==> misspelt"* ]] || failed "codespell misses a misspelt word: $found"
printf '// Line 1\n// is the least\n  // of them, leastof, at leasts ofs\n' >"$work/page"
found=$(echo "$work/page" | hits 'the least of' 'x')
[ "$found" = "$work/page:2: \"the least // of\"; write x" ] || failed "the phrase over two lines: $found"
printf 'some body Some_body somebodys\n.\\" NOBODY.\n' >"$work/page"
found=$(echo "$work/page" | hits '(some|no)body' 'x')
[ "$found" = "$work/page:2: \"NOBODY\"; write x" ] || failed "the phrase of one word: $found"

finish
