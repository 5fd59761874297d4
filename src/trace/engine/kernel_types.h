// The few kernel types that the BPF programs read. CO-RE fills in the offsets of the running kernel, so only
// the names and the types of the members matter here, not their order.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;
typedef u8 __u8;
typedef u16 __u16;
typedef u32 __u32;
typedef u64 __u64;
typedef s32 __s32;
typedef s64 __s64;
typedef short __s16;
typedef u16 __be16;
typedef u32 __be32;
typedef u64 __be64;
typedef u32 __wsum;
typedef _Bool bool;

enum bpf_map_type {
  BPF_MAP_TYPE_HASH = 1,
  BPF_MAP_TYPE_ARRAY = 2,
  BPF_MAP_TYPE_PERCPU_ARRAY = 6,
  BPF_MAP_TYPE_RINGBUF = 27,
  BPF_MAP_TYPE_TASK_STORAGE = 29,
};
enum {
  BPF_ANY = 0,
  BPF_F_NO_PREALLOC = 1 << 0,
  BPF_F_MMAPABLE = 1 << 10,
  BPF_LOCAL_STORAGE_GET_F_CREATE = 1 << 0,
  BPF_RB_NO_WAKEUP = 1 << 0,
  BPF_RB_FORCE_WAKEUP = 1 << 1,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
  u32 val;
} kuid_t;
typedef struct {
  u32 val;
} kgid_t;
typedef struct {
  int counter;
} atomic_t;

struct pt_regs {
  unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, flags, sp;
};

struct llist_node {
  struct llist_node* next;
};

struct pipe_buffer {
  u32 len;
};

struct pipe_inode_info {
  u32 head, tail, max_usage, ring_size, readers, writers;
  struct pipe_buffer* bufs;
};

struct super_block {
  unsigned long s_magic;
  u32 s_dev;
};

struct inode {
  u16 i_mode;
  unsigned long i_ino;
  struct super_block* i_sb;
  struct pipe_inode_info* i_pipe;
  void* i_private;
};

struct qstr {
  const unsigned char* name;
};

struct dentry {
  struct dentry* d_parent;
  struct qstr d_name;
};

struct vfsmount {
  struct dentry* mnt_root;
};

struct mount {
  struct mount* mnt_parent;
  struct dentry* mnt_mountpoint;
  struct vfsmount mnt;
};

struct path {
  struct vfsmount* mnt;
  struct dentry* dentry;
};

struct file {
  void* private_data;
  struct inode* f_inode;
  u32 f_flags;
  struct path f_path;
  s64 f_pos;
};

struct fdtable {
  u32 max_fds;
  struct file** fd;
  unsigned long* close_on_exec;
  unsigned long* open_fds;
};

struct files_struct {
  struct fdtable* fdt;
};

struct cred {
  kuid_t uid, suid, euid, fsuid;
  kgid_t gid, egid;
};

struct signal_struct {
  atomic_t live;
};

struct thread_info {
  u32 status;
};

struct mm_struct {
  unsigned long arg_start, arg_end, env_start, env_end;
};

struct cgroup_root {
  int hierarchy_id;
};

struct kernfs_node {
  struct kernfs_node* __parent;
  const char* name;
};

struct kernfs_node___before_6_15 {
  struct kernfs_node* parent;
};

struct cgroup {
  struct cgroup_root* root;
  struct kernfs_node* kn;
};

struct css_set {
  struct cgroup* dfl_cgrp;
};

struct task_struct {
  struct thread_info thread_info;
  u32 __state;
  void* stack;
  int pid, tgid;
  u32 flags;
  int exit_code;
  struct task_struct* real_parent;
  struct task_struct* group_leader;
  struct pid* thread_pid;
  const struct cred* cred;
  char comm[16];
  struct files_struct* files;
  struct signal_struct* signal;
  struct mm_struct* mm;
  struct css_set* cgroups;
  kuid_t loginuid;
};

struct linux_binprm {
  const char* filename;
};

struct in6_addr {
  union {
    u32 u6_addr32[4];
  } in6_u;
};

struct sock_common {
  u32 skc_daddr, skc_rcv_saddr;
  u16 skc_dport, skc_num, skc_family;
  volatile u8 skc_state;
  unsigned long skc_flags;
  struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};

struct socket;

struct upid {
  int nr;
};

struct pid {
  u32 level;
  struct upid numbers[0];
};

struct sk_buff_head {
  u32 qlen;
};

struct sk_buff {
  struct sock* sk;
  u32 len;
  char cb[48];
};

struct unix_skb_parms {
  u32 consumed;
};

struct sock {
  struct sock_common __sk_common;
  struct sk_buff_head sk_receive_queue;
  struct socket* sk_socket;
  struct pid* sk_peer_pid;
  u16 sk_protocol;
};

struct socket {
  struct sock* sk;
};

struct socket_alloc {
  struct socket socket;
  struct inode vfs_inode;
};

struct sockaddr_un {
  u16 sun_family;
  char sun_path[108];
};

struct unix_address {
  int len;
  struct sockaddr_un name[0];
};

struct unix_sock {
  struct sock sk;
  struct unix_address* addr;
  struct sock* peer;
};

struct seq_file {
  u64 size;
};

struct bpf_iter_meta {
  struct seq_file* seq;
};

struct bpf_iter__task {
  struct bpf_iter_meta* meta;
  struct task_struct* task;
};

struct bpf_iter__task_file {
  struct bpf_iter_meta* meta;
  struct task_struct* task;
  u32 fd;
  struct file* file;
};

#pragma clang attribute pop
