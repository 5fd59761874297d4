#!/bin/bash
# plugin_test.sh BUILD_DIR - a plug-in is built outside the source tree, against what is installed and nothing
# else, as docs/plugins.md says; and slurper delivers through it.
. "$(dirname "$0")/lib.sh"
build=$1
root=$work/root

DESTDIR=$root cmake --install "$build" >/dev/null
prefix=$(sed -n 's/^CMAKE_INSTALL_PREFIX:PATH=//p' "$build/CMakeCache.txt")
usr=$root$prefix
[ -d "$usr/lib/slurper/sinks" ] || failed "the folder of plug-ins is not installed"

cp -r "$usr/share/doc/slurper/docs/examples/by-program" "$work/plugin"
# With the generator that slurper itself is built with, as the documentation does: make need not be there.
{ cmake -S "$work/plugin" -B "$work/plugin/build" -G Ninja -DCMAKE_PREFIX_PATH="$usr" \
    -DCMAKE_CXX_COMPILER="$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")" \
    -DCMAKE_CXX_FLAGS="$(sed -n 's/^SLURPER_SANITIZE:STRING=\(..*\)/-fsanitize=\1/p' "$build/CMakeCache.txt")" &&
  cmake --build "$work/plugin/build"; } >"$work/out" 2>&1 || failed "the plug-in does not build: $(cat "$work/out")"
[ "$(sed -n 's/^SLURPER_INCLUDE_DIR:PATH=//p' "$work/plugin/build/CMakeCache.txt")" = "$usr/include" ] ||
  failed "the plug-in was built against other headers than those installed"

mkdir "$work/log"
mkfifo "$work/fifo"
exec 9<>"$work/fifo"
"$usr/bin/slurper" run --fifo "$work/fifo" --log "$work/log/messages" --set "ring.directory=$work" \
  --sink "by-program:$work/by-program?plugin=$work/plugin/build/by-program.so" 2>"$work/err" &
slurper=$!
at_exit+=("kill $slurper")
printf '%s\n' '<38>Nov 21 22:14:15 host sshd[7]: one' '<38>Nov 21 22:14:15 host su: two' \
  '<38>Nov 21 22:14:15 host sshd[7]: three' 'no program at all' >&9
delivered() { [ -n "$(compgen -G "$work/log/messages.rejected-by-program*")" ] && [ -s "$work/by-program/su.log" ]; }
wait_until delivered || failed "nothing is delivered: $(cat "$work/err")"
kill "$slurper"
at_exit=()
wait "$slurper" || failed "slurper ends with $?: $(cat "$work/err")"
grep -c . "$work/by-program/sshd.log" | grep -qx 2 || failed "sshd.log: $(cat "$work/by-program/sshd.log")"
grep -qx '<38>Nov 21 22:14:15 host su: two' "$work/by-program/su.log" || failed "su.log is not as it was written"
grep -q '"reason":"its program cannot be the name of a file","record":{.*no program at all' \
  "$work"/log/messages.rejected-by-program* || failed "the dead letters do not have the line without a program"

finish
