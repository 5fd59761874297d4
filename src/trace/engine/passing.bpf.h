// Descriptors that are passed in control messages (SCM_RIGHTS), of sendmsg(2), recvmsg(2) and their like.
// Comes after record.bpf.h.
#pragma once

enum {
  LEVEL_SOCKET = 1,      // SOL_SOCKET
  CONTROL_RIGHTS = 1,    // SCM_RIGHTS
  MESSAGE_CTRUNC = 8,    // MSG_CTRUNC
  SIZE_OF_MMSGHDR = 64,  // struct msghdr, and the number of bytes
  MOST_CONTROL = 8192,   // bytes of one message
  MOST_PASSED = 253,     // SCM_MAX_FD
  MOST_STEPS = 2048,
  MAGIC_PIDFS = 0x50494446,  // PID_FS_MAGIC of linux/magic.h
};

struct user_control {
  u64 size;
  s32 level, type;
};

// Where in the messages of a call the walk is.
struct passing {
  u64 message;  // the next one
  u64 control, control_end;
  u64 fd_at;
  u32 messages, fds;  // that are left
  u32 peer;
  u8 kind, is_cut;
  u8 ends, is_long;  // all was walked; there is more than is walked
};

static __always_inline bool reports_all_calls(void) {
  return !config.by_fifo || config.all_calls;
}

// `peer` and `taken` become args[3] and args[4].
__noinline u32 report_descriptor(u32 kind, u32 fd, u32 peer, u32 taken) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct scratch* s = get_scratch();
  struct file* file = file_of(task, fd);
  if (!s || !file || !(reports_all_calls() || is_fifo(file))) return 0;
  struct TraceRecord* r = &s->record;
  fill_descriptor(r, task, kind, fd, file);
  r->begin = r->end = bpf_ktime_get_ns();
  r->args[2] = (u64)file;
  r->args[3] = peer;
  r->args[4] = taken;
  u32 at = 0;
  at += r->path2_size = append_file_name(at, file);
  if (r->object.kind == ObjectUnix) at += r->bound_size = append_bound(s, at, file);
  // What has no name of its own has one in /proc, which the recorder reads.
  send(s, at, kind == RecordReceived ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
  return 0;
}

__noinline u32 report_cut(void) {
  struct scratch* s = get_scratch();
  if (!s || !reports_all_calls()) return 0;
  struct TraceRecord* r = &s->record;
  struct task_struct* task = bpf_get_current_task_btf();
  fill(r, task, RecordReceived);
  fill_name(r, task);
  r->begin = r->end = bpf_ktime_get_ns();
  r->args[0] = -1;
  r->args[1] = r->args[2] = r->args[3] = r->args[4] = r->args[5] = 0;
  send(s, 0, BPF_RB_NO_WAKEUP);
  return 0;
}

// One descriptor, one control message or one message a step: loops within loops are too much for the
// verifier.
static long pass_step(u64 i, struct passing* p) {
  if (p->fds > 0) {
    s32 fd = -1;
    if (!bpf_probe_read_user(&fd, sizeof fd, (void*)p->fd_at) && fd >= 0)
      report_descriptor(p->kind, fd, p->peer, 0);
    p->fd_at += sizeof fd;
    p->fds--;
    return 0;
  }
  if (p->control + sizeof(struct user_control) <= p->control_end) {
    struct user_control c = {};
    if (bpf_probe_read_user(&c, sizeof c, (void*)p->control) || c.size < sizeof c ||
        c.size > p->control_end - p->control) {
      p->control = p->control_end;
      return 0;
    }
    if (c.level == LEVEL_SOCKET && c.type == CONTROL_RIGHTS) {
      u64 fds = (c.size - sizeof c) / sizeof(s32);
      p->fds = fds > MOST_PASSED ? MOST_PASSED : fds;
      p->fd_at = p->control + sizeof c;
    }
    p->control += (c.size + 7) & ~7ULL;
    return 0;
  }
  if (p->is_cut) report_cut();
  p->is_cut = 0;
  struct user_message m;
  if (p->messages == 0 || bpf_probe_read_user(&m, sizeof m, (void*)p->message)) {
    p->ends = 1;
    return 1;
  }
  p->messages--;
  p->message += SIZE_OF_MMSGHDR;
  p->control = m.control;
  p->is_long |= m.control_size > MOST_CONTROL;
  p->control_end = m.control + (m.control_size > MOST_CONTROL ? MOST_CONTROL : m.control_size);
  p->is_cut = p->kind == RecordReceived && m.flags & MESSAGE_CTRUNC;
  return 0;
}

static __always_inline u32 number_of(struct pid* pid) {
  u32 number = 0;
  if (pid)
    bpf_probe_read_kernel(
        &number, sizeof number,
        (void*)pid + bpf_core_field_offset(struct pid, numbers) + bpf_core_field_offset(struct upid, nr));
  return number;
}

// Reports the copy `fd` of a descriptor, which the current thread has made by a pidfd.
__noinline u32 report_taken(u32 fd, u32 pidfd, u32 their_fd) {
  struct file* file = file_of(bpf_get_current_task_btf(), pidfd);
  if (bpf_get_current_task_btf()->thread_info.status & STATUS_COMPAT || !file) return 0;
  u32 peer = 0;
  // Before Linux 6.9, a pidfd was none of this file system, and is asked for nothing.
  struct inode* inode = file->f_inode;
  if (inode->i_sb->s_magic == MAGIC_PIDFS) peer = number_of(inode->i_private);
  return report_descriptor(RecordReceived, fd, peer, their_fd + 1);
}

// Reports the descriptors in `count` messages, which the current thread sends or has received by the socket.
__noinline u32 report_passed(u32 socket_fd, u64 messages, u32 count, u32 flags) {
  struct task_struct* task = bpf_get_current_task_btf();
  struct file* file = file_of(task, socket_fd);
  if (task->thread_info.status & STATUS_COMPAT || !file) return 0;
  if ((file->f_inode->i_mode & KIND_MASK) != KIND_SOCKET) return 0;
  struct sock* sk = sock_of(file);
  if (!sk || sk->__sk_common.skc_family != FAMILY_UNIX) return 0;
  struct passing p = {.message = messages, .messages = count};
  p.kind = flags & ShapeInput ? RecordReceived : RecordSent;
  p.peer = number_of(sk->sk_peer_pid);
  bpf_loop(MOST_STEPS, pass_step, &p, 0);
  // What was not reported is unknown until the tables are read anew.
  if (!p.ends || p.is_long) count_loss();
  return 0;
}
