/* SPDX-License-Identifier: MIT */
/* System calls about identity: processes, groups, sessions, users, limits. */
#include "kern/process.h"
#include "abi/functions.h"
#include "kern/uaccess.h"

/* --- processes, groups, sessions -------------------------------------------------------------- */

long sys_getpid(const abi_ulong *a)
{
	return current->process->pid;
}

long sys_gettid(const abi_ulong *a)
{
	return current->tid;
}

long sys_getppid(const abi_ulong *a)
{
	return current->process->parent ? current->process->parent->pid : 0;
}

/* One field of a process, own or other. */
static long id_of(pid_t pid, bool session)
{
	struct process *process;
	long result = -ESRCH;

	if (!pid)
		return session ? current->process->sid : current->process->pgid;
	spin_lock(&proc_lock);
	process = process_find_locked(pid);
	if (process)
		result = session ? process->sid : process->pgid;
	spin_unlock(&proc_lock);
	return result;
}

long sys_getpgid(const abi_ulong *a)
{
	return id_of((pid_t)a[0], false);
}

long sys_getpgrp(const abi_ulong *a)
{
	return current->process->pgid;
}

long sys_getsid(const abi_ulong *a)
{
	return id_of((pid_t)a[0], true);
}

static bool group_exists(pid_t pgid, pid_t sid)
{
	struct process *process;

	list_for_each (process, &all_processes, link) {
		if (process->pgid == pgid && process->sid == sid)
			return true;
	}
	return false;
}

static long set_group(struct process *target, pid_t pgid)
{
	struct process *self = current->process;

	if (!target || (target != self && target->parent != self))
		return -ESRCH;
	if (target != self && target->did_exec)
		return -EACCES;
	if (target->sid != self->sid || target->sid == target->pid)
		return -EPERM;
	if (pgid != target->pid && !group_exists(pgid, self->sid))
		return -EPERM;
	target->pgid = pgid;
	return 0;
}

long sys_setpgid(const abi_ulong *a)
{
	pid_t pid = (pid_t)a[0] ? (pid_t)a[0] : current->process->pid;
	pid_t pgid = (pid_t)a[1] ? (pid_t)a[1] : pid;
	long result;

	if (pgid < 0)
		return -EINVAL;
	spin_lock(&proc_lock);
	result = set_group(process_find_locked(pid), pgid);
	spin_unlock(&proc_lock);
	return result;
}

long sys_setsid(const abi_ulong *a)
{
	struct process *self = current->process, *process;
	long result = self->pid;

	spin_lock(&proc_lock);
	list_for_each (process, &all_processes, link) {
		if (process->pgid == self->pid)
			result = -EPERM;
	}
	if (result > 0) {
		self->sid = self->pgid = self->pid;
		self->controlling_tty = 0;
	}
	spin_unlock(&proc_lock);
	return result;
}

/* --- users and groups ------------------------------------------------------------------------- */

#define UNCHANGED ((uid_t)-1)

long sys_getuid(const abi_ulong *a)
{
	return current->process->cred.uid;
}

long sys_geteuid(const abi_ulong *a)
{
	return current->process->cred.euid;
}

long sys_getgid(const abi_ulong *a)
{
	return current->process->cred.gid;
}

long sys_getegid(const abi_ulong *a)
{
	return current->process->cred.egid;
}

static bool is_one_of(uid_t id, uid_t a, uid_t b, uid_t c)
{
	return id == UNCHANGED || id == a || id == b || id == c;
}

static void set_if(uid_t *to, uid_t id)
{
	if (id != UNCHANGED)
		*to = id;
}

static long set_uids(uid_t real, uid_t effective, uid_t saved)
{
	struct process *process = current->process;
	struct cred *c = &process->cred, old = *c;

	if (!capable(CAP_SETUID) &&
	    (!is_one_of(real, c->uid, c->euid, c->suid) || !is_one_of(effective, c->uid, c->euid, c->suid) ||
	     !is_one_of(saved, c->uid, c->euid, c->suid)))
		return -EPERM;
	set_if(&c->uid, real);
	set_if(&c->euid, effective);
	set_if(&c->suid, saved);
	c->fsuid = c->euid;
	caps_fix_uids(c, &old);
	mm_apply_limits(process, process->mm);
	return 0;
}

static long set_gids(gid_t real, gid_t effective, gid_t saved)
{
	struct cred *c = &current->process->cred;

	if (!capable(CAP_SETGID) &&
	    (!is_one_of(real, c->gid, c->egid, c->sgid) || !is_one_of(effective, c->gid, c->egid, c->sgid) ||
	     !is_one_of(saved, c->gid, c->egid, c->sgid)))
		return -EPERM;
	set_if(&c->gid, real);
	set_if(&c->egid, effective);
	set_if(&c->sgid, saved);
	c->fsgid = c->egid;
	return 0;
}

long sys_setuid(const abi_ulong *a)
{
	uid_t id = (uid_t)a[0];

	return capable(CAP_SETUID) ? set_uids(id, id, id) : set_uids(UNCHANGED, id, UNCHANGED);
}

long sys_setgid(const abi_ulong *a)
{
	gid_t id = (gid_t)a[0];

	return capable(CAP_SETGID) ? set_gids(id, id, id) : set_gids(UNCHANGED, id, UNCHANGED);
}

