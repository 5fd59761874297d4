// What the programs of trace.bpf.c share: their maps, and how a record is filled.
// Comes after kernel_types.h and libbpf's headers.
#pragma once

#include "event.h"

void* bpf_rdonly_cast(const void*, __u32) __ksym;
#define AS(type, address) ((struct type*)bpf_rdonly_cast((address), bpf_core_type_id_kernel(struct type)))

enum {
  KIND_MASK = 0170000,
  KIND_FIFO = 0010000,
  KIND_SOCKET = 0140000,
  FAMILY_UNIX = 1,
  FAMILY_IPV4 = 2,
  FAMILY_IPV6 = 10,
  STATUS_COMPAT = 2,  // TS_COMPAT
  OWN_CALL_NONE = 0xffff,
  FLAG_DEAD = 1,              // 1 << SOCK_DEAD
  TASK_OF_KERNEL = 0x200000,  // PF_KTHREAD
  STACK_SIZE = 16384,         // THREAD_SIZE
  MOST_VECTORS = 1024,        // UIO_MAXIOV: a call with more fails
};

const volatile struct TraceConfig config SEC(".rodata.config");

// The verifier must see each bound on the value that is used, so the compiler may not move it.
#define BOUND(value, mask) asm volatile("%0 &= " #mask : "+r"(value))

// How the call's arguments are read; null for one beyond the table.
static __always_inline const volatile struct CallShape* shape_of(u64 nr) {
  if (nr >= TraceMaxCalls) return 0;
  BOUND(nr, 511);
  return &config.shapes[nr];
}

static __always_inline u32 shape_flags(u64 nr) {
  const volatile struct CallShape* shape = shape_of(nr);
  return shape ? shape->flags : 0;
}

// Of each thread that is watched; when a FIFO is selected, of each one that makes calls on descriptors.
struct thread_state {
  u64 begin;
  u32 generation;
  u16 nr;
  u8 watched, entered, in_call, seen, has_object, skip, perhaps;
  u32 unread;                 // bytes in the socket that is being closed, of those that were thrown away
  struct Waker waker;         // tid 0: none
  struct TraceObject object;  // of a descriptor that the call closes
};

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 24);
} records SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, int);
  __type(value, struct thread_state);
} threads SEC(".maps");

// The processes to watch. A thread looks here only when it is new, or when `generation` has changed.
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 65536);
  __type(key, u32);
  __type(value, u32);
} processes SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, TraceMaxCpus);
  __type(key, u32);
  __type(value, struct ProcessorState);
} processors SEC(".maps");

struct scratch {
  struct TraceRecord record;
  u8 bytes[TraceMaxBytes];
};
struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, struct scratch);
} scratches SEC(".maps");

u32 generation = 1;

static __always_inline struct ProcessorState* this_processor(void) {
  u32 cpu = bpf_get_smp_processor_id();
  return bpf_map_lookup_elem(&processors, &cpu);
}

static __always_inline void count_loss(void) {
  struct ProcessorState* p = this_processor();
  if (p) p->lost++;
}

static __always_inline void call_runs_since(u64 begin) {
  struct ProcessorState* p = this_processor();
  if (p) p->call_since = begin;
}

static __always_inline struct scratch* get_scratch(void) {
  u32 zero = 0;
  return bpf_map_lookup_elem(&scratches, &zero);
}

static __always_inline struct file* file_of(struct task_struct* task, u64 fd) {
  struct fdtable* table = task->files->fdt;
  u32 n = fd;
  if (n >= table->max_fds) return 0;
  // A cell of the table, read as what it is: one pointer.
  void* file = AS(llist_node, (void*)table->fd + (u64)n * sizeof(void*))->next;
  return file ? AS(file, file) : 0;
}

// O_CLOEXEC, or 0.
static __always_inline u32 close_on_exec(struct task_struct* task, u32 fd) {
  struct fdtable* table = task->files->fdt;
  if (fd >= table->max_fds) return 0;
  u64 word = 0;
  bpf_probe_read_kernel(&word, sizeof word, (void*)table->close_on_exec + (u64)(fd / 64) * 8);
  return word >> (fd % 64) & 1 ? 02000000 : 0;
}

