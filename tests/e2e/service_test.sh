#!/bin/bash
# service_test.sh SOURCE_DIR BUILD_DIR CASE ARGUMENT... - installs slurper into a folder, boots a
# systemd of its own, and runs CASE of this folder in it.
set -euo pipefail
source=$1 build=$2 case=$3
shift 3

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
DESTDIR=$work/root cmake --install "$build" >/dev/null
# Debian's rsyslogd and syslog-ng, unpacked once for all presets.
"$source/scripts/fetch-packages" "$source/build/packages/rsyslog" rsyslog
"$source/scripts/fetch-packages" "$source/build/packages/syslog-ng" syslog-ng-core
# What slurper says inside: see case_lib.sh, and tests/support/said.h for what comes of it.
said=/dev/null
[ -z "${SLURPER_SAID:-}" ] || said=$SLURPER_SAID/$case.$$
exec 3>"$said"
"$source/tests/e2e/in_systemd.sh" -b "$work/root:/opt/slurper" -b "$source/tests/e2e:/opt/tests" \
  -b "$source/build/packages/rsyslog:/opt/rsyslog" -b "$source/build/packages/syslog-ng:/opt/syslog-ng" -b "$build/tests/e2e:/opt/test-programs" -- bash "/opt/tests/$case" "$@"
