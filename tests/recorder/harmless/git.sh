#!/bin/sh
# Packages: git
# Event: evt.type = write and proc.name startswith git and fd.type = pipe and evt.rawres > 0
# A clone, in which two processes talk over pipes, and a log that is longer than its reader wants.
export HOME="$2" GIT_CONFIG_NOSYSTEM=1 GIT_EXEC_PATH="$PACKAGES/usr/lib/git-core" GIT_TEMPLATE_DIR=
git="$PACKAGES/usr/bin/git -c user.name=a -c user.email=a@b"
mkdir "$2/one"
cd "$2/one" || exit
$git init -q
seq 1 1000 >file
$git add file
for number in 1 2 3; do
  $git commit -q --allow-empty -m "commit $number"
done
$git clone -q "file://$2/one" "$2/two"
$git log -p | head -n 1 >"$2/out"
