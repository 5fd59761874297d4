#!/bin/bash
# metrics_case.sh - run inside by service_test.sh: the confined service serves its metrics with the drop-in, and says
# what is missing without it; and it writes the text file that node_exporter reads.
. "$(dirname "$0")/case_lib.sh"
install_slurper
systemd-tmpfiles --create slurper.conf
program=$(sed -n 's/^ExecStart=\([^ ]*\) .*/\1/p' "$(systemctl show --property FragmentPath --value slurper)")
ip link set lo up || skip "this machine has no loopback device in a network namespace"
drop_ins=/run/systemd/system/slurper.service.d
mkdir -p $drop_ins
scrape() { # prints the metrics, as a process of the host's network gets them
  exec 9<>/dev/tcp/127.0.0.1/9127 || return 1
  printf 'GET /metrics HTTP/1.0\r\n\r\n' >&9
  cat <&9
  exec 9>&-
}
has() { scrape 2>/dev/null | grep -F "$1" >/dev/null; } # TEXT
check() { "$program" check "$@" -c "$configuration" 2>&1; }

echo "== without the drop-in: slurper reads, says what is missing, and check does, too"
textfile=/var/lib/prometheus/node-exporter/slurper.prom
mkdir -p "${textfile%/*}"
chown slurper "${textfile%/*}"
cat >>"$configuration" <<END
[metrics]
listen = "127.0.0.1:9127"
textfile = "$textfile"
interval = "1s"
END
systemctl start slurper || die "it does not start"
wait_until "the message names the drop-in" said "it needs the drop-in metrics.conf"
wait_until "the message names what the text file needs" said "write the metrics to '$textfile': Read-only file system"
echo "a line" >$fifo
wait_until "the line in the log" logged "a line"
check >/tmp/found || die "check takes it for an error: $(cat /tmp/found)"
tr -s ' \n' ' ' </tmp/found >/tmp/joined
cat /tmp/joined >>/tmp/said
grep -F "slurper.service has no network, and Prometheus can't reach metrics.listen, '127.0.0.1:9127'" /tmp/joined >/dev/null ||
  die "check does not miss the network: $(cat /tmp/found)"
grep -F "slurper.service can't write to the folder '${textfile%/*}' of the text file" /tmp/joined >/dev/null ||
  die "check does not miss the folder: $(cat /tmp/found)"

echo "== with the drop-in that ships, and what check prints for the folder"
cp "$(find /opt/slurper -name metrics.conf)" $drop_ins/metrics.conf
systemctl daemon-reload
check --drop-in >$drop_ins/folder.conf
grep -x "ReadWritePaths=\"-${textfile%/*}\"" $drop_ins/folder.conf >/dev/null || die "$(cat $drop_ins/folder.conf)"
! grep "Network" $drop_ins/folder.conf || die "check does not see the drop-in"
systemctl daemon-reload
systemctl restart slurper || die "it does not start with the drop-ins"
wait_until "the metrics by HTTP" has "slurper_logged_bytes_total{log=\"$log\"} 7"
in_file() { grep -x "slurper_logged_bytes_total{log=\"$log\"} 7" $textfile >/dev/null; }
wait_until "the metrics in the file" in_file
[ "$(stat -c %a $textfile)" = 644 ] || die "node_exporter may not read it: $(stat -c %A $textfile)"

echo "== a SIGKILL: the counter goes on, and systemd's next slurper serves it"
before=$(property MainPID)
kill -KILL "$before"
wait_until "another slurper" restarted "$before"
echo "another" >$fifo
wait_until "the counter goes on" has "slurper_logged_bytes_total{log=\"$log\"} 15"

echo "== a stop leaves no file"
systemctl stop slurper
[ ! -e $textfile ] || die "the text file is stale now"
echo "ok"
