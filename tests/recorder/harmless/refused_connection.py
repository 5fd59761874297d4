#!/usr/bin/python3
# Event: evt.type = connect and evt.res = ECONNREFUSED
# A client that is there before its server, and tries again.
import os
import socket

held = socket.socket()
held.bind(("127.0.0.1", 0))
address = held.getsockname()
client = socket.socket()
try:
    client.connect(address)
except ConnectionRefusedError:
    client.close()
held.listen()
if os.fork() == 0:
    with held.accept()[0] as server:
        server.sendall(server.recv(100).upper())
    os._exit(0)
with socket.create_connection(address) as client:
    client.sendall(b"question")
    assert client.recv(100) == b"QUESTION"
os.wait()
