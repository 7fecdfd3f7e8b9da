/* SPDX-License-Identifier: MIT */
/* System calls that fit nowhere else: what the machine is, scheduling, prctl, randomness. */
#include "abi/elf.h"
#include "abi/process.h"
#include "kern/process.h"
#include "abi/functions.h"
#include "kern/uaccess.h"

#define UTS_FIELD HOST_NAME_SIZE

char host_name[UTS_FIELD] = "quire";
static char domain_name[UTS_FIELD] = "(none)";

long sys_uname(const abi_ulong *a)
{
	char uts[6][UTS_FIELD];

	memset(uts, 0, sizeof(uts));
	strlcpy(uts[0], "Linux", UTS_FIELD);
	strlcpy(uts[1], host_name, UTS_FIELD);
	strlcpy(uts[2], KERNEL_RELEASE, UTS_FIELD);
	strlcpy(uts[3], "#1 SMP Quire reference kernel", UTS_FIELD);
	strlcpy(uts[4], ABI_UTS_MACHINE, UTS_FIELD);
	strlcpy(uts[5], domain_name, UTS_FIELD);
	if (current->process->personality & UNAME26)
		strlcpy(uts[2], "2.6.61", UTS_FIELD);
	return copy_to_user(a[0], uts, sizeof(uts));
}

static long set_name(char *name, const abi_ulong *a)
{
	char new[UTS_FIELD] = {0};

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (a[1] >= UTS_FIELD)
		return -EINVAL;
	if (copy_from_user(new, a[0], a[1]))
		return -EFAULT;
	memcpy(name, new, UTS_FIELD);
	return 0;
}

long sys_sethostname(const abi_ulong *a)
{
	return set_name(host_name, a);
}

long sys_setdomainname(const abi_ulong *a)
{
	return set_name(domain_name, a);
}

long sys_sysinfo(const abi_ulong *a)
{
	struct abi_sysinfo info;
	struct quire_memory_counts memory;
	struct quire_swap_counts swap;

	quire_memory(the_system, &memory);
	quire_swap_usage(the_system, &swap);
	memset(&info, 0, sizeof(info));
	info.uptime = (abi_long)(time_monotonic() / NSEC_PER_SEC);
	info.loads[0] = info.loads[1] = info.loads[2] = (abi_ulong)running_count() << 16;
	info.total = (abi_ulong)(memory.frames - memory.by_state[QUIRE_PAGE_META]) * PAGE_SIZE;
	info.free =
	    (abi_ulong)(memory.by_state[QUIRE_PAGE_FREE] + memory.by_state[QUIRE_PAGE_CPU]) * PAGE_SIZE;
	info.shared = (abi_ulong)memory.by_state[QUIRE_PAGE_SHMEM] * PAGE_SIZE;
	info.total_swap = (abi_ulong)swap.total * PAGE_SIZE;
	info.free_swap = (abi_ulong)swap.free * PAGE_SIZE;
	info.processes = (uint16_t)process_count();
	info.unit = 1;
	return put_user(info, a[0]);
}

/* --- randomness ------------------------------------------------------------------------------- */

static uint64_t random_state = 0x853c49e6748fea9b;

void random_bytes(void *buffer, size_t n)
{
	uint8_t *p = buffer;

	while (n) {
		uint64_t x = __atomic_load_n(&random_state, __ATOMIC_RELAXED) ^ arch_entropy();
		size_t part = MIN(n, sizeof(x));

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		__atomic_store_n(&random_state, x, __ATOMIC_RELAXED);
		x *= 0x2545f4914f6cdd1d; /* the state itself is never given away */
		memcpy(p, &x, part);
		p += part;
		n -= part;
	}
}

long sys_getrandom(const abi_ulong *a)
{
	uint8_t block[256];
	uint64_t done = 0, n = MIN(a[1], 33554431);

	if (a[2] & ~7ull)
		return -EINVAL;
	while (done < n) {
		size_t part = MIN(n - done, sizeof(block));

		random_bytes(block, part);
		if (copy_to_user(a[0] + done, block, part))
			return -EFAULT;
		done += part;
	}
	return (long)done;
}

/* --- scheduling ------------------------------------------------------------------------------- */

long sys_sched_yield(const abi_ulong *a)
{
	schedule();
	return 0;
}

