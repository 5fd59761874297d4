// What the kernel says of the watched threads: one record for each finished call, and for what else happens to them.
#include "kernel_types.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "event.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

void *bpf_rdonly_cast(const void *, __u32) __ksym;
#define AS(type, address) ((struct type *)bpf_rdonly_cast((address), bpf_core_type_id_kernel(struct type)))

enum {
  KIND_MASK = 0170000,
  KIND_FIFO = 0010000,
  KIND_SOCKET = 0140000,
  FAMILY_UNIX = 1,
  FAMILY_IPV4 = 2,
  FAMILY_IPV6 = 10,
  STATUS_COMPAT = 2,  // TS_COMPAT
  OWN_CALL_NONE = 0xffff,
};

const volatile struct TraceConfig config SEC(".rodata.config");

// The verifier must see each bound on the value that is used, so the compiler may not move it.
#define BOUND(value, mask) asm volatile("%0 &= " #mask : "+r"(value))

// How the call's arguments are read; null for one beyond the table.
static __always_inline const volatile struct CallShape *shape_of(u64 nr) {
  if (nr >= TraceMaxCalls) return 0;
  BOUND(nr, 511);
  return &config.shapes[nr];
}

static __always_inline u32 shape_flags(u64 nr) {
  const volatile struct CallShape *shape = shape_of(nr);
  return shape ? shape->flags : 0;
}

