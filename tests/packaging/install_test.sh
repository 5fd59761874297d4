#!/bin/bash
# install_test.sh BUILD_DIR - an installation has all its files, and they fit together: the unit
# starts the program that is there with the configuration that is there, the configuration is
# valid, the man page is clean, and the accounts and the FIFO come out as the unit expects.
. "$(dirname "$0")/lib.sh"
build=$1
root=$work/root

DESTDIR=$root cmake --install "$build" >/dev/null
prefix=$(sed -n 's/^CMAKE_INSTALL_PREFIX:PATH=//p' "$build/CMakeCache.txt")
usr=$root$prefix
for file in bin/slurper libexec/slurper/slurper-{trace,pipes} lib/systemd/system/slurper{,@}.{service,socket} lib/systemd/system/slurper-failed{,@}.service lib/sysusers.d/slurper.conf \
  lib/tmpfiles.d/slurper.conf share/man/man8/slurper.8 share/man/man8/slurper-trace.8 share/doc/slurper/README.md \
  share/doc/slurper/NEWS.md share/doc/slurper/LICENSE share/doc/slurper/syslog/rsyslog.conf; do
  [ -s "$usr/$file" ] || failed "$file is not installed"
done

# Only the recorder needs libbpf: a machine that never traces can do without.
# No pipe into grep -q here and elsewhere: it ends at the first match, and who still writes then fails by SIGPIPE.
ldd "$usr/bin/slurper" >"$work/ldd" || failed "ldd fails"
! grep -q libbpf "$work/ldd" || failed "slurper needs libbpf"
ldd "$usr/libexec/slurper/slurper-trace" >"$work/ldd" || failed "ldd fails for slurper-trace"
grep -q libbpf "$work/ldd" || failed "slurper-trace does not need libbpf"

read -r program command option configuration < <(
  sed -n 's/^ExecStart=//p' "$usr/lib/systemd/system/slurper.service")
[ -x "$root$program" ] || failed "ExecStart= names $program, which is not installed"
[ "$command $option" = "run -c" ] || failed "ExecStart= is not 'run -c'"
[ -s "$root$configuration" ] || failed "ExecStart= names $configuration, which is not installed"

mkdir "$work/log"
"$root$program" check -c "$root$configuration" --fifo "$work/fifo" --log "$work/log/messages" \
  --set "ring.directory=$work" >"$work/check" 2>&1 || failed "slurper check: $(cat "$work/check")"

man --warnings -E UTF-8 -l "$usr/share/man/man8/slurper.8" 2>"$work/man" >/dev/null || failed "man fails"
[ ! -s "$work/man" ] || failed "man: $(cat "$work/man")"

# Paths of installed files that documents, units, settings, help and messages name: a document names those of the prefix
# /usr, the program those of its own.
grep -rhoE '/usr/(share/doc|lib|include|bin)/[a-z/]*slurper[A-Za-z0-9_./-]*' \
  "$usr/share/doc/slurper" "$usr/share/man" "$usr/lib/systemd" "$root${configuration%/*}" |
  sed -e 's/[.]$//' -e "s#^/usr/#$prefix/#" | sort -u >"$work/named"
[ "$(wc -l <"$work/named")" -gt 8 ] || failed "documents name few installed paths: $(cat "$work/named")"
# In a message: SLURPER_DOC_DIRECTORY "/syslog, which …".
source=$(sed -n 's/^CMAKE_HOME_DIRECTORY:INTERNAL=//p' "$build/CMakeCache.txt")
find "$source/src" -name '*.[ch]*' -exec cat {} + | tr '\n' ' ' |
  grep -oE 'SLURPER_DOC_DIRECTORY *"/[A-Za-z0-9_./-]+' | sed "s#.*\"#$prefix/share/doc/slurper#" | sort -u >"$work/texts"
[ "$(wc -l <"$work/texts")" -ge 3 ] || failed "the program names few installed paths: $(cat "$work/texts")"
cat "$work/texts" >>"$work/named"
"$usr/bin/slurper" run --help >"$work/help"
grep -qF "$prefix/share/doc/slurper/docs/sinks.md:" "$work/help" || failed "the help names no page"
while read -r path; do
  # X and NAME stand for names of the reader's own.
  case $path in */X.so | */by-program.so) continue ;; esac
  [ -e "$root$path" ] || failed "a document or the program names $path, which is not installed"
