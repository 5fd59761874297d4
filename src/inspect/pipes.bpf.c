// Who has which pipe open, and what the pipes hold: the iterators alone, for they have to load fast. So they read
// by helper instead of following pointers: for each pointer that is followed, the verifier searches all type names
// of the kernel several times.
#include "trace/engine/kernel_types.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "inspect/pipe_record.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

enum {
  KIND_MASK = 0170000,
  KIND_FIFO = 0010000,
  PIPE_FILE_SYSTEM = 0x50495045,  // PIPEFS_MAGIC: pipes without a name
  CLOSE_ON_EXEC = 02000000,
  TASK_SLEEPS = 3,  // TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE
  CALL_OPEN = 2,
  CALL_CREAT = 85,
  CALL_OPENAT = 257,
  CALL_OPENAT2 = 437,
  BITS = 64,
  CALL_REGISTER = 120,  // of orig_ax in struct pt_regs, whose layout ptrace(2) shows
  UPID_SIZE = 16,       // struct upid: the number, and a pointer
};

// What the kernel hands to an iterator. Its layout is an interface, so CO-RE need not search the kernel's types for
// it: each search takes half a millisecond.
struct visit_meta {
  struct seq_file *seq;
};
struct visited_file {
  struct visit_meta *meta;
  struct task_struct *task;
  u32 fd;
  struct file *file;
};
struct visited_task {
  struct visit_meta *meta;
  struct task_struct *task;
};

const volatile struct PipeConfig config SEC(".rodata.config");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, char[PipeMaxPath]);
} paths SEC(".maps");

// What the reader of the iterator has open as config.target_fd. Its address names the pipe on every file system: the
// device and the inode that stat(2) shows are made up by some.
static __always_inline u64 target(void) {
  struct task_struct *self = (struct task_struct *)bpf_get_current_task();
  u64 file = 0;
  if (config.target_fd < 0) return 0;
  struct fdtable *table = BPF_CORE_READ(self, files, fdt);
  if ((u32)config.target_fd >= BPF_CORE_READ(table, max_fds)) return 0;
  u64 at = (u64)BPF_CORE_READ(table, fd) + (u64)config.target_fd * sizeof file;
  if (bpf_probe_read_kernel(&file, sizeof file, (void *)at) || !file) return 0;
  return (u64)BPF_CORE_READ((struct file *)file, f_inode);
}

// The id that the PID namespace of the reader has for a process.
static __always_inline u32 id_of(struct task_struct *task) {
  struct task_struct *self = (struct task_struct *)bpf_get_current_task();
  u32 level = BPF_CORE_READ(self, thread_pid, level);
  struct pid *pid = BPF_CORE_READ(task, thread_pid);
  int id = 0;
  bpf_probe_read_kernel(&id, sizeof id, (void *)&pid->numbers[0] + (u64)level * UPID_SIZE);
  return id;
}

struct counting {
  struct pipe_buffer *buffers;
  u32 tail, head, mask;
  u64 bytes;
};

static long count_slot(u64 i, struct counting *c) {
  u32 at = c->tail + (u32)i, size = 0;
  if (at == c->head) return 1;
  u64 buffer = (u64)c->buffers + (u64)(at & c->mask) * bpf_core_type_size(struct pipe_buffer);
  bpf_probe_read_kernel(&size, sizeof size, (void *)(buffer + bpf_core_field_offset(struct pipe_buffer, len)));
  c->bytes += size;
  return 0;
}

static __always_inline void look_into(struct PipeRecord *record, struct pipe_inode_info *pipe) {
  if (!pipe) return;
  struct counting c = {};
  c.tail = record->tail = BPF_CORE_READ(pipe, tail);
  c.head = record->head = BPF_CORE_READ(pipe, head);
  record->slots = BPF_CORE_READ(pipe, max_usage);
  record->readers = BPF_CORE_READ(pipe, readers);
  record->writers = BPF_CORE_READ(pipe, writers);
  c.mask = BPF_CORE_READ(pipe, ring_size) - 1;
  c.buffers = BPF_CORE_READ(pipe, bufs);
  record->bytes = ~0ULL;
  if (c.head - c.tail > PipeMaxSlots) return;
  bpf_loop(PipeMaxSlots, count_slot, &c, 0);
  record->bytes = c.bytes;
}

static __always_inline u32 close_on_exec(struct task_struct *task, u32 fd) {
  unsigned long word = 0;
  u64 at = (u64)BPF_CORE_READ(task, files, fdt, close_on_exec) + fd / BITS * sizeof word;
  bpf_probe_read_kernel(&word, sizeof word, (void *)at);
  return word >> (fd % BITS) & 1 ? CLOSE_ON_EXEC : 0;
}

// The kernel leaves out threads that share the descriptors of their process.
SEC("iter/task_file")
int visit_pipes(struct visited_file *visit) {
  struct task_struct *task = visit->task;
  struct file *file = visit->file;
  if (!task || !file) return 0;
  struct inode *inode = BPF_CORE_READ(file, f_inode);
  if ((BPF_CORE_READ(inode, i_mode) & KIND_MASK) != KIND_FIFO) return 0;
  struct super_block *file_system = BPF_CORE_READ(inode, i_sb);
  bool is_named = BPF_CORE_READ(file_system, s_magic) != PIPE_FILE_SYSTEM;
  bool is_wanted = config.target_fd >= 0 && (u64)inode == target();
  if (!is_named && !is_wanted) return 0;
  u32 zero = 0;
  char *path = bpf_map_lookup_elem(&paths, &zero);
  if (!path) return 0;
  struct PipeRecord record = {};
  record.kind = PipeRecordDescriptor;
  record.file = (u64)file;
  record.object = (u64)inode;
  record.inode = BPF_CORE_READ(inode, i_ino);
  record.device = BPF_CORE_READ(file_system, s_dev);
  record.pid = id_of(BPF_CORE_READ(task, group_leader));
  record.tid = id_of(task);
  record.fd = visit->fd;
  record.flags = BPF_CORE_READ(file, f_flags) | close_on_exec(task, visit->fd);
  record.is_wanted = is_wanted;
  record.is_named = is_named;
  look_into(&record, BPF_CORE_READ(inode, i_pipe));
  long size = bpf_d_path(&file->f_path, path, PipeMaxPath);
  if (size < 0 || size > PipeMaxPath) size = 0;
  record.path_size = size > 0 ? size - 1 : 0;  // without its NUL
  if (bpf_seq_write(visit->meta->seq, &record, sizeof record)) return 0;
  if (size > 1) bpf_seq_write(visit->meta->seq, path, size - 1);
  return 0;
}

// Their registers are those of the call in which they sleep.
SEC("iter/task")
int visit_threads(struct visited_task *visit) {
  struct task_struct *task = visit->task;
  if (!task || !(BPF_CORE_READ(task, __state) & TASK_SLEEPS)) return 0;
  u64 call = 0;
  bpf_probe_read_kernel(&call, sizeof call, (void *)bpf_task_pt_regs(task) + CALL_REGISTER);
  if (call != CALL_OPEN && call != CALL_CREAT && call != CALL_OPENAT && call != CALL_OPENAT2) return 0;
  struct PipeRecord record = {};
  record.kind = PipeRecordOpening;
  record.pid = id_of(BPF_CORE_READ(task, group_leader));
  record.tid = id_of(task);
  bpf_seq_write(visit->meta->seq, &record, sizeof record);
  return 0;
}