static __always_inline u64 ino_of(struct sock* sk) {
  struct socket* socket = sk->sk_socket;
  if (!socket) return 0;
  return AS(socket_alloc, socket)->vfs_inode.i_ino;
}

static __always_inline void describe_inet(struct sock* sk, struct TraceObject* o, u16 family) {
  o->kind = family == FAMILY_IPV4 ? ObjectIpv4 : ObjectIpv6;
  o->protocol = sk->sk_protocol;
  o->inet.local_port = sk->__sk_common.skc_num;
  o->inet.remote_port = __builtin_bswap16(sk->__sk_common.skc_dport);
  if (family == FAMILY_IPV4) {
    *(u32*)o->inet.local_ip = sk->__sk_common.skc_rcv_saddr;
    *(u32*)o->inet.remote_ip = sk->__sk_common.skc_daddr;
    return;
  }
#pragma unroll
  for (int i = 0; i < 4; i++) {
    ((u32*)o->inet.local_ip)[i] = sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[i];
    ((u32*)o->inet.remote_ip)[i] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[i];
  }
}

static __always_inline struct sock* sock_of(struct file* file) {
  void* socket = file->private_data;
  return socket ? AS(socket, socket)->sk : 0;
}

static __always_inline void describe_socket(struct file* file, struct TraceObject* o) {
  o->kind = ObjectSocket;
  struct sock* sk = sock_of(file);
  if (!sk) return;
  u16 family = sk->__sk_common.skc_family;
  if (family == FAMILY_UNIX) {
    o->kind = ObjectUnix;
    o->local.key = (u64)sk;
    struct sock* peer = AS(unix_sock, sk)->peer;
    o->local.peer_key = (u64)peer;
    o->local.peer_ino = peer ? ino_of(peer) : 0;
  } else if (family == FAMILY_IPV4 || family == FAMILY_IPV6) {
    describe_inet(sk, o, family);
  }
}

static __always_inline void describe(struct file* file, struct TraceObject* o) {
  struct inode* inode = file->f_inode;
  o->ino = inode->i_ino;
  o->mode = inode->i_mode;
  o->dev = inode->i_sb->s_dev;
  u16 kind = o->mode & KIND_MASK;
  o->kind = ObjectFile;
  if (kind == KIND_FIFO) {
    struct pipe_inode_info* pipe = inode->i_pipe;
    o->kind = ObjectPipe;
    o->pipe.slots = pipe->head - pipe->tail;
    o->pipe.slots_max = pipe->ring_size;
    o->pipe.readers = pipe->readers;
    o->pipe.writers = pipe->writers;
  } else if (kind == KIND_SOCKET) {
    describe_socket(file, o);
  }
}

static __always_inline bool is_fifo(struct file* file) {
  struct inode* inode = file->f_inode;
  return inode->i_ino == config.fifo_ino && (inode->i_mode & KIND_MASK) == KIND_FIFO &&
         inode->i_sb->s_dev == config.fifo_dev;
}

static __always_inline void clear(struct TraceObject* o) {
  __builtin_memset(o, 0, sizeof *o);
}

// Fills what does not depend on the kind of record.
static __always_inline void fill(struct TraceRecord* r, struct task_struct* task, u8 kind) {
  const struct cred* cred = task->cred;
  r->tid = task->pid;
  r->pid = task->tgid;
  r->ruid = cred->uid.val;
  r->euid = cred->euid.val;
  r->suid = cred->suid.val;
  r->fsuid = cred->fsuid.val;
  r->rgid = cred->gid.val;
  r->egid = cred->egid.val;
  r->loginuid = bpf_core_field_exists(task->loginuid) ? task->loginuid.val : -1;
  r->nr = OWN_CALL_NONE;
  r->cpu = bpf_get_smp_processor_id();
  r->kind = kind;
  r->flags = 0;
  r->path_size = r->path2_size = r->address_size = r->data_size = r->bound_size = r->waker_size = 0;
  r->result = 0;
  r->requested = 0;
  clear(&r->object);
}

static __always_inline void fill_name(struct TraceRecord* r, struct task_struct* task) {
#pragma unroll
  for (int i = 0; i < 16; i++) r->comm[i] = task->comm[i];
}

