#!/usr/bin/python3
# Event: evt.type = write and proc.name contains python and fd.type = pipe and evt.rawres > 0
# Children with pipes for all three streams, one that ends early, and one that is killed.
import subprocess

text = "".join(f"line {number}\n" for number in range(20000))
assert subprocess.run(["cat"], input=text, capture_output=True, text=True).stdout == text
assert subprocess.run(["head", "-n", "1"], input=text, capture_output=True, text=True).stdout == "line 0\n"
children = [subprocess.Popen(["sort"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(3)]
for child in children:
    child.communicate(b"b\na\n")
with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
    child.terminate()
