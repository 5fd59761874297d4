#!/bin/bash
# Packages: postgresql-15 postgresql-client-15
# Event: evt.type in (sendto, recvfrom) and proc.name startswith postgres and evt.rawres > 0
# A server with its helper processes and its collector of logs, and clients, one of which is not read to its end.
programs=$(echo "$PACKAGES"/usr/lib/postgresql/*/bin)
socket=$2/socket
as=()
owner=()
# A server refuses to run as root. The capability is for a build in a folder that only root may enter.
if [ "$(id -u)" -eq 0 ]; then
  as=(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+dac_read_search
    --ambient-caps=+dac_read_search)
  owner=(-o 65534)
fi
ask() { "${as[@]}" "$programs/psql" -h "$socket" -U me -d postgres -qAt "$@"; }

install -d -m 0700 "${owner[@]}" "$2/data" "$socket"
"${as[@]}" "$programs/initdb" --no-sync --auth=trust --username=me -D "$2/data" >"$2/out" || exit
"${as[@]}" "$programs/postgres" -D "$2/data" -k "$socket" -c listen_addresses= -c fsync=off -c jit=off \
  -c logging_collector=on -c log_statement=all &
until ask -c 'select 1' >>"$2/out" 2>&1; do sleep 0.05; done
ask -c 'create table t as select n, md5(n::text) from generate_series(1, 5000) n' -c 'create index on t (n)'
ask -c 'select * from t' | sort | tail -n 1 >>"$2/out"
ask -c 'select * from t' | head -n 1 >>"$2/out"
ask -c 'copy t to stdout' | ask -c 'copy t from stdin'
kill -INT $!
wait