static __always_inline void fill_descriptor(struct TraceRecord* r, struct task_struct* task, u8 kind, u32 fd,
                                            struct file* file) {
  fill(r, task, kind);
  fill_name(r, task);
  r->args[0] = fd;
  r->args[1] = file->f_flags | close_on_exec(task, fd);
  r->args[2] = r->args[3] = r->args[4] = r->args[5] = 0;
  describe(file, &r->object);
}

// Appends user memory; returns how much.
static __always_inline u32 append(struct scratch* s, u64 at, u64 from, u64 size) {
  if (size > TraceMaxPiece - 1) size = TraceMaxPiece - 1;
  u64 n = size;
  BOUND(at, 16383);
  BOUND(n, 4095);
  if (n == 0 || bpf_probe_read_user(s->bytes + at, n, (void*)from)) return 0;
  return n;
}

// The following are no inline functions, and take numbers only: the verifier then looks at each of them once,
// not once for each way that leads there.
__noinline u32 append_string(u64 at, u64 from) {
  struct scratch* s = get_scratch();
  if (!s) return 0;
  BOUND(at, 16383);
  long n = bpf_probe_read_user_str(s->bytes + at, TraceMaxPiece, (void*)from);
  return n > 0 ? n : 0;
}

struct user_vector {
  u64 base, size;
};
struct user_message {
  u64 name;
  u32 name_size, pad;
  u64 vectors, vector_count;
  u64 control, control_size;
  u32 flags, pad2;
};

struct gathering {
  u64 vectors, count;
  u32 at, have, want;
};

static long append_vector(u64 i, struct gathering* g) {
  struct scratch* s = get_scratch();
  struct user_vector v;
  if (!s || i >= g->count || bpf_probe_read_user(&v, sizeof v, (void*)(g->vectors + i * sizeof v))) return 1;
  s->record.requested += v.size;
  u32 n = g->want - g->have;
  if (v.size < n) n = v.size;
  if (n > 0) g->have += append(s, g->at + g->have, v.base, n);
  return 0;
}

__noinline u32 append_vectors(u32 at, u64 vectors, u64 count, u32 want) {
  struct gathering g = {.vectors = vectors, .count = count, .at = at, .have = 0, .want = want};
  bpf_loop(MOST_VECTORS, append_vector, &g, 0);
  return g.have;
}

static __always_inline u64 arg(struct TraceRecord* r, u8 number) {
  if (number == 0 || number > 6) return 0;
  return r->args[number - 1];
}

__noinline u32 append_buffer(u32 nr, u32 at, u32 ended) {
  struct scratch* s = get_scratch();
  const volatile struct CallShape* shape = shape_of(nr);
  if (!s || !shape) return 0;
  struct TraceRecord* r = &s->record;
  u64 from = arg(r, shape->buffer);
  u8 kind = shape->buffer_kind;
  bool failed = r->result < 0;
  if ((shape->flags & ShapeFdPair) && (!ended || failed)) return 0;
  if (kind == BufferFixed) return append(s, at, from, shape->count);
  u64 count = arg(r, shape->count);
  if (kind == BufferPoll) return append(s, at, from, count > 64 ? 512 : count * 8);
  // What was refused is worth as much as what was written: the bytes tell which message it was.
  u64 most = (shape->flags & ShapeInput) && (!ended || failed) ? 0 : config.snaplen;
  if (ended && !failed && r->result < most) most = r->result;
  if (kind == BufferBytes) return append(s, at, from, (failed || !ended) && count < most ? count : most);
  if (kind == BufferIovec) return append_vectors(at, from, count, most);
  struct user_message m;
  if (bpf_probe_read_user(&m, sizeof m, (void*)from)) return 0;
  return append_vectors(at, m.vectors, m.vector_count, most);
}

