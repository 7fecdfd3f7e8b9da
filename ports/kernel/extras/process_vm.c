/* SPDX-License-Identifier: MIT */
/* process_vm_readv(2), process_vm_writev(2), process_madvise(2): another process's memory; and membarrier(2). */
#include "abi/functions.h"
#include "kern/process.h"
#include "extras/pidfd.h"
#include "kern/uaccess.h"

struct transfer {
	struct quire_mm *mm;
	struct abi_iovec *local, *remote;
	uint64_t local_count, remote_count;
	uint64_t local_at, remote_at; /* bytes done of the first vector of each */
	char *page;
	bool write;
};

/* Moves one piece: what both first vectors have left, a page at most. Bytes, 0 at the end, or an error. */
static long move_piece(struct transfer *t)
{
	uint64_t local, remote, n;
	size_t done = 0;
	long result;

	while (t->local_count && t->local_at == t->local->length) {
		t->local++;
		t->local_count--;
		t->local_at = 0;
	}
	while (t->remote_count && t->remote_at == t->remote->length) {
		t->remote++;
		t->remote_count--;
		t->remote_at = 0;
	}
	if (!t->local_count || !t->remote_count)
		return 0;
	local = t->local->base + t->local_at;
	remote = t->remote->base + t->remote_at;
	n = MIN(t->local->length - t->local_at, t->remote->length - t->remote_at);
	n = MIN(n, PAGE_SIZE - (remote & PAGE_MASK));
	if (t->write && copy_from_user(t->page, local, n))
		return -EFAULT;
	result = quire_mm_access(t->mm, remote, t->page, n, t->write ? QUIRE_REMOTE_WRITE : 0, &done);
	if (result)
		return result;
	if (!t->write && copy_to_user(local, t->page, done))
		return -EFAULT;
	t->local_at += done;
	t->remote_at += done;
	return (long)done;
}

/* Another's memory: all its ids are the caller's and it does not hide, or the caller may trace anyone. */
static bool may_look_into(const struct process *process)
{
	const struct cred *own = &current->process->cred, *its = &process->cred;

	if (process == current->process || capable(CAP_SYS_PTRACE))
		return true;
	return own->uid == its->uid && own->uid == its->euid && own->uid == its->suid &&
	       own->gid == its->gid && own->gid == its->egid && own->gid == its->sgid && process->dumpable &&
	       !(its->cap_permitted & ~own->cap_permitted);
}

struct quire_mm *process_mm_open(pid_t pid, long *out_result)
{
	struct process *process = process_find(pid);
	struct quire_mm *mm = NULL;
	*out_result = -ESRCH;
	if (!process)
		return NULL;
	if (!may_look_into(process)) {
		*out_result = -EPERM;
	} else {
		mm = process_mm(process);
	}
	process_put(process);
	return mm;
}

static long process_vm(const abi_ulong *a, bool write)
{
	struct transfer t = {.write = write};
	struct abi_iovec *local = NULL, *remote = NULL;
	uint64_t total, sum = 0;
	long result, n;

	if (a[5])
		return -EINVAL;
	result = iovec_from_user(a[1], a[2], &local, &total);
	if (!result)
		result = iovec_from_user(a[3], a[4], &remote, &total);
	if (!result)
		t.mm = process_mm_open((pid_t)a[0], &result);
	t.page = page_alloc();
	if (t.mm && t.page) {
		t.local = local;
		t.remote = remote;
		t.local_count = a[2];
		t.remote_count = a[4];
		while ((n = move_piece(&t)) > 0)
			sum += (uint64_t)n;
		result = sum ? (long)sum : n;
	} else if (t.mm) {
		result = -ENOMEM;
	}
	if (t.mm)
		quire_mm_put(t.mm);
	if (t.page)
		page_free(t.page);
	kfree(local);
	kfree(remote);
	return result;
}

