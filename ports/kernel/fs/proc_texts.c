/* SPDX-License-Identifier: MIT */
/* The small files of /proc. Those of the system are given no process. */
#include "fs/proc.h"
#include "extras/shm.h"
#include "kern/oom.h"
#include "kern/oops.h"
#include "kern/boot.h"

void proc_make_uptime(struct process *process, struct text *text)
{
	uint64_t now = time_monotonic() / 10000000, idle = idle_ns() / 10000000;

	text_add(text, "%" PRIu64 ".%02" PRIu64 " %" PRIu64 ".%02" PRIu64 "\n", (now / 100), (now % 100),
		 (idle / 100), (idle % 100));
}

/* No average is kept: all three values are the tasks that run now. */
void proc_make_loadavg(struct process *process, struct text *text)
{
	text_add(text, "%u.00 %u.00 %u.00 %u/%u %d\n", running_count(), running_count(), running_count(),
		 running_count(), process_count(), current->process->pid);
}

void proc_make_version(struct process *process, struct text *text)
{
	text_add(text, "Linux version " KERNEL_RELEASE " (quire) #1 SMP\n");
}

void proc_make_filesystems(struct process *process, struct text *text)
{
	text_add(text, "nodev\tproc\nnodev\ttmpfs\nnodev\tquirefs\n");
}

void proc_make_cmdline_system(struct process *process, struct text *text)
{
	text_add(text, "%s\n", boot_info.cmdline);
}

void proc_make_osrelease(struct process *process, struct text *text)
{
	text_add(text, KERNEL_RELEASE "\n");
}

void proc_make_ostype(struct process *process, struct text *text)
{
	text_add(text, "Linux\n");
}

void proc_make_hostname(struct process *process, struct text *text)
{
	text_add(text, "%s\n", host_name);
}

void proc_make_shm(struct process *process, struct text *text)
{
	char line[256];

	text_add(
	    text,
	    "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid"
	    "      atime      dtime      ctime                   rss                  swap\n");
	for (unsigned i = 0; shm_line(i, line, sizeof(line)); i++)
		text_add(text, "%s", line);
}

void proc_make_pid_max(struct process *process, struct text *text)
{
	text_add(text, "32768\n");
}

void proc_make_zero(struct process *process, struct text *text)
{
	text_add(text, "0\n");
}

void proc_make_two(struct process *process, struct text *text)
{
	text_add(text, "2\n");
}

/* core(5): private and shared memory without a file, the first page of a program's; it cannot be changed. */
void proc_make_core_filter(struct process *process, struct text *text)
{
	text_add(text, "00000033\n");
}

/* 128: "kernel died recently, i.e. there was an OOPS or BUG". */
void proc_make_tainted(struct process *process, struct text *text)
{
	text_add(text, "%u\n", oops_count() ? 128u : 0u);
}

#define SYSTEM_TEXT(call)                                                 \
	void proc_make_##call(struct process *process, struct text *text) \
	{                                                                 \
		proc_##call(text);                                        \
	}
SYSTEM_TEXT(meminfo)
SYSTEM_TEXT(swaps)
SYSTEM_TEXT(vmstat)
SYSTEM_TEXT(cpuinfo)
SYSTEM_TEXT(stat_system)
SYSTEM_TEXT(mounts)

void proc_make_cmdline(struct process *process, struct text *text)
{
	uint64_t at = process->arg_start;
	char bytes[256];

	while (at < process->arg_end && text->length < 1 << 20) {
		long got = proc_mem(process, bytes, MIN(sizeof(bytes), process->arg_end - at), at, false);

		if (got <= 0)
			break;
		text_bytes(text, bytes, (size_t)got);
		at += (uint64_t)got;
	}
}

void proc_make_environ(struct process *process, struct text *text)
{
	uint64_t at = process->env_start;
	char bytes[256];

	while (at < process->env_end && text->length < 1 << 20) {
		long got = proc_mem(process, bytes, MIN(sizeof(bytes), process->env_end - at), at, false);

		if (got <= 0)
			break;
		text_bytes(text, bytes, (size_t)got);
		at += (uint64_t)got;
	}
}

void proc_make_comm(struct process *process, struct text *text)
{
	text_add(text, "%.15s\n", process->comm);
}

void proc_make_auxv(struct process *process, struct text *text)
{
	text_bytes(text, process->auxv, MIN((size_t)process->auxv_bytes, sizeof(process->auxv)));
}

void proc_make_mounts_of(struct process *process, struct text *text)
{
	proc_mounts(text);
}

/* As findmnt and df read it; the device numbers are those of stat(2). */
void proc_make_mountinfo(struct process *process, struct text *text)
{
	text_add(text, "1 1 0:1 / / rw,relatime - tmpfs tmpfs rw\n"
		       "2 1 0:4 / /proc rw,relatime - proc proc rw\n");
}

void proc_make_oom_score(struct process *process, struct text *text)
{
	text_add(text, "%u\n", oom_score(process));
}

void proc_make_oom_score_adj(struct process *process, struct text *text)
{
	text_add(text, "%d\n", process->oom_score_adj);
}

/* Lowering the value needs CAP_SYS_RESOURCE: other processes become likelier victims. */
int proc_take_oom_score_adj(struct process *process, const char *value)
{
	bool negative = *value == '-';
	const char *end, *digits = value + negative;
	uint64_t number = strtoul64(digits, &end);
	int adjust;

	if (end == digits || end > digits + 6 || *end || number > OOM_SCORE_ADJ_MAX)
		return -EINVAL;
	adjust = negative ? -(int)number : (int)number;
	if (adjust < process->oom_score_adj && !capable(CAP_SYS_RESOURCE))
		return -EACCES;
	process->oom_score_adj = adjust;
	return 0;
}

void proc_make_wchan(struct process *process, struct text *text)
{
	text_add(text, "0");
}

/* --- deliberate kernel bugs ------------------------------------------------------------------------ */

void proc_make_provoke(struct process *process, struct text *text)
{
	const char *word;

	for (unsigned i = 0; (word = provoke_word(i)) != NULL; i++)
		text_add(text, "%s\n", word);
}

int proc_take_provoke(struct process *process, const char *value)
{
	return provoke(value);
}

/* Of Linux's letters only c, the crash, is implemented. */
int proc_take_sysrq(struct process *process, const char *value)
{
	if (value[0] == 'c')
		panic("sysrq triggered crash");
	return -EINVAL;
}
