#!/bin/bash
# service_test.sh SOURCE_DIR BUILD_DIR sanitizers:LIST - installs slurper into a folder, boots a systemd of its
# own, and puts the service through start, kills, rotation, reload and stop: see service_case.sh.
set -euo pipefail
source=$1 build=$2 sanitizers=${3#sanitizers:}
if [ -n "$sanitizers" ]; then
  echo "SKIPPED: sanitizers need what the unit forbids (writable and executable memory, ptrace)"
  exit 77
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
DESTDIR=$work/root cmake --install "$build" >/dev/null
"$source/tests/e2e/in_systemd.sh" -b "$work/root:/opt/slurper" -b "$source/tests/e2e:/opt/tests" -- \
  bash /opt/tests/service_case.sh