long sys_process_vm_readv(const abi_ulong *a)
{
	return process_vm(a, false);
}

long sys_process_vm_writev(const abi_ulong *a)
{
	return process_vm(a, true);
}

/* --- process_madvise ------------------------------------------------------------------------- */

/* What may be done to another: what takes nothing away from it. */
static bool is_harmless(int advice)
{
	return advice == QUIRE_MADV_COLD || advice == QUIRE_MADV_PAGEOUT || advice == QUIRE_MADV_WILLNEED ||
	       advice == QUIRE_MADV_COLLAPSE;
}

static long advise_vector(struct quire_mm *mm, const struct abi_iovec *vector, uint64_t count, int advice)
{
	uint64_t done = 0;
	long result = 0;

	for (uint64_t i = 0; i < count && !result; i++) {
		result = quire_madvise(mm, vector[i].base, vector[i].length, advice);
		if (!result)
			done += vector[i].length;
	}
	return done ? (long)done : result;
}

static long advise(struct process *process, const struct abi_iovec *vector, uint64_t count, int advice)
{
	bool own = process == current->process;
	struct quire_mm *mm;
	long result;

	if (!own && !is_harmless(advice))
		return -EINVAL;
	if (!may_look_into(process) || (!own && !capable(CAP_SYS_NICE)))
		return -EPERM;
	mm = process_mm(process);
	if (!mm)
		return -ESRCH;
	result = advise_vector(mm, vector, count, advice);
	quire_mm_put(mm);
	return result;
}

long sys_process_madvise(const abi_ulong *a)
{
	struct abi_iovec *vector = NULL;
	struct process *process;
	uint64_t total;
	long result;

	if (a[4])
		return -EINVAL;
	result = iovec_from_user(a[1], a[2], &vector, &total);
	if (result)
		return result;
	result = pidfd_process((int)a[0], &process, NULL);
	if (!result) {
		result = advise(process, vector, a[2], (int)a[3]);
		process_put(process);
	}
	kfree(vector);
	return result;
}

/* --- membarrier: every task that runs elsewhere is interrupted once ---------------------------

   membarrier(2). Each expedited kind has to be registered for. None needs more than what a flush does: every CPU
   answers it, which orders its memory and, by the return from the interrupt, its instructions. */

enum {
	GLOBAL = 1,
	GLOBAL_EXPEDITED = 2,
	REGISTER_GLOBAL_EXPEDITED = 4,
	PRIVATE_EXPEDITED = 8,
	REGISTER_PRIVATE_EXPEDITED = 16,
	PRIVATE_SYNC_CORE = 32,
	REGISTER_PRIVATE_SYNC_CORE = 64,
	GET_REGISTRATIONS = 512
};
#define MEMBARRIERS 0x27f

long sys_membarrier(const abi_ulong *a)
{
	struct process *process = current->process;
	struct quire_flush flush = {.mm = process->mm, .cpus = ~0ull};
	unsigned command = (unsigned)a[0];
	uint8_t has = __atomic_load_n(&process->membarriers, __ATOMIC_RELAXED);

	if (a[1])
		return -EINVAL;
	switch (command) {
	case 0:
		return MEMBARRIERS;
	case GET_REGISTRATIONS:
		return has;
	case REGISTER_GLOBAL_EXPEDITED:
	case REGISTER_PRIVATE_EXPEDITED:
	case REGISTER_PRIVATE_SYNC_CORE:
		__atomic_fetch_or(&process->membarriers, (uint8_t)command, __ATOMIC_RELAXED);
		return 0;
	case PRIVATE_EXPEDITED:
	case PRIVATE_SYNC_CORE:
		/* The bit of a registration is twice the command's. */
		if (!(has & 2 * command))
			return -EPERM;
		break;
	case GLOBAL:
	case GLOBAL_EXPEDITED:
		break;
	default:
		return -EINVAL;
	}
	arch_flush(&flush);
	return 0;
}
