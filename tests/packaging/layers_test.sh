#!/bin/bash
# layers_test.sh SOURCE_DIR - no folder of src/ includes one above it, and every library stays in
# the folder it is fenced into. The linker finds most of that; not what is header-only or inline.
. "$(dirname "$0")/lib.sh"

# What a line of src/ may include: the folders of its own layer and below. config stands aside.
check() { # SOURCE_DIR; prints the violations
  (cd "$1" && grep -rn --include='*.h' --include='*.cc' '^ *# *include' src include) |
    awk -F: '
      BEGIN {
        layer["include"] = 0
        layer["base"] = 1
        layer["fifo"] = layer["ring"] = layer["log"] = layer["record"] = layer["filter"] = layer["proc"] = 2
        layer["config"] = layer["flight"] = 2
        layer["intake"] = layer["watch"] = layer["sink"] = layer["trace"] = 3
        layer["control"] = layer["service"] = layer["inspect"] = layer["metrics"] = 4
        layer["daemon"] = 5
        layer["cli"] = layer["recorder"] = 6

        fence["CLI"] = " cli "
        fence["toml++"] = " config "
        fence["systemd"] = " service sink "
        fence["spdlog"] = " service "
        fence["zstd.h"] = " log trace "
        fence["zlib.h"] = " trace "
        fence["bpf"] = " recorder "
        fence["re2"] = " filter "
        fence["openssl"] = " sink "
        fence["prometheus"] = fence["microhttpd.h"] = " metrics "
        fence["nlohmann"] = " control "
      }
      {
        split($1, path, "/")
        from = path[1] == "include" ? "include" : path[2]
        match($0, /[<"][^>"]*/)
        header = substr($0, RSTART + 1, RLENGTH - 1)
        split(header, part, "/")
        to = part[1]
        where = $1 ":" $2 ": "
        if (!(from in layer)) print where "the folder " from " has no layer"
        if (to in fence && !index(fence[to], " " from " ")) print where header " is fenced off from " from
        if (to in layer && from in layer && to != from) {
          if (layer[to] > layer[from]) print where from " is below " to
          if (from == "config" && to != "base") print where "config uses base only"
          if (to == "config" && layer[from] < 5) print where from " is below config"
        }
      }'
}

violations=$(check "$1")
[ -z "$violations" ] || failed "$violations"

# And the check itself sees what it is for.
mkdir -p "$work"/src/{base,ring,config,cli} "$work/include/slurper"
echo '#include "ring/ring.h"' >"$work/src/base/up.h"
echo '#include "base/fd.h"' >"$work/src/ring/down.h"
echo '#include <toml++/toml.h>' >"$work/src/cli/fenced.cc"
echo '#include <toml++/toml.h>' >"$work/src/config/own.cc"
echo '#include "log/log.h"' >"$work/src/config/aside.cc"
expected="src/base/up.h:1: base is below ring
src/cli/fenced.cc:1: toml++/toml.h is fenced off from cli
src/config/aside.cc:1: config uses base only"
[ "$(check "$work" | sort)" = "$expected" ] || failed "the check sees: $(check "$work")"

finish
