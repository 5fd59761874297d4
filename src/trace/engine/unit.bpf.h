// The processes of a unit of systemd, which come and go: --unit. Comes after record.bpf.h.
#pragma once

enum {
  PATH_END = 4096,             // of a path that is put together from its end
  MOST_GROUPS = PATH_END / 2,  // of a path that fits
  NAME_PLACE = 8192            // where a name stands meanwhile
};

// The bytes of ".slice", as match_unit() sees them come.
#define SLICE 0x2e736c696365ULL
#define SIX_BYTES 0xffffffffffffULL

struct matching {
  u64 tail;   // the last six bytes
  u32 begin;  // of the path
  u32 have;   // bytes of config.unit that the path ends with so far
  bool found;
};

// The system's manager keeps its units in slices. Below a service or a scope, another manager may have units
// of the same name: a user's, a container's. The unit's own cgroups below it count. The name has no slash, so
// what has been compared in vain begins no match but by its last byte.
static long match_unit(u64 i, struct matching* m) {
  struct scratch* s = get_scratch();
  u64 at = m->begin + i, have = m->have;
  if (!s) return 1;
  BOUND(at, 16383);
  BOUND(have, 255);
  char c = s->bytes[at];
  if (m->have == config.unit_size && (c == '/' || !c)) {
    m->found = 1;
    return 1;
  }
  if (!c || (c == '/' && i > 0 && m->tail != SLICE)) return 1;
  m->tail = (m->tail << 8 | (u8)c) & SIX_BYTES;
  if (m->have < config.unit_size && c == config.unit[have])
    m->have++;
  else
    m->have = c == '/';
  return 0;
}

// Of the path at that place in the scratch.
static __always_inline bool is_in_unit(u32 begin) {
  struct matching m = {.begin = begin};
  bpf_loop(PATH_END, match_unit, &m, 0);
  return m.found;
}

static __always_inline void send_move(struct scratch* s, struct task_struct* task, bool has_come) {
  struct TraceRecord* r = &s->record;
  fill(r, task, RecordMove);
  fill_name(r, task);
  r->begin = r->end = bpf_ktime_get_ns();
  r->args[0] = has_come;
  r->args[1] = task->real_parent->tgid;
  r->args[2] = r->args[3] = r->args[4] = r->args[5] = 0;
  send(s, 0, BPF_RB_FORCE_WAKEUP);
}

static __always_inline void move(struct scratch* s, struct task_struct* task, bool is_inside) {
  u32 pid = task->tgid, one = 1;
  bool was_inside = bpf_map_lookup_elem(&processes, &pid) != 0;
  if (is_inside == was_inside) return;
  if (is_inside)
    bpf_map_update_elem(&processes, &pid, &one, BPF_ANY);
  else
    bpf_map_delete_elem(&processes, &pid);
  __sync_fetch_and_add(&generation, 1);
  struct thread_state* t =
      bpf_task_storage_get(&threads, task, 0, is_inside ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
  if (t) t->watched = is_inside;
  send_move(s, task, is_inside);
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(on_move, struct cgroup* to, const char* path, struct task_struct* task, bool whole_process) {
  u32 hierarchy = to->root->hierarchy_id;
  struct scratch* s = get_scratch();
  if (!s || hierarchy > 63 || !(config.hierarchies >> hierarchy & 1) || is_own(task)) return 0;
  if (bpf_probe_read_kernel_str(s->bytes, PATH_END, path) < 0) return 0;
  move(s, task, is_in_unit(0));
  return 0;
}

struct group_climb {
  u64 node;
  u32 at;
  bool ends;
};

static long climb_group(u64 i, struct group_climb* c) {
  struct scratch* s = get_scratch();
  struct kernfs_node* node = AS(kernfs_node, (void*)c->node);
  u64 parent = 0;
  if (bpf_core_field_exists(struct kernfs_node___before_6_15, parent))
    parent = (u64)AS(kernfs_node___before_6_15, (void*)c->node)->parent;
  else
    parent = (u64)node->__parent;
  if (!s || !parent) {  // the root has no name
    c->ends = 1;
    return 1;
  }
  long n = bpf_probe_read_kernel_str(s->bytes + NAME_PLACE, 256, node->name);
  if (n <= 0 || c->at < n) return 1;
  u64 at = c->at - n, size = n - 1;
  BOUND(at, 4095);
  BOUND(size, 255);
  s->bytes[at] = '/';
  if (size == 0 || bpf_probe_read_kernel(s->bytes + at + 1, size, node->name)) return 1;
  c->at = at;
  c->node = parent;
  return 0;
}

// A child may begin its life in another cgroup than its parent, without a move: clone3(2) with
// CLONE_INTO_CGROUP, of version 2. Returns whether it does.
static __always_inline bool is_born_elsewhere(struct task_struct* parent, struct task_struct* child) {
  if (!config.unit_size || !(config.hierarchies & 1) || is_own(child)) return 0;
  struct cgroup* group = child->cgroups->dfl_cgrp;
  if (group == parent->cgroups->dfl_cgrp) return 0;
  struct scratch* s = get_scratch();
  if (!s) return 0;
  s->bytes[PATH_END] = 0;
  struct group_climb c = {.node = (u64)group->kn, .at = PATH_END};
  bpf_loop(MOST_GROUPS, climb_group, &c, 0);
  if (!c.ends) count_loss();
  move(s, child, is_in_unit(c.at));
  return 1;
}
