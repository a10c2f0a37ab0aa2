//go:build ignore
/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Tells user space of every program that starts: at sched_process_exec, after
 * the new program's credentials and memory are in place and before its first
 * instruction, so nothing lives too briefly to be seen. Arguments and
 * environment are not read (G11).
 */
#include "../../kernel/path.h"

char _license[] SEC("license") = "Dual BSD/GPL";

#define FILENAME_BYTES 512

/* What is sent up: this, cut after the path's last name. */
struct event {
	u64 at;      /* boot clock, ns */
	u64 started; /* of the process, boot clock, ns */
	u64 cgroup;
	u32 tgid;
	u32 ppid;
	u32 uid;
	u32 loginuid; /* all ones: nobody logged in for it */
	u32 session;  /* pid of the session's leader */
	char comm[16];
	char filename[FILENAME_BYTES]; /* as given to execve */
	struct names path;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 512 * 1024);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct event);
} scratch SEC(".maps");

/* How many events found no room in the ring. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} lost SEC(".maps");

SEC("tp_btf/sched_process_exec")
int on_exec(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	struct linux_binprm *bprm = (void *)ctx[2];
	u32 zero = 0;
	struct event *e = bpf_map_lookup_elem(&scratch, &zero);
	struct task_struct *parent;
	struct pid *sid;
	u32 n;

	if (!e)
		return 0;
	parent = BPF_CORE_READ(task, real_parent);
	sid = BPF_CORE_READ(task, signal, pids[PIDTYPE_SID]);
	e->at = bpf_ktime_get_boot_ns();
	e->started = BPF_CORE_READ(task, start_boottime);
	e->cgroup = bpf_get_current_cgroup_id();
	e->tgid = BPF_CORE_READ(task, tgid);
	e->ppid = BPF_CORE_READ(parent, tgid);
	e->uid = (u32)bpf_get_current_uid_gid();
	e->loginuid = ~0u;
	if (bpf_core_field_exists(task->loginuid))
		e->loginuid = BPF_CORE_READ(task, loginuid.val);
	e->session = BPF_CORE_READ(sid, numbers[0].nr);
	BPF_CORE_READ_STR_INTO(&e->comm, task, comm);
	if (bpf_probe_read_kernel_str(e->filename, FILENAME_BYTES, BPF_CORE_READ(bprm, filename)) < 0)
		e->filename[0] = 0;
	walk_path(BPF_CORE_READ(bprm, file), &e->path);
	n = e->path.len;
	if (n > PATH_ROOM)
		n = 0;
	if (bpf_ringbuf_output(&events, e, __builtin_offsetof(struct event, path.bytes) + n, 0)) {
		u64 *count = bpf_map_lookup_elem(&lost, &zero);

		if (count)
			(*count)++;
	}
	return 0;
}
