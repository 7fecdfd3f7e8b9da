/* SPDX-License-Identifier: MIT */
/* Capabilities: capget(2), capset(2), and how user ids and exec change them. capabilities(7) is the rule;
 * files carry none here, and there is no ambient set. */
#include "kern/process.h"
#include "abi/functions.h"
#include "kern/uaccess.h"

#define FS_CAPS                                                                                          \
	(CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_DAC_READ_SEARCH) |                 \
	 CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_FSETID) | CAP_BIT(CAP_LINUX_IMMUTABLE) | CAP_BIT(CAP_MKNOD) | \
	 CAP_BIT(CAP_MAC_OVERRIDE))

const struct cred root_cred = {
    .cap_effective = CAP_ALL,
    .cap_permitted = CAP_ALL,
    .cap_bounding = CAP_ALL,
};

bool capable(enum capability cap)
{
	return current->process->cred.cap_effective & CAP_BIT(cap);
}

/* --- with user ids and exec ------------------------------------------------------------------- */

void caps_exec(struct cred *cred, bool no_new_privs)
{
	bool root = cred->uid == 0 || cred->euid == 0;
	uint64_t permitted = root ? cred->cap_inheritable | cred->cap_bounding : 0;

	if (no_new_privs)
		permitted &= cred->cap_permitted;
	cred->cap_permitted = permitted;
	cred->cap_effective = cred->euid == 0 ? permitted : 0;
	cred->keep_caps = false;
}

static bool any_root(const struct cred *cred)
{
	return cred->uid == 0 || cred->euid == 0 || cred->suid == 0;
}

void caps_fix_uids(struct cred *cred, const struct cred *old)
{
	if (any_root(old) && !any_root(cred) && !cred->keep_caps)
		cred->cap_permitted = cred->cap_effective = 0;
	if (old->euid == 0 && cred->euid != 0)
		cred->cap_effective = 0;
	if (old->euid != 0 && cred->euid == 0)
		cred->cap_effective = cred->cap_permitted;
}

void caps_fix_fsuid(struct cred *cred, uid_t old)
{
	if (old == 0 && cred->fsuid != 0)
		cred->cap_effective &= ~FS_CAPS;
	if (old != 0 && cred->fsuid == 0)
		cred->cap_effective |= cred->cap_permitted & FS_CAPS;
}

long caps_bounding_read(uint64_t cap)
{
	return cap <= CAP_LAST ? (long)(current->process->cred.cap_bounding >> cap & 1) : -EINVAL;
}

long caps_bounding_drop(uint64_t cap)
{
	if (!capable(CAP_SETPCAP))
		return -EPERM;
	if (cap > CAP_LAST)
		return -EINVAL;
	current->process->cred.cap_bounding &= ~CAP_BIT(cap);
	return 0;
}

/* --- capget, capset --------------------------------------------------------------------------- */

enum {
	VERSION_1 = 0x19980330,
	VERSION_2 = 0x20071026,
	VERSION_3 = 0x20080522
};

struct header {
	uint32_t version;
	int32_t pid;
};

/* Thirty-two capabilities; version 1 passes one of these, later ones two. */
struct part {
	uint32_t effective, permitted, inheritable;
};

/* The number of parts; an unknown version is answered with the one that is known. */
static long read_header(uint64_t from, struct header *out_header)
{
	uint32_t known = VERSION_3;

	if (get_user(*out_header, from))
		return -EFAULT;
	switch (out_header->version) {
	case VERSION_1:
		return 1;
	case VERSION_2:
	case VERSION_3:
		return 2;
	default:
		return put_user(known, from) ? -EFAULT : -EINVAL;
	}
}

static bool copy_cred(pid_t pid, struct cred *out_cred)
{
	struct process *process;
	struct task *task;

	spin_lock(&proc_lock);
	task = pid ? task_find_locked(pid) : current;
	process = task ? task->process : NULL;
	if (process)
		*out_cred = process->cred;
	spin_unlock(&proc_lock);
	return process != NULL;
}

long sys_capget(const abi_ulong *a)
{
	struct part part[2];
	struct header header;
	struct cred cred;
	long parts = read_header(a[0], &header);

	if (parts == -EINVAL && !a[1])
		return 0; /* only the version was asked for */
	if (parts < 0)
		return parts;
	if (header.pid < 0)
		return -EINVAL;
	if (!copy_cred(header.pid, &cred))
		return -ESRCH;
	for (unsigned i = 0; i < 2; i++) {
		part[i].effective = (uint32_t)(cred.cap_effective >> 32 * i);
		part[i].permitted = (uint32_t)(cred.cap_permitted >> 32 * i);
		part[i].inheritable = (uint32_t)(cred.cap_inheritable >> 32 * i);
	}
	return a[1] && copy_to_user(a[1], part, (size_t)parts * sizeof(part[0])) ? -EFAULT : 0;
}

/* What a process may make of its own sets. */
static bool may_set(const struct cred *cred, uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	if (permitted & ~cred->cap_permitted || effective & ~permitted)
		return false;
	if (inheritable & ~(cred->cap_inheritable | cred->cap_bounding))
		return false;
	return capable(CAP_SETPCAP) || !(inheritable & ~(cred->cap_inheritable | cred->cap_permitted));
}

long sys_capset(const abi_ulong *a)
{
	struct process *process = current->process;
	uint64_t effective, permitted, inheritable;
	struct part part[2] = {{0, 0, 0}, {0, 0, 0}};
	struct header header;
	long parts = read_header(a[0], &header);

	if (parts < 0)
		return parts;
	if (header.pid && header.pid != current->tid)
		return -EPERM;
	if (copy_from_user(part, a[1], (size_t)parts * sizeof(part[0])))
		return -EFAULT;
	effective = (part[0].effective | (uint64_t)part[1].effective << 32) & CAP_ALL;
	permitted = (part[0].permitted | (uint64_t)part[1].permitted << 32) & CAP_ALL;
	inheritable = (part[0].inheritable | (uint64_t)part[1].inheritable << 32) & CAP_ALL;
	if (!may_set(&process->cred, effective, permitted, inheritable))
		return -EPERM;
	process->cred.cap_effective = effective;
	process->cred.cap_permitted = permitted;
	process->cred.cap_inheritable = inheritable;
	mm_apply_limits(process, process->mm);
	return 0;
}