done <"$work/named"
# And what the README and the pages link is there for who reads them where they are installed.
while read -r page; do
  while read -r link; do
    [ -e "$(dirname "$page")/${link%%#*}" ] || failed "$page links $link, which is not installed"
  done < <(grep -oE '\]\([^)#]+' "$page" | cut -c3- | grep -v '^http' | sed 's/ .*//')
done < <(find "$usr/share/doc/slurper" -name '*.md' ! -name NEWS.md)

# Accounts and FIFO in a root directory of their own; to give files away takes root.
if [ "$(id -u)" -eq 0 ]; then
  mkdir -p "$root/etc"
  systemd-sysusers --root="$root" "$usr/lib/sysusers.d/slurper.conf" || failed "systemd-sysusers fails"
  uid=$(awk -F: '$1 == "slurper" { print $3 }' "$root/etc/passwd")
  gid=$(awk -F: '$1 == "slurper" { print $3 }' "$root/etc/group")
  grep -q '^adm:.*[:,]slurper' "$root/etc/group" || failed "slurper is no member of adm"
  systemd-tmpfiles --root="$root" --create "$usr/lib/tmpfiles.d/slurper.conf" || failed "systemd-tmpfiles fails"
  [ "$(stat -c '%F %a %u %g' "$root/run/slurper/fifo")" = "fifo 660 $uid $gid" ] ||
    failed "the FIFO: $(stat -c '%F %a %u %g' "$root/run/slurper/fifo")"
  [ "$(stat -c '%F %a %u %g' "$root/run/slurper")" = "directory 755 $uid $gid" ] ||
    failed "its directory: $(stat -c '%F %a %u %g' "$root/run/slurper")"
  [ "$(stat -c '%F %a %u %g' "$root/run/slurper.locks")" = "directory 700 $uid $gid" ] ||
    failed "the folder for locks: $(stat -c '%F %a %u %g' "$root/run/slurper.locks")"
fi

# A configuration that somebody has edited, or has replaced with a link, is left alone; all else is renewed.
echo '# edited' >>"$root$configuration"
edited=$(stat -c '%i %Y' "$root$configuration")
echo 'no program' >"$usr/bin/slurper"
DESTDIR=$root cmake --install "$build" >"$work/install" || failed "a second install fails"
[ "$(tail -n 1 "$root$configuration") $(stat -c '%i %Y' "$root$configuration")" = "# edited $edited" ] ||
  failed "a second install changes the configuration"
grep -q "Kept: .*slurper.toml" "$work/install" || failed "a second install does not say what it keeps"
"$usr/bin/slurper" --version >/dev/null || failed "a second install does not renew the program"
mv "$root$configuration" "$work/elsewhere.toml"
ln -s /nowhere/slurper.toml "$root$configuration"
DESTDIR=$root cmake --install "$build" >/dev/null || failed "a third install fails"
[ "$(readlink "$root$configuration")" = /nowhere/slurper.toml ] || failed "an install replaces a link"
rm "$root$configuration"
mv "$work/elsewhere.toml" "$root$configuration"

# What was installed goes, and nothing else: not the configuration, not what others have put there.
echo another >"$(dirname "$root$configuration")/app.toml"
touch "$usr/lib/slurper/sinks/by-program.so" "$usr/bin/another"
DESTDIR=$root cmake --build "$build" --target uninstall >"$work/uninstall" 2>&1 ||
  failed "uninstall fails: $(cat "$work/uninstall")"
left=$(cd "$root" && find . \( -type f -o -type l \) ! -path './etc/*' ! -path './run/*' ! -path './var/*' | sort)
[ "$left" = "$(printf '%s\n' ".$prefix/bin/another" ".${configuration%/*}/app.toml" ".$configuration" ".$prefix/lib/slurper/sinks/by-program.so" |
  grep -v '^./etc/' | sort)" ] || failed "uninstall leaves: $left"
[ "$(tail -n 1 "$root$configuration")" = "# edited" ] || failed "uninstall touches the configuration"
rm "$usr/lib/slurper/sinks/by-program.so"
DESTDIR=$root cmake --install "$build" >/dev/null || failed "an install after an uninstall fails"
DESTDIR=$root cmake --build "$build" --target uninstall >/dev/null 2>&1 || failed "a second uninstall fails"
[ -z "$(find "$usr" -type d -name slurper ! -path "$root${configuration%/*}")" ] ||
  failed "folders are left: $(find "$usr" -type d -name slurper)"

finish
