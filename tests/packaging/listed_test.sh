#!/bin/bash
# listed_test.sh SOURCE_DIR BUILD_DIR - every test in the tree is one that ctest runs: each
# *_test.cc is compiled, each *_test.sh registered. A test left out of the build never fails.
. "$(dirname "$0")/lib.sh"
source=$1 build=$2

find "$build/tests" -name CTestTestfile.cmake -exec cat {} + >"$work/registered"
cd "$source"
while read -r path; do
  case $path in
    *.cc) grep -qF "\"file\": \"$source/$path\"" "$build/compile_commands.json" || failed "$path is not built" ;;
    *.sh) grep -qF "$source/$path" "$work/registered" || failed "$path is not run" ;;
  esac
done < <(find tests -name '*_test.cc' -o -name '*_test.sh')

finish