long sys_getcpu(const abi_ulong *a)
{
	uint32_t cpu = arch_cpu(), node = 0;

	if ((a[0] && put_user(cpu, a[0])) || (a[1] && put_user(node, a[1])))
		return -EFAULT;
	return 0;
}

static struct task *task_of(pid_t tid)
{
	return tid ? task_find_locked(tid) : current;
}

long sys_sched_getaffinity(const abi_ulong *a)
{
	struct task *task;
	uint64_t mask = 0;

	if (a[1] < sizeof(mask) || a[1] & (ABI_LONG_BYTES - 1))
		return -EINVAL;
	spin_lock(&proc_lock);
	task = task_of((pid_t)a[0]);
	if (task)
		mask = task->affinity & (cpu_count() >= 64 ? ~0ull : (1ull << cpu_count()) - 1);
	spin_unlock(&proc_lock);
	if (!task)
		return -ESRCH;
	return put_user(mask, a[2]) ? -EFAULT : (long)sizeof(mask);
}

long sys_sched_setaffinity(const abi_ulong *a)
{
	struct task *task;
	uint64_t mask = 0;
	long result = -ESRCH;

	if (copy_from_user(&mask, a[2], MIN(a[1], sizeof(mask))))
		return -EFAULT;
	spin_lock(&proc_lock);
	task = task_of((pid_t)a[0]);
	if (task && !sched_may_set(task))
		result = -EPERM;
	else if (task)
		result = sched_set_affinity(task, mask) ? 0 : -EINVAL;
	spin_unlock(&proc_lock);
	if (!result)
		cond_resched();
	return result;
}

/* --- personality, prctl ----------------------------------------------------------------------- */

long sys_personality(const abi_ulong *a)
{
	struct process *process = current->process;
	unsigned old = process->personality;

	if ((uint32_t)a[0] != 0xffffffff)
		process->personality = (unsigned)a[0];
	return old;
}

static long set_comm(uint64_t from)
{
	char name[16] = {0};
	long n = strncpy_from_user(name, from, sizeof(name));

	if (n < 0 && n != -ENAMETOOLONG)
		return n;
	name[sizeof(name) - 1] = '\0';
	memcpy(current->comm, name, sizeof(name));
	if (current == current->process->leader)
		memcpy(current->process->comm, name, sizeof(name));
	return 0;
}

long sys_prctl(const abi_ulong *a)
{
	struct process *process = current->process;

	switch (a[0]) {
	case PR_SET_PDEATHSIG:
		if (a[1] > SIGNAL_MAX)
			return -EINVAL;
		process->parent_death_signal = (int)a[1];
		return 0;
	case PR_GET_PDEATHSIG:
		return put_user(process->parent_death_signal, a[1]);
	case PR_GET_DUMPABLE:
		return process->dumpable;
	case PR_SET_DUMPABLE:
		if (a[1] > 1)
			return -EINVAL;
		process->dumpable = a[1];
		return 0;
	case PR_GET_KEEPCAPS:
		return process->cred.keep_caps;
	case PR_SET_KEEPCAPS:
		if (a[1] > 1)
			return -EINVAL;
		process->cred.keep_caps = a[1];
		return 0;
	case PR_SET_NAME:
		return set_comm(a[1]);
	case PR_GET_NAME:
		return copy_to_user(a[1], current->comm, sizeof(current->comm));
	case PR_CAPBSET_READ:
		return caps_bounding_read(a[1]);
	case PR_CAPBSET_DROP:
		return caps_bounding_drop(a[1]);
	case PR_SET_TIMERSLACK:
		current->timer_slack = a[1] ? a[1] : current->timer_slack_default;
		return 0;
	case PR_GET_TIMERSLACK:
		return (long)MIN(current->timer_slack, (uint64_t)INT64_MAX);
	case PR_SET_CHILD_SUBREAPER:
		process->subreaper = a[1];
		return 0;
	case PR_GET_CHILD_SUBREAPER: {
		int32_t subreaper = process->subreaper;

		return put_user(subreaper, a[1]);
	}
	case PR_SET_NO_NEW_PRIVS:
		if (a[1] != 1 || a[2] || a[3] || a[4])
			return -EINVAL;
		process->no_new_privs = true;
		return 0;
	case PR_GET_NO_NEW_PRIVS:
		return a[1] || a[2] || a[3] || a[4] ? -EINVAL : process->no_new_privs;
	default:
		return -EINVAL;
	}
}
