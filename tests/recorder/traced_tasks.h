// Tasks of traced_program that have files of their own.
#pragma once

namespace slurper::test {

// Ends the process with 99 if `result` is negative. Returns it.
int must(long result, const char* what);

// Opens more than 500 descriptors of every kind, says "ready", and waits for a byte. Then it asks for the
// flags of each, and waits for the end of its input.
int hold_descriptors(const char* folder);
// A child that is connected to this process over a path and over an abstract name. This process says "ready",
// and the child writes when there is a byte to read.
int converse_later(const char* folder);

// Copies the 20,000 bytes of a file without reading or writing them.
int move_bytes(const char* folder);
// Opens files by names that are no paths from the root, or that nothing has read yet, and writes to each its
// own name. Waits for the end of its input.
int open_by_names(const char* folder);
// Writes without a call: through io_uring, or through memory that is a file.
int use_io_uring(const char* folder);
int share_memory(const char* folder);
// Maps the file, says "ready", and waits for the end of its input.
int hold_memory(const char* folder);
// Opens a file whose path is longer than 4096 bytes.
int open_deep(const char* folder);
// Two writers of `count` lines of 32 bytes, which begin with their number, and two readers of the same pipe,
// who store in `folder`, in files with their numbers, what they have read. Prints the four numbers, the
// writers' first, and lets them begin when it can read a byte, or the end of its input.
int pass_lines(const char* folder, int count);
// Through a pipe whose readers get packets.
int pass_packets();
// From one pipe into another: tee(2), splice(2), vmsplice(2).
int pass_on();
// Reads, writes and fails in known numbers, in this process and in a child of it.
int work(const char* folder);

// The application, a child, closes the connection before it has read the empty FCGI_STDIN record; or reads
// it.
int refuse_end_mark();
int accept_end_mark();
// Fills a pipe of packets with one byte for each slot. Its reader, a child, does not read.
int fill_slots();
// Is refused by a full pipe, waits until there is room, and writes again. A child may have made the open file
// non-blocking.
int retry_when_full(bool by_child);
// Opens connections to a server that accepts none: over TCP, until one times out, and over a path, until the
// queue is full.
int time_out();
int fill_queue(const char* folder);
// A child sends more than a socket holds to this process, which receives it a second later; or at once. The
// kind is "stream", "tcp" or "datagrams", and may have "-at-once" behind it.
int receive_late(const char* path, const char* kind);

}  // namespace slurper::test
