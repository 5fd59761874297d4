#!/usr/bin/python3
# Event: evt.type = read and fd.type = pipe and evt.res = EAGAIN
# An event loop reads until nothing is left, and writes what fits.
import os
import selectors

read_end, write_end = os.pipe()
os.set_blocking(read_end, False)
os.set_blocking(write_end, False)
selector = selectors.DefaultSelector()
selector.register(read_end, selectors.EVENT_READ)
selector.register(write_end, selectors.EVENT_WRITE)
rest, received = b"x" * 500000, 0
while received < 500000:
    for key, events in selector.select():
        try:
            while events & selectors.EVENT_READ:
                received += len(os.read(read_end, 10000))
            while rest and events & selectors.EVENT_WRITE:
                rest = rest[os.write(write_end, rest[:10000]):]
        except BlockingIOError:
            pass
    if not rest and write_end in {key.fd for key in selector.get_map().values()}:
        selector.unregister(write_end)
