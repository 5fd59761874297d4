#!/bin/sh
# fetch_syslogds.sh DIR - unpacks Debian's syslogds into DIR/root. Nothing is installed: their packages conflict,
# and a machine that only builds slurper must not get a syslogd that starts to run.
#
# The programs want LD_LIBRARY_PATH=DIR/root/usr/lib/<triplet>, and rsyslogd and syslog-ng the folder of their modules.
# Runs once: DIR/root is there, whole, or not at all. Needs no root, only a Debian with a mirror in reach.
set -eu

dir=${1:?usage: fetch_syslogds.sh DIR}
# busybox-syslogd is an init script alone; its program is busybox.
packages="rsyslog syslog-ng-core busybox inetutils-syslogd"
# What these need beyond Debian's minimal system; a copy of one that is installed does no harm.
libraries="libestr0 libfastjson4 liblognorm5 libivykis0 libnet1 libwrap0 libnsl2 libtirpc3 libjson-c5 libglib2.0-0 libpcre3"

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
exec 9>"$dir/lock"
flock 9 # tests run side by side
[ -d "$dir/root" ] && exit 0

work="$dir/work"
rm -rf "$work"
mkdir -p "$work/debs" "$work/root"
chmod 755 "$work/debs"
cd "$work/debs"
# shellcheck disable=SC2086 # the lists are lists
if ! apt-get -q download $packages $libraries >"$dir/apt.log" 2>&1; then
	# No package lists, or old ones: fresh ones, private, so that neither root nor the machine's own lists are touched.
	mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
	private="-o Dir::State::Lists=$work/apt/lists -o Dir::Cache=$work/apt/cache -o Debug::NoLocking=1 -o APT::Sandbox::User="
	{ apt-get -q $private update && apt-get -q $private download $packages $libraries; } >>"$dir/apt.log" 2>&1 || {
		echo "fetch_syslogds.sh: apt-get cannot download the syslogds' packages:" >&2
		cat "$dir/apt.log" >&2
		exit 1
	}
fi
for deb in ./*.deb; do
	dpkg -x "$deb" "$work/root"
done
mv "$work/root" "$dir/root"
rm -rf "$work"
