#!/bin/sh
# Packages: nginx-core
# Event: evt.type in (sendto, writev, sendfile) and proc.name = nginx and evt.rawres > 0
# Requests over one connection, which the client closes; then one for each connection.
port=$(/usr/bin/python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir "$2/www"
seq 1 20000 >"$2/www/page"
cat >"$2/nginx.conf" <<TEXT
daemon off; master_process off; events { }
pid $2/pid; error_log $2/log;
http {
  access_log $2/access; sendfile on; root $2/www;
  client_body_temp_path $2/1; proxy_temp_path $2/2; fastcgi_temp_path $2/3; uwsgi_temp_path $2/4; scgi_temp_path $2/5;
  server { listen 127.0.0.1:$port; }
}
TEXT
"$PACKAGES/usr/sbin/nginx" -e "$2/log" -c "$2/nginx.conf" &
/usr/bin/python3 - "$port" <<'TEXT'
import http.client, socket, sys, time
port = int(sys.argv[1])
while True:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        break
    except ConnectionRefusedError:
        time.sleep(0.01)
def ask(connection):
    connection.request("GET", "/page")
    assert len(connection.getresponse().read()) == 108894
kept = http.client.HTTPConnection("127.0.0.1", port)
for _ in range(5):
    ask(kept)
kept.close()
for _ in range(3):
    one = http.client.HTTPConnection("127.0.0.1", port)
    ask(one)
    one.close()
TEXT
kill -QUIT $!
wait
