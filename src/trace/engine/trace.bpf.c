// What the kernel says of the watched threads: one record for each finished call, and for what else happens to them.
#include "kernel_types.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "record.bpf.h"
#include "passing.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

// Whether the current task does something for itself, as in a call, and is not merely where an interrupt came. These
// have stacks of their own, on which `context` lies then, but if they come while a program runs, they use the task's:
// then the registers are not those of a call. (Few kernels show programs the count of interrupts itself.)
static __always_inline bool acts_for_itself(struct task_struct *task, void *context) {
  void *volatile holder = context;
  u64 at = 0;
  bpf_probe_read_kernel(&at, sizeof at, (void *)&holder);  // as a number
  if (at - (u64)task->stack >= STACK_SIZE) return 0;
  struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
  return task->flags & TASK_OF_KERNEL || (s64)regs->orig_ax >= 0;
}

// Of a process that was chosen after its threads had begun to be known.
static __always_inline void look_again(struct thread_state *t, struct task_struct *task) {
  u32 pid = task->tgid;
  t->generation = generation;
  if (bpf_map_lookup_elem(&processes, &pid)) t->watched = 1;
  else if (config.unit_size) t->watched = 0;  // it has left
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
  if (!config.by_fifo && !config.unit_size) return t;
  if (!t && config.by_fifo) {
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
  u32 flags = shape_flags(nr);
  if (flags & ShapeCloses) {
    struct file *file = file_of(task, regs->di);
    if (file) {
      clear(&t->object);
      describe(file, &t->object);
      t->has_object = 1;
    }
  }
  // Now, for the receiver may return before the sender does.
  if (flags & ShapePasses && !(flags & ShapeInput) && t->watched && reports_all_calls())
    report_passed(regs->di, regs->si, flags & ShapeMany ? regs->dx : 1, flags);
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
  u32 at = append_all(s, nr, ended, file);
  if (ended && t->entered) at += r->waker_size = append_waker(s, at, &t->waker);
  send(s, at, wakeup);
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
  if (t->in_call) nr = t->nr;  // rt_sigreturn(2) has overwritten the register
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
  u32 shape = shape_flags(nr);
  if (shape & ShapePasses && shape & ShapeInput && t->watched && result >= 0)
    report_passed(regs->di, regs->si, shape & ShapeMany ? result : 1, shape);
  if (shape & ShapeTakes && t->watched && result >= 0) report_taken(result, regs->di, regs->si);
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

#include "unit.bpf.h"

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child) {
  if (is_born_elsewhere(parent, child)) return 0;
  struct thread_state *p = bpf_task_storage_get(&threads, parent, 0, 0);
  if (!p || !p->watched) return 0;
  struct thread_state *c = bpf_task_storage_get(&threads, child, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
  if (!c) {
    count_loss();
    return 0;
  }
  c->watched = c->seen = c->skip = 1;
  c->generation = generation;
  if (config.by_fifo || config.unit_size) {
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
  at += r->bound_size = append_open(s, at, task);
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
  if (r->args[0]) r->bound_size = append_open(s, 0, task);
  send(s, r->bound_size, BPF_RB_NO_WAKEUP);
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

// Comes for every sleeper of the machine, so what is not watched must leave at once.
SEC("tp_btf/sched_waking")
int BPF_PROG(on_waking, struct task_struct *task) {
  struct thread_state *t = bpf_task_storage_get(&threads, task, 0, 0);
  if (!t || !t->watched || !t->in_call) return 0;
  t->waker.tid = 0;
  struct task_struct *waker = bpf_get_current_task_btf();
  if (!acts_for_itself(waker, ctx)) return 0;
  t->waker.tid = waker->pid;
  t->waker.pid = waker->tgid;
#pragma unroll
  for (int i = 0; i < 16; i++) t->waker.comm[i] = waker->comm[i];
  return 0;
}

// A buffer is thrown away: of an AF_UNIX socket that a watched process closes, with what no process has read.
SEC("tp_btf/kfree_skb")
int BPF_PROG(on_free, struct sk_buff *buffer) {
  struct task_struct *task = bpf_get_current_task_btf();
  struct thread_state *t = bpf_task_storage_get(&threads, task, 0, 0);
  if (!t || !t->watched || !reports_all_calls()) return 0;
  // close(2) does it at once; after any other call, and when a process ends, the kernel does when the call is over.
  if (t->in_call && !t->has_object) return 0;
  struct sock *sender = buffer->sk;
  if (!sender || sender->__sk_common.skc_family != FAMILY_UNIX) return 0;
  u32 bytes = buffer->len - AS(unix_skb_parms, (void *)buffer + bpf_core_field_offset(struct sk_buff, cb))->consumed;
  bool is_object = t->in_call && t->has_object && t->object.kind == ObjectUnix;
  // The sender still knows the other end, unless it was closed first.
  struct sock *closed = AS(unix_sock, sender)->peer;
  if (!closed && is_object) closed = AS(sock, (void *)t->object.local.key);
  if (closed && !(closed->__sk_common.skc_flags & FLAG_DEAD)) return 0;
  is_object = is_object && (u64)closed == t->object.local.key;
  t->unread += bytes;
  if (t->unread == 0 || (closed && closed->sk_receive_queue.qlen > 0)) return 0;
  // The scratch may be in use.
  struct TraceRecord *r = bpf_ringbuf_reserve(&records, sizeof *r, 0);
  if (!r) {
    count_loss();
    return 0;
  }
  fill(r, task, RecordUnread);
  fill_name(r, task);
  r->begin = r->end = bpf_ktime_get_ns();
  r->requested = t->unread;
  r->args[0] = is_object;
  r->args[1] = r->args[2] = r->args[3] = r->args[4] = r->args[5] = 0;
  t->unread = 0;
  if (is_object) {
    r->object = t->object;
  } else {
    r->object.kind = ObjectUnix;
    r->object.ino = ino_of(sender);
    r->object.local.key = (u64)sender;
    r->object.local.peer_key = (u64)closed;
  }
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
  fill_descriptor(r, task, RecordFile, visit->fd, file);
  r->begin = r->end = 0;
  u32 at = 0;
  long n = bpf_d_path(&file->f_path, (char *)s->bytes, TraceMaxPiece);
  if (n > 0) at = r->path_size = n & (2 * TraceMaxPiece - 1);
  if (r->object.kind == ObjectUnix) at += r->bound_size = append_bound(s, at, file);
  u64 bytes = at;
  BOUND(bytes, 16383);
  bpf_seq_write(visit->meta->seq, s, sizeof *r + bytes);
  return 0;
}