long sys_setreuid(const abi_ulong *a)
{
	return set_uids((uid_t)a[0], (uid_t)a[1], (uid_t)a[0] != UNCHANGED ? (uid_t)a[1] : UNCHANGED);
}

long sys_setregid(const abi_ulong *a)
{
	return set_gids((gid_t)a[0], (gid_t)a[1], (gid_t)a[0] != UNCHANGED ? (gid_t)a[1] : UNCHANGED);
}

long sys_setresuid(const abi_ulong *a)
{
	return set_uids((uid_t)a[0], (uid_t)a[1], (uid_t)a[2]);
}

long sys_setresgid(const abi_ulong *a)
{
	return set_gids((gid_t)a[0], (gid_t)a[1], (gid_t)a[2]);
}

static long put_three(const abi_ulong *a, uint32_t x, uint32_t y, uint32_t z)
{
	return put_user(x, a[0]) || put_user(y, a[1]) || put_user(z, a[2]) ? -EFAULT : 0;
}

long sys_getresuid(const abi_ulong *a)
{
	const struct cred *c = &current->process->cred;

	return put_three(a, c->uid, c->euid, c->suid);
}

long sys_getresgid(const abi_ulong *a)
{
	const struct cred *c = &current->process->cred;

	return put_three(a, c->gid, c->egid, c->sgid);
}

long sys_setfsuid(const abi_ulong *a)
{
	struct cred *c = &current->process->cred;
	uid_t old = c->fsuid;

	if (capable(CAP_SETUID) || c->fsuid == (uid_t)a[0] ||
	    is_one_of((uid_t)a[0], c->uid, c->euid, c->suid))
		set_if(&c->fsuid, (uid_t)a[0]);
	caps_fix_fsuid(c, old);
	return old;
}

long sys_setfsgid(const abi_ulong *a)
{
	struct cred *c = &current->process->cred;
	gid_t old = c->fsgid;

	if (capable(CAP_SETGID) || c->fsgid == (gid_t)a[0] ||
	    is_one_of((gid_t)a[0], c->gid, c->egid, c->sgid))
		set_if(&c->fsgid, (gid_t)a[0]);
	return old;
}

long sys_getgroups(const abi_ulong *a)
{
	const struct cred *c = &current->process->cred;

	if (!a[0])
		return c->group_count;
	if ((int)a[0] < (int)c->group_count)
		return -EINVAL;
	return copy_to_user(a[1], c->groups, c->group_count * sizeof(gid_t)) ? -EFAULT : (long)c->group_count;
}

long sys_setgroups(const abi_ulong *a)
{
	struct cred *c = &current->process->cred;
	gid_t groups[MAX_GROUPS];

	if (!capable(CAP_SETGID))
		return -EPERM;
	if (a[0] > MAX_GROUPS)
		return -EINVAL;
	if (copy_from_user(groups, a[1], a[0] * sizeof(gid_t)))
		return -EFAULT;
	memcpy(c->groups, groups, a[0] * sizeof(gid_t));
	c->group_count = (unsigned)a[0];
	return 0;
}

/* --- limits ----------------------------------------------------------------------------------- */

static long set_limit(struct process *process, unsigned which, const struct rlimit *new)
{
	struct rlimit *limit = &process->rlimit[which];

	if (new->soft > new->hard)
		return -EINVAL;
	if (new->hard > limit->hard && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	if (which == RLIMIT_NOFILE && new->hard > 1048576)
		return -EPERM;
	*limit = *new;
	if (process->mm)
		mm_apply_limits(process, process->mm);
	return 0;
}

long sys_prlimit64(const abi_ulong *a)
{
	struct process *process = current->process;
	struct rlimit new, old;
	long result = 0;

	if (a[1] >= RLIMIT_COUNT)
		return -EINVAL;
	if (a[2] && get_user(new, a[2]))
		return -EFAULT;
	if (a[0]) {
		process = process_find((pid_t)a[0]);
		if (!process)
			return -ESRCH;
	}
	old = process->rlimit[a[1]];
	if (process != current->process && !capable(CAP_SYS_RESOURCE) &&
	    process->cred.uid != current->process->cred.uid)
		result = -EPERM;
	else if (a[2])
		result = set_limit(process, (unsigned)a[1], &new);
	if (a[0])
		process_put(process);
	if (!result && a[3] && put_user(old, a[3]))
		result = -EFAULT;
	return result;
}

static abi_ulong limit_to_abi(uint64_t limit)
{
	return (abi_ulong)MIN(limit, ABI_ULONG_MAX);
}

static uint64_t limit_from_abi(abi_ulong limit)
{
	return limit == ABI_ULONG_MAX ? UINT64_MAX : limit;
}

long sys_getrlimit(const abi_ulong *a)
{
	struct abi_rlimit out;

	if (a[0] >= RLIMIT_COUNT)
		return -EINVAL;
	out.soft = limit_to_abi(current->process->rlimit[a[0]].soft);
	out.hard = limit_to_abi(current->process->rlimit[a[0]].hard);
	return put_user(out, a[1]);
}

long sys_setrlimit(const abi_ulong *a)
{
	struct abi_rlimit in;
	struct rlimit new;

	if (a[0] >= RLIMIT_COUNT)
		return -EINVAL;
	if (get_user(in, a[1]))
		return -EFAULT;
	new = (struct rlimit){limit_from_abi(in.soft), limit_from_abi(in.hard)};
	return set_limit(current->process, (unsigned)a[0], &new);
}