// Of each thread that is watched; when a FIFO is selected, of each one that makes calls on descriptors.
struct thread_state {
  u64 begin;
  u32 generation;
  u16 nr;
  u8 watched, entered, in_call, seen, has_object, skip, perhaps;
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

static __always_inline struct ProcessorState *this_processor(void) {
  u32 cpu = bpf_get_smp_processor_id();
  return bpf_map_lookup_elem(&processors, &cpu);
}

static __always_inline void count_loss(void) {
  struct ProcessorState *p = this_processor();
  if (p) p->lost++;
}

static __always_inline void call_runs_since(u64 begin) {
  struct ProcessorState *p = this_processor();
  if (p) p->call_since = begin;
}

static __always_inline struct scratch *get_scratch(void) {
  u32 zero = 0;
  return bpf_map_lookup_elem(&scratches, &zero);
}

static __always_inline struct file *file_of(struct task_struct *task, u64 fd) {
  struct fdtable *table = task->files->fdt;
  u32 n = fd;
  if (n >= table->max_fds) return 0;
  // A cell of the table, read as what it is: one pointer.
  void *file = AS(llist_node, (void *)table->fd + (u64)n * sizeof(void *))->next;
  return file ? AS(file, file) : 0;
}

// O_CLOEXEC, or 0.
static __always_inline u32 close_on_exec(struct task_struct *task, u32 fd) {
  struct fdtable *table = task->files->fdt;
  if (fd >= table->max_fds) return 0;
  u64 word = 0;
  bpf_probe_read_kernel(&word, sizeof word, (void *)table->close_on_exec + (u64)(fd / 64) * 8);
  return word >> (fd % 64) & 1 ? 02000000 : 0;
}

static __always_inline u64 ino_of(struct sock *sk) {
  struct socket *socket = sk->sk_socket;
  if (!socket) return 0;
  return AS(socket_alloc, socket)->vfs_inode.i_ino;
}

static __always_inline void describe_inet(struct sock *sk, struct TraceObject *o, u16 family) {
  o->kind = family == FAMILY_IPV4 ? ObjectIpv4 : ObjectIpv6;
  o->protocol = sk->sk_protocol;
  o->inet.local_port = sk->__sk_common.skc_num;
  o->inet.remote_port = __builtin_bswap16(sk->__sk_common.skc_dport);
  if (family == FAMILY_IPV4) {
    *(u32 *)o->inet.local_ip = sk->__sk_common.skc_rcv_saddr;
    *(u32 *)o->inet.remote_ip = sk->__sk_common.skc_daddr;
    return;
  }
#pragma unroll
  for (int i = 0; i < 4; i++) {
    ((u32 *)o->inet.local_ip)[i] = sk->__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[i];
    ((u32 *)o->inet.remote_ip)[i] = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32[i];
  }
}

static __always_inline struct sock *sock_of(struct file *file) {
  void *socket = file->private_data;
  return socket ? AS(socket, socket)->sk : 0;
}

static __always_inline void describe_socket(struct file *file, struct TraceObject *o) {
  o->kind = ObjectSocket;
  struct sock *sk = sock_of(file);
  if (!sk) return;
  u16 family = sk->__sk_common.skc_family;
  if (family == FAMILY_UNIX) {
    o->kind = ObjectUnix;
    o->local.key = (u64)sk;
    struct sock *peer = AS(unix_sock, sk)->peer;
    o->local.peer_key = (u64)peer;
    o->local.peer_ino = peer ? ino_of(peer) : 0;
  } else if (family == FAMILY_IPV4 || family == FAMILY_IPV6) {
    describe_inet(sk, o, family);
  }
}

static __always_inline void describe(struct file *file, struct TraceObject *o) {
  struct inode *inode = file->f_inode;
  o->ino = inode->i_ino;
  o->mode = inode->i_mode;
  o->dev = inode->i_sb->s_dev;
  u16 kind = o->mode & KIND_MASK;
  o->kind = ObjectFile;
  if (kind == KIND_FIFO) {
    struct pipe_inode_info *pipe = inode->i_pipe;
    o->kind = ObjectPipe;
    o->pipe.slots = pipe->head - pipe->tail;
    o->pipe.slots_max = pipe->ring_size;
    o->pipe.readers = pipe->readers;
    o->pipe.writers = pipe->writers;
  } else if (kind == KIND_SOCKET) {
    describe_socket(file, o);
  }
}

static __always_inline bool is_fifo(struct file *file) {
  struct inode *inode = file->f_inode;
  return inode->i_ino == config.fifo_ino && (inode->i_mode & KIND_MASK) == KIND_FIFO && inode->i_sb->s_dev == config.fifo_dev;
}

static __always_inline void clear(struct TraceObject *o) {
  __builtin_memset(o, 0, sizeof *o);
}

// Fills what does not depend on the kind of record.
static __always_inline void fill(struct TraceRecord *r, struct task_struct *task, u8 kind) {
  const struct cred *cred = task->cred;
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
  r->path_size = r->path2_size = r->address_size = r->data_size = r->bound_size = 0;
  r->result = 0;
  r->requested = 0;
  clear(&r->object);
}

static __always_inline void fill_name(struct TraceRecord *r, struct task_struct *task) {
#pragma unroll
  for (int i = 0; i < 16; i++) r->comm[i] = task->comm[i];
}

// Appends user memory; returns how much.
static __always_inline u32 append(struct scratch *s, u64 at, u64 from, u64 size) {
  if (size > TraceMaxPiece - 1) size = TraceMaxPiece - 1;
  u64 n = size;
  BOUND(at, 16383);
  BOUND(n, 4095);
  if (n == 0 || bpf_probe_read_user(s->bytes + at, n, (void *)from)) return 0;
  return n;
}

// The following are no inline functions, and take numbers only: the verifier then looks at each of them once, not
// once for each way that leads there.
__noinline u32 append_string(u64 at, u64 from) {
  struct scratch *s = get_scratch();
  if (!s) return 0;
  BOUND(at, 16383);
  long n = bpf_probe_read_user_str(s->bytes + at, TraceMaxPiece, (void *)from);
  return n > 0 ? n : 0;
}

struct user_vector {
  u64 base, size;
};
struct user_message {
  u64 name;
  u32 name_size, pad;
  u64 vectors, vector_count;
};

struct gathering {
  u64 vectors, count;
  u32 at, have, want;
};

static long append_vector(u64 i, struct gathering *g) {
  struct scratch *s = get_scratch();
  struct user_vector v;
  if (!s || i >= g->count || bpf_probe_read_user(&v, sizeof v, (void *)(g->vectors + i * sizeof v))) return 1;
  s->record.requested += v.size;
  u32 n = g->want - g->have;
  if (v.size < n) n = v.size;
  if (n > 0) g->have += append(s, g->at + g->have, v.base, n);
  return 0;
}

__noinline u32 append_vectors(u32 at, u64 vectors, u64 count, u32 want) {
  struct gathering g = {.vectors = vectors, .count = count, .at = at, .have = 0, .want = want};
  bpf_loop(64, append_vector, &g, 0);
  return g.have;
}

static __always_inline u64 arg(struct TraceRecord *r, u8 number) {
  if (number == 0 || number > 6) return 0;
  return r->args[number - 1];
}

__noinline u32 append_buffer(u32 nr, u32 at, u32 ended) {
  struct scratch *s = get_scratch();
  const volatile struct CallShape *shape = shape_of(nr);
  if (!s || !shape) return 0;
  struct TraceRecord *r = &s->record;
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
  if (bpf_probe_read_user(&m, sizeof m, (void *)from)) return 0;
  return append_vectors(at, m.vectors, m.vector_count, most);
}

__noinline u32 append_address(u32 nr, u32 at, u32 ended) {
  struct scratch *s = get_scratch();
  const volatile struct CallShape *shape = shape_of(nr);
  if (!s || !shape) return 0;
  struct TraceRecord *r = &s->record;
  u64 from = arg(r, shape->address);
  u64 size = arg(r, shape->address_len);
  if (shape->buffer_kind == BufferMsghdr) {
    struct user_message m;
    if ((shape->flags & ShapeInput) && !ended) return 0;
    if (bpf_probe_read_user(&m, sizeof m, (void *)arg(r, shape->buffer))) return 0;
    from = m.name;
    size = m.name_size;
  } else if (shape->flags & ShapeAddressOut) {
    u32 given = 0;
    if (!ended || bpf_probe_read_user(&given, sizeof given, (void *)size)) return 0;
    size = given;
  }
  if (!from || size == 0) return 0;
  return append(s, at, from, size > 128 ? 128 : size);
}

static __always_inline u32 append_bound_of(struct scratch *s, u64 at, struct sock *sk) {
  struct unix_address *address = AS(unix_sock, sk)->addr;
  if (!address) return 0;
  u64 size = address->len;
  if (size <= 2 || size > 110) return 0;
  size -= 2;
  BOUND(at, 16383);
  BOUND(size, 127);
  void *name = (void *)address + bpf_core_field_offset(struct unix_address, name) + 2;
  if (size == 0 || bpf_probe_read_kernel(s->bytes + at, size, name)) return 0;
  return size;
}

// The path to which this end is bound, else the other end's: it names the connection.
static __always_inline u32 append_bound(struct scratch *s, u32 at, struct file *file) {
  struct sock *sk = sock_of(file);
  if (!sk) return 0;
  u32 n = append_bound_of(s, at, sk);
  struct sock *peer = AS(unix_sock, sk)->peer;
  return n || !peer ? n : append_bound_of(s, at, peer);
}

static __always_inline u32 append_all(struct scratch *s, u32 nr, bool ended, struct file *file) {
  const volatile struct CallShape *shape = shape_of(nr);
  if (!shape) return 0;
  struct TraceRecord *r = &s->record;
  u32 at = 0;
  if (shape->path) at += r->path_size = append_string(at, arg(r, shape->path));
  if (shape->path2) at += r->path2_size = append_string(at, arg(r, shape->path2));
  if (shape->address || shape->buffer_kind == BufferMsghdr) at += r->address_size = append_address(nr, at, ended);
  if (shape->buffer) at += r->data_size = append_buffer(nr, at, ended);
  if (file && (shape->flags & ShapeBound) && r->object.kind == ObjectUnix) at += r->bound_size = append_bound(s, at, file);
  return at;
}

// The recorder looks at the ring often enough by itself. It is woken where it wants to read in /proc what may
// soon be gone.
static __always_inline void send(struct scratch *s, u32 size, u64 wakeup) {
  u64 bytes = size;
  if (bytes > 16383) bytes = 16383;
  BOUND(bytes, 16383);
  u64 total = sizeof s->record + bytes;
  if (bpf_ringbuf_output(&records, s, total, wakeup)) count_loss();
}

static __always_inline void copy_args(struct TraceRecord *r, struct pt_regs *regs) {
  r->args[0] = regs->di;
  r->args[1] = regs->si;
  r->args[2] = regs->dx;
  r->args[3] = regs->r10;
  r->args[4] = regs->r8;
  r->args[5] = regs->r9;
}

// Of a process that was chosen after its threads had begun to be known.
static __always_inline void look_again(struct thread_state *t, struct task_struct *task) {
  u32 pid = task->tgid;
  t->generation = generation;
  if (bpf_map_lookup_elem(&processes, &pid)) t->watched = 1;
}

static __always_inline void watch_process(struct thread_state *t, struct task_struct *task) {
  u32 pid = task->tgid, one = 1;
  t->watched = 1;
  if (bpf_map_lookup_elem(&processes, &pid)) return;
  bpf_map_update_elem(&processes, &pid, &one, BPF_ANY);
  __sync_fetch_and_add(&generation, 1);
}

static __always_inline bool is_own(struct task_struct *task) {
  return task->tgid == config.own_pid || task->tgid == config.own_parent_pid;
}

static __always_inline struct thread_state *state_of(struct task_struct *task, u32 nr) {
  struct thread_state *t = bpf_task_storage_get(&threads, task, 0, 0);
  if (!config.by_fifo) return t;
  if (!t) {
    // Anyone may come to hold the FIFO, and the call with which that shows began before.
    const volatile struct CallShape *shape = shape_of(nr);
    if (!shape || !(shape->fd || shape->flags & ShapeFdResult) || is_own(task)) return 0;
    t = bpf_task_storage_get(&threads, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
  }
  if (t && t->generation != generation) look_again(t, task);
  return t;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_enter, struct pt_regs *regs, long nr) {
  struct task_struct *task = bpf_get_current_task_btf();
  struct thread_state *t = state_of(task, nr);
  if (!t) return 0;
  t->begin = bpf_ktime_get_ns();
  t->nr = nr;
  t->entered = 0;
  t->has_object = 0;
  t->in_call = 1;
  t->seen = 1;
  t->skip = 0;
  t->perhaps = 0;
  if (shape_flags(nr) & ShapeCloses) {
    struct file *file = file_of(task, regs->di);
    if (file) {
      clear(&t->object);
      describe(file, &t->object);
      t->has_object = 1;
    }
  }
  if (t->watched) call_runs_since(t->begin);
  return 0;
}

// Whether the call concerns the FIFO, of which `file` is perhaps a descriptor.
static __always_inline bool on_fifo(struct thread_state *t, struct file *file) {
  if (t->has_object) return t->object.ino == config.fifo_ino && t->object.dev == config.fifo_dev && t->object.kind == ObjectPipe;
  return file && is_fifo(file);
}

static __always_inline void emit_call(struct task_struct *task, struct pt_regs *regs, struct thread_state *t,
                                      u32 nr, s64 result, u8 kind, u8 flags, u64 wakeup) {
  struct scratch *s = get_scratch();
  if (!s) return;
  struct TraceRecord *r = &s->record;
  bool ended = kind == RecordCall;
  fill(r, task, kind);
  fill_name(r, task);
  r->begin = t->in_call ? t->begin : 0;
  r->end = bpf_ktime_get_ns();
  r->nr = nr;
  r->result = result;
  r->flags = flags | (t->in_call ? 0 : RecordNoBegin) | (t->entered ? RecordEntered : 0);
  copy_args(r, regs);
  if (task->thread_info.status & STATUS_COMPAT) {
    r->flags |= RecordCompat;
    send(s, 0, wakeup);
    return;
  }
  const volatile struct CallShape *shape = shape_of(nr);
  if (!shape) {
    send(s, 0, wakeup);
    return;
  }
  struct file *file = 0;
  if (t->has_object) {
    r->object = t->object;
  } else if (shape->flags & ShapeFdPair) {
    u32 pair = 0;
    if (ended && result == 0 && !bpf_probe_read_user(&pair, sizeof pair, (void *)arg(r, shape->buffer)))
      file = file_of(task, pair);
  } else if (shape->flags & ShapeFdResult) {
    if (ended && result >= 0) file = file_of(task, result);
  } else if (shape->fd) {
    file = file_of(task, arg(r, shape->fd));
  }
  if (file) describe(file, &r->object);
  send(s, append_all(s, nr, ended, file), wakeup);
}

static __always_inline struct file *file_of_call(struct task_struct *task, struct pt_regs *regs, u32 nr, s64 result,
                                                 bool ended) {
  const volatile struct CallShape *shape = shape_of(nr);
  if (!shape) return 0;
  if (shape->flags & ShapeFdResult) return ended && result >= 0 ? file_of(task, result) : 0;
  switch (shape->fd) {
    case 1:
      return file_of(task, regs->di);
    case 3:
      return file_of(task, regs->dx);
  }
  return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_exit, struct pt_regs *regs, long result) {
  struct task_struct *task = bpf_get_current_task_btf();
  u32 nr = regs->orig_ax;
  struct thread_state *t = state_of(task, nr);
  if (!t) return 0;
  u8 flags = 0;
  bool wanted = t->watched;
  u64 wakeup = BPF_RB_NO_WAKEUP;
  if (config.by_fifo) {
    if (on_fifo(t, file_of_call(task, regs, nr, result, 1))) {
      if (!t->watched) {
        watch_process(t, task);
        wakeup = BPF_RB_FORCE_WAKEUP;
      }
      flags = RecordOnFifo;
    }
    if (t->perhaps) flags |= RecordPerhaps;
    bool life = shape_flags(nr) & ShapeLife;
    wanted = flags || t->entered || (t->watched && (config.all_calls || life || !t->in_call));
  }
  // The first thing that a new thread does is to return from its parent's clone(2), of which RecordFork tells.
  if (wanted && !t->skip) emit_call(task, regs, t, nr, result, RecordCall, flags, wakeup);
  t->skip = 0;
  if (t->watched) call_runs_since(0);
  t->in_call = 0;
  t->entered = 0;
  t->seen = 1;
  return 0;
}

// A call that leaves its processor is reported at once: a reader of the stream then knows all calls that began
// before the oldest one that still runs.
SEC("tp_btf/sched_switch")
int BPF_PROG(on_switch, bool preempt, struct task_struct *previous, struct task_struct *next) {
  struct thread_state *t = bpf_task_storage_get(&threads, previous, 0, 0);
  if (!t || !t->in_call || t->entered) return 0;
  struct task_struct *task = bpf_get_current_task_btf();
  struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
  u8 flags = 0;
  if (config.by_fifo) {
    if (on_fifo(t, file_of_call(task, regs, t->nr, 0, 0))) flags = RecordOnFifo;
    // Who sleeps in an open may be waiting for the FIFO's other end. The recorder knows the path.
    bool opens = shape_flags(t->nr) & ShapeOpens && !preempt;
    if (!flags && !t->watched && !opens) return 0;
    if (!flags && !t->watched) flags = RecordPerhaps;
  } else if (!t->watched) {
    return 0;
  }
  emit_call(task, regs, t, t->nr, 0, RecordEnter, flags, t->watched ? BPF_RB_NO_WAKEUP : BPF_RB_FORCE_WAKEUP);
  t->entered = 1;
  t->perhaps = (flags & RecordPerhaps) != 0;
  call_runs_since(0);
  return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child) {
  struct thread_state *p = bpf_task_storage_get(&threads, parent, 0, 0);
  if (!p || !p->watched) return 0;
  struct thread_state *c = bpf_task_storage_get(&threads, child, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!c) {
    count_loss();
    return 0;
  }
  c->watched = c->seen = c->skip = 1;
  c->generation = generation;
  if (config.by_fifo) {
    u32 pid = child->tgid, one = 1;
    bpf_map_update_elem(&processes, &pid, &one, BPF_ANY);
  }
  struct scratch *s = get_scratch();
  if (!s) return 0;
  struct TraceRecord *r = &s->record;
  fill(r, parent, RecordFork);
  fill_name(r, child);
  r->begin = r->end = bpf_ktime_get_ns();
  r->nr = p->nr;
  r->result = child->pid;
  r->args[0] = child->tgid;
  struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
  r->args[1] = p->nr == 56 ? regs->di : 0;
  if (p->nr == 435) bpf_probe_read_user(&r->args[1], 8, (void *)regs->di);
  send(s, 0, BPF_RB_NO_WAKEUP);
  return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *program) {
  struct thread_state *t = bpf_task_storage_get(&threads, task, 0, 0);
  if (!t || !t->watched) return 0;
  struct scratch *s = get_scratch();
  if (!s) return 0;
  struct TraceRecord *r = &s->record;
  fill(r, task, RecordExec);
  fill_name(r, task);
  r->begin = r->end = bpf_ktime_get_ns();
  r->args[0] = old_pid;
  u32 at = 0;
  long n = bpf_probe_read_kernel_str(s->bytes, TraceMaxPiece, program->filename);
  if (n > 0) at = r->path_size = n & (2 * TraceMaxPiece - 1);
  struct mm_struct *mm = task->mm;
  if (config.with_environment) at += r->path2_size = append(s, at, mm->env_start, mm->env_end - mm->env_start);
  at += r->data_size = append(s, at, mm->arg_start, mm->arg_end - mm->arg_start);
  send(s, at, BPF_RB_FORCE_WAKEUP);
  return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_process_exit, struct task_struct *task) {
  struct thread_state *t = bpf_task_storage_get(&threads, task, 0, 0);
  if (!t || !t->watched) return 0;
  struct scratch *s = get_scratch();
  if (!s) return 0;
  struct TraceRecord *r = &s->record;
  fill(r, task, RecordExit);
  fill_name(r, task);
  r->begin = t->in_call ? t->begin : 0;
  r->end = bpf_ktime_get_ns();
  r->nr = t->in_call ? t->nr : OWN_CALL_NONE;
  r->flags = t->entered ? RecordEntered : 0;
  r->result = task->exit_code;
  r->args[0] = task->signal->live.counter == 0;
  r->args[1] = r->args[2] = r->args[3] = r->args[4] = r->args[5] = 0;
  u32 pid = task->tgid;
  if (r->args[0]) bpf_map_delete_elem(&processes, &pid);
  t->in_call = 0;
  call_runs_since(0);
  send(s, 0, BPF_RB_NO_WAKEUP);
  return 0;
}

SEC("tp_btf/signal_generate")
int BPF_PROG(on_signal, int number, void *info, struct task_struct *task, int group, int result) {
  if (result) return 0;  // ignored, or already pending
  struct thread_state *t = bpf_task_storage_get(&threads, task, 0, 0);
  if (!t || !t->watched) return 0;
  // Comes from interrupts, too: the scratch may be in use.
  struct TraceRecord *r = bpf_ringbuf_reserve(&records, sizeof *r, 0);
  if (!r) {
    count_loss();
    return 0;
  }
  fill(r, bpf_get_current_task_btf(), RecordSignal);
  fill_name(r, bpf_get_current_task_btf());
  r->begin = r->end = bpf_ktime_get_ns();
  r->args[0] = number;
  r->args[1] = task->tgid;
  r->args[2] = task->pid;
  r->args[3] = r->args[4] = r->args[5] = 0;
  bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
  return 0;
}

// Marks the threads of the chosen processes.
SEC("iter/task")
int mark_threads(struct bpf_iter__task *visit) {
  struct task_struct *task = visit->task;
  if (!task || !task->mm || is_own(task)) return 0;
  u32 pid = task->tgid;
  bool listed = bpf_map_lookup_elem(&processes, &pid) != 0;
  if (config.whole_machine == listed) return 0;
  struct thread_state *t = bpf_task_storage_get(&threads, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (t) t->watched = 1;
  return 0;
}

// Reports what is known of the watched threads.
SEC("iter/task")
int report_threads(struct bpf_iter__task *visit) {
  struct task_struct *task = visit->task;
  if (!task) return 0;
  struct thread_state *t = bpf_task_storage_get(&threads, task, 0, 0);
  if (!t || !t->watched) return 0;
  struct scratch *s = get_scratch();
  if (!s) return 0;
  struct TraceRecord *r = &s->record;
  fill(r, task, RecordState);
  fill_name(r, task);
  r->begin = t->begin;
  r->end = bpf_ktime_get_ns();
  r->nr = t->nr;
  r->flags = (t->seen ? RecordSeen : 0) | (t->in_call ? RecordInCall : 0) | (t->entered ? RecordEntered : 0);
  struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
  copy_args(r, regs);
  bpf_seq_write(visit->meta->seq, r, sizeof *r);
  return 0;
}

SEC("iter/task_file")
int visit_files(struct bpf_iter__task_file *visit) {
  struct task_struct *task = visit->task;
  struct file *file = visit->file;
  if (!task || !file || task->pid != task->tgid) return 0;
  struct scratch *s = get_scratch();
  if (!s) return 0;
  struct TraceRecord *r = &s->record;
  fill(r, task, RecordFile);
  fill_name(r, task);
  r->begin = r->end = 0;
  r->args[0] = visit->fd;
  r->args[1] = file->f_flags | close_on_exec(task, visit->fd);
  r->args[2] = file->f_pos;
  describe(file, &r->object);
  u32 at = 0;
  long n = bpf_d_path(&file->f_path, (char *)s->bytes, TraceMaxPiece);
  if (n > 0) at = r->path_size = n & (2 * TraceMaxPiece - 1);
  if (r->object.kind == ObjectUnix) at += r->bound_size = append_bound(s, at, file);
  u64 bytes = at;
  BOUND(bytes, 16383);
  bpf_seq_write(visit->meta->seq, s, sizeof *r + bytes);
  return 0;
}