__noinline u32 append_address(u32 nr, u32 at, u32 ended) {
  struct scratch* s = get_scratch();
  const volatile struct CallShape* shape = shape_of(nr);
  if (!s || !shape) return 0;
  struct TraceRecord* r = &s->record;
  u64 from = arg(r, shape->address);
  u64 size = arg(r, shape->address_len);
  if (shape->buffer_kind == BufferMsghdr) {
    struct user_message m;
    if ((shape->flags & ShapeInput) && !ended) return 0;
    if (bpf_probe_read_user(&m, sizeof m, (void*)arg(r, shape->buffer))) return 0;
    from = m.name;
    size = m.name_size;
  } else if (shape->flags & ShapeAddressOut) {
    u32 given = 0;
    if (!ended || bpf_probe_read_user(&given, sizeof given, (void*)size)) return 0;
    size = given;
  }
  if (!from || size == 0) return 0;
  return append(s, at, from, size > 128 ? 128 : size);
}

static __always_inline u32 append_bound_of(struct scratch* s, u64 at, struct sock* sk) {
  struct unix_address* address = AS(unix_sock, sk)->addr;
  if (!address) return 0;
  u64 size = address->len;
  if (size <= 2 || size > 110) return 0;
  size -= 2;
  BOUND(at, 16383);
  BOUND(size, 127);
  void* name = (void*)address + bpf_core_field_offset(struct unix_address, name) + 2;
  if (size == 0 || bpf_probe_read_kernel(s->bytes + at, size, name)) return 0;
  return size;
}

// The path to which this end is bound, else the other end's: it names the connection.
static __always_inline u32 append_bound(struct scratch* s, u32 at, struct file* file) {
  struct sock* sk = sock_of(file);
  if (!sk) return 0;
  u32 n = append_bound_of(s, at, sk);
  struct sock* peer = AS(unix_sock, sk)->peer;
  return n || !peer ? n : append_bound_of(s, at, peer);
}

#include "path.bpf.h"

static __always_inline u32 append_all(struct scratch* s, u32 nr, bool ended, struct file* file) {
  const volatile struct CallShape* shape = shape_of(nr);
  if (!shape) return 0;
  struct TraceRecord* r = &s->record;
  u32 at = 0;
  if (shape->path) at += r->path_size = append_string(at, arg(r, shape->path));
  if (shape->path2) at += r->path2_size = append_string(at, arg(r, shape->path2));
  if (file && ended && shape->flags & ShapeNamed) at += r->path2_size = append_file_name(at, file);
  if (shape->address || shape->buffer_kind == BufferMsghdr)
    at += r->address_size = append_address(nr, at, ended);
  if (shape->buffer) at += r->data_size = append_buffer(nr, at, ended);
  if (file && (shape->flags & ShapeBound) && r->object.kind == ObjectUnix)
    at += r->bound_size = append_bound(s, at, file);
  return at;
}

static __always_inline u32 append_open(struct scratch* s, u64 at, struct task_struct* task) {
  struct files_struct* files = task->files;
  if (!files) return 0;
  struct fdtable* table = files->fdt;
  u64 size = table->max_fds / 8;
  if (size > TraceMostOpen / 8) size = TraceMostOpen / 8;
  BOUND(at, 16383);
  BOUND(size, 255);
  if (size == 0 || bpf_probe_read_kernel(s->bytes + at, size, table->open_fds)) return 0;
  return size;
}

static __always_inline u32 append_waker(struct scratch* s, u64 at, struct Waker* waker) {
  if (waker->tid == 0) return 0;
  BOUND(at, 16383);
  __builtin_memcpy(s->bytes + at, waker, sizeof *waker);
  waker->tid = 0;
  return sizeof *waker;
}

// The recorder looks at the ring often enough by itself. It is woken where it wants to read in /proc what may
// soon be gone.
static __always_inline void send(struct scratch* s, u32 size, u64 wakeup) {
  u64 bytes = size;
  if (bytes > 16383) bytes = 16383;
  BOUND(bytes, 16383);
  u64 total = sizeof s->record + bytes;
  if (bpf_ringbuf_output(&records, s, total, wakeup)) count_loss();
}

static __always_inline void copy_args(struct TraceRecord* r, struct pt_regs* regs) {
  r->args[0] = regs->di;
  r->args[1] = regs->si;
  r->args[2] = regs->dx;
  r->args[3] = regs->r10;
  r->args[4] = regs->r8;
  r->args[5] = regs->r9;
}
