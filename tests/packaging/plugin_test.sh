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

deliver_through() { # PLUG-IN
  local run
  run=$(mktemp -d -p "$work")
  mkdir "$run/log"
  mkfifo "$run/fifo"
  exec 9<>"$run/fifo"
  "$usr/bin/slurper" run --fifo "$run/fifo" --log "$run/log/messages" --set "ring.directory=$run" \
    --sink "by-program:$run/by-program?plugin=$1" 2>"$run/err" &
  slurper=$!
  at_exit+=("kill $slurper")
  printf '%s\n' '<38>Nov 21 22:14:15 host sshd[7]: one' '<38>Nov 21 22:14:15 host su: two' \
    '<38>Nov 21 22:14:15 host sshd[7]: three' 'no program at all' >&9
  delivered() { [ -n "$(compgen -G "$run/log/messages.rejected-by-program*")" ] && [ -s "$run/by-program/su.log" ]; }
  wait_until delivered || failed "nothing is delivered: $(cat "$run/err")"
  kill "$slurper"
  at_exit=()
  wait "$slurper" || failed "slurper ends with $?: $(cat "$run/err")"
  grep -c . "$run/by-program/sshd.log" | grep -qx 2 || failed "sshd.log: $(cat "$run/by-program/sshd.log")"
  grep -qx '<38>Nov 21 22:14:15 host su: two' "$run/by-program/su.log" || failed "su.log is not as it was written"
  grep -q '"reason":"its program cannot be the name of a file","line":"[^"]*","record":{.*no program at all' \
    "$run"/log/messages.rejected-by-program* || failed "the dead letters do not have the line without a program"
}

cp -r "$usr/share/doc/slurper/docs/examples/by-program" "$work/plugin"
# With the generator that slurper itself is built with, as the documentation does: make need not be there.
{ cmake -S "$work/plugin" -B "$work/plugin/build" -G Ninja -DCMAKE_PREFIX_PATH="$usr" \
    -DCMAKE_CXX_COMPILER="$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")" \
    -DCMAKE_CXX_FLAGS="$(sed -n 's/^SLURPER_SANITIZE:STRING=\(..*\)/-fsanitize=\1/p' "$build/CMakeCache.txt")" &&
  cmake --build "$work/plugin/build"; } >"$work/out" 2>&1 || failed "the plug-in does not build: $(cat "$work/out")"
[ "$(sed -n 's/^slurper_DIR:PATH=//p' "$work/plugin/build/CMakeCache.txt")" = "$usr/share/cmake/slurper" ] ||
  failed "the plug-in was built against another slurper than the one installed"

# And with pkg-config alone.
export PKG_CONFIG_PATH=$usr/share/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
compiler=$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")
sanitize=$(sed -n 's/^SLURPER_SANITIZE:STRING=\(..*\)/-fsanitize=\1/p' "$build/CMakeCache.txt")
# shellcheck disable=SC2046,SC2086 # flags
(cd "$work/plugin" && "$compiler" $sanitize $(pkg-config --cflags slurper) -fPIC -shared -o by-program.so by_program_sink.cc) \
  >"$work/out" 2>&1 || failed "the plug-in does not build with pkg-config: $(cat "$work/out")"
folder=$(env -u PKG_CONFIG_SYSROOT_DIR pkg-config --variable=plugindir slurper)
[ "$folder" = "$prefix/lib/slurper/sinks" ] || failed "slurper.pc names the plug-ins' folder $folder"
nm -D --defined-only "$work/plugin/by-program.so" >"$work/symbols"
grep -q ' slurper_sink_plugin$' "$work/symbols" ||
  failed "the plug-in built with pkg-config is none"
for so in "$work/plugin/build/by-program.so" "$work/plugin/by-program.so"; do
  deliver_through "$so"
done

finish
