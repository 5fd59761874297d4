// What the kernel says of the watched threads: one record for each finished call, and for what else happens to them.
#include "kernel_types.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "record.bpf.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

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

struct matching {
  u32 have;  // bytes of config.unit that the path ends with so far
  bool found;
};

// A unit's cgroup, and those below it, have its name between two slashes. The name has none, so what has been
// compared in vain begins no match but by its last byte.
static long match_unit(u64 i, struct matching *m) {
  struct scratch *s = get_scratch();
  u64 at = i, have = m->have;
  if (!s) return 1;
  BOUND(at, 1023);
  BOUND(have, 255);
  char c = s->bytes[at];
  if (m->have == config.unit_size && (c == '/' || !c)) {
    m->found = 1;
    return 1;
  }
  if (!c) return 1;
  if (m->have < config.unit_size && c == config.unit[have]) m->have++;
  else m->have = c == '/';
  return 0;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(on_move, struct cgroup *to, const char *path, struct task_struct *task, bool whole_process) {
  u32 hierarchy = to->root->hierarchy_id;
  struct scratch *s = get_scratch();
  if (!s || hierarchy > 63 || !(config.hierarchies >> hierarchy & 1) || is_own(task)) return 0;
  if (bpf_probe_read_kernel_str(s->bytes, 1024, path) < 0) return 0;
  struct matching m = {};
  bpf_loop(1024, match_unit, &m, 0);
  u32 pid = task->tgid, one = 1;
  bool was_inside = bpf_map_lookup_elem(&processes, &pid) != 0;
  if (m.found == was_inside) return 0;
  if (m.found) bpf_map_update_elem(&processes, &pid, &one, BPF_ANY);
  else bpf_map_delete_elem(&processes, &pid);
  __sync_fetch_and_add(&generation, 1);
  struct thread_state *t = bpf_task_storage_get(&threads, task, 0, m.found ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
  if (t) t->watched = m.found;
  struct TraceRecord *r = &s->record;
  fill(r, task, RecordMove);
  fill_name(r, task);
  r->begin = r->end = bpf_ktime_get_ns();
  r->args[0] = m.found;
  r->args[1] = r->args[2] = r->args[3] = r->args[4] = r->args[5] = 0;
  send(s, 0, BPF_RB_FORCE_WAKEUP);
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
