/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * The full path of an open file, read by walking its directory entries up to
 * the root of its mount namespace. /proc/<pid>/exe would say the same, but a
 * program that lives a millisecond is gone before it can be asked.
 */
#ifndef SAFELIGHT_PATH_H
#define SAFELIGHT_PATH_H

#include "types.h"

#define PATH_PARTS 40   /* directories and mounts walked through, at most */
#define PATH_BYTES 1024 /* of all the names with their closing zeros */
#define NAME_BYTES 256  /* the longest name a file system allows, and a zero */
#define PATH_ROOM (PATH_BYTES + NAME_BYTES)

/* Names with their closing zeros, the file's own first. */
struct names {
	u32 len; /* of the bytes in use; 0 if the path has more than there is room for */
	char bytes[PATH_ROOM];
};

/*
 * walk_path writes the names of the file's path into out, which must lie in a
 * map: a length that is read back from there is unknown to the verifier, so that
 * it looks at one turn of the loop and not at each way through all of them.
 */
static __always_inline void walk_path(struct file *file, volatile struct names *out)
{
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	struct vfsmount *vfs = BPF_CORE_READ(file, f_path.mnt);

	out->len = 0;
	if (!dentry || !vfs)
		return;
#pragma clang loop unroll(disable)
	for (int i = 0; i < PATH_PARTS; i++) {
		struct dentry *root = BPF_CORE_READ(vfs, mnt_root);
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
		u32 off = out->len;
		long n;

		if (dentry == root || dentry == parent) {
			struct mount *m = (void *)vfs - bpf_core_field_offset(struct mount, mnt);
			struct mount *up = BPF_CORE_READ(m, mnt_parent);

			if (dentry != root || up == m)
				return;
			dentry = BPF_CORE_READ(m, mnt_mountpoint);
			vfs = (void *)up + bpf_core_field_offset(struct mount, mnt);
			continue;
		}
		if (off >= PATH_BYTES)
			break;
		n = bpf_probe_read_kernel_str((char *)out->bytes + off, NAME_BYTES, BPF_CORE_READ(dentry, d_name.name));
		if (n <= 0)
			break;
		out->len = off + n;
		dentry = parent;
	}
	out->len = 0;
}

#endif
