// The name of an open file, from its dentries: bpf_d_path() is refused where calls end. Comes after
// record.bpf.h's helpers.
#pragma once

enum {
  MOST_STEPS_UP = TraceMaxPiece,  // more than a name that fits has folders and mounts
  MOST_NAME = 256,
};

struct path_walk {
  u64 dentry, mount;
  u32 at, size;
  bool ends, is_cut;
};

// One dentry or one mount a step, from the file upward.
static long walk_step(u64 i, struct path_walk* w) {
  struct scratch* s = get_scratch();
  struct dentry* dentry = AS(dentry, (void*)w->dentry);
  if (!s) return 1;
  if (dentry == AS(vfsmount, (void*)w->mount)->mnt_root) {
    u64 offset = bpf_core_field_offset(struct mount, mnt);
    struct mount* mount = AS(mount, (void*)(w->mount - offset));
    u64 parent = (u64)mount->mnt_parent;
    if (parent + offset == w->mount) {  // the root of all
      w->ends = 1;
      return 1;
    }
    w->dentry = (u64)mount->mnt_mountpoint;
    w->mount = parent + offset;
    return 0;
  }
  u64 parent = (u64)dentry->d_parent;
  u64 at = w->at + w->size;
  BOUND(at, 16383);
  long n = bpf_probe_read_kernel_str(s->bytes + at, MOST_NAME, dentry->d_name.name);
  // A dentry of its own belongs to no tree: a pipe's, a memfd's.
  if (n <= 0 || parent == w->dentry) return 1;
  if (w->size + n > TraceMaxPiece - 1) {
    w->is_cut = 1;
    return 1;
  }
  w->size += n;
  w->dentry = parent;
  return 0;
}

// Appends the names from the file to the root, each with its NUL. Returns how much; 0: it has no such name,
// or one that is too long, which counts as lost: the tables, read anew, have it.
static __always_inline u32 append_file_name(u32 at, struct file* file) {
  struct path_walk w = {.dentry = (u64)file->f_path.dentry, .mount = (u64)file->f_path.mnt, .at = at};
  long steps = bpf_loop(MOST_STEPS_UP, walk_step, &w, 0);
  if (w.is_cut || steps == MOST_STEPS_UP) count_loss();
  return w.ends ? w.size : 0;
}
