/* SPDX-License-Identifier: MIT */
/* /proc/PID/status, stat, statm, limits, as Linux prints them. */
#include "fs/proc.h"

/* What is copied under proc_lock, so that it is from one moment. */
struct snapshot {
	pid_t tid; /* that was asked for; 0: the process */
	pid_t pid, pgid, sid, ppid;
	char comm[16], state;
	struct cred cred;
	unsigned threads, umask;
	uint64_t pending, shared_pending, blocked, ignored, caught;
	uint64_t start_time;
	int tty;
	bool no_new_privs;
};

static void visit_leader(struct task *task, void *context)
{
	struct snapshot *s = context;

	s->pending = task->pending.set;
	s->blocked = task->blocked;
	s->umask = task->fs ? task->fs->umask : 0;
}

/* locked: proc_lock */
static void visit_thread(const struct process *process, struct snapshot *s)
{
	struct task *task;

	list_for_each (task, &process->threads, thread) {
		if (task->tid != s->tid)
			continue;
		visit_leader(task, s);
		memcpy(s->comm, task->comm, sizeof(s->comm));
	}
}

static void take_snapshot(struct process *process, pid_t tid, struct snapshot *s)
{
	memset(s, 0, sizeof(*s));
	process_visit_thread(process, visit_leader, s);
	s->tid = tid;
	spin_lock(&proc_lock);
	s->state = process_state_letter_locked(process, tid);
	s->pid = process->pid;
	s->pgid = process->pgid;
	s->sid = process->sid;
	s->ppid = process->parent ? process->parent->pid : 0;
	memcpy(s->comm, process->comm, sizeof(s->comm));
	if (tid)
		visit_thread(process, s);
	s->cred = process->cred;
	s->threads = process->thread_count;
	s->shared_pending = process->pending.set;
	s->start_time = process->start_time;
	s->tty = process->controlling_tty;
	s->no_new_privs = process->no_new_privs;
	for (unsigned i = 0; process->handlers && i < SIGNAL_MAX; i++) {
		uint64_t handler = process->handlers->action[i].handler;

		if (handler == SIG_IGN)
			s->ignored |= 1ull << i;
		else if (handler != SIG_DFL)
			s->caught |= 1ull << i;
	}
	spin_unlock(&proc_lock);
}

static const char *state_name(char state)
{
	switch (state) {
	case 'R':
		return "running";
	case 'S':
		return "sleeping";
	case 'D':
		return "disk sleep";
	case 'T':
		return "stopped";
	case 'Z':
		return "zombie";
	}
	return "dead";
}

static void kib(struct text *text, const char *name, uint64_t pages)
{
	text_add(text, "%s:\t%8" PRIu64 " kB\n", name, (pages * 4));
}

static void status_memory(struct process *process, struct text *text)
{
	struct quire_mm *mm = process_mm(process);
	uint64_t code = (process->end_code - process->start_code + 4095) / 4096;
	struct quire_usage usage;

	if (!mm)
		return;
	quire_mm_usage(mm, &usage);
	quire_mm_put(mm);
	kib(text, "VmPeak", usage.vm_peak);
	kib(text, "VmSize", usage.total_vm);
	kib(text, "VmLck", usage.locked_vm);
	kib(text, "VmPin", 0);
	kib(text, "VmHWM", usage.rss_peak);
	kib(text, "VmRSS", usage.rss_anon + usage.rss_file + usage.rss_shmem);
	kib(text, "RssAnon", usage.rss_anon);
	kib(text, "RssFile", usage.rss_file);
	kib(text, "RssShmem", usage.rss_shmem);
	kib(text, "VmData", usage.data_vm);
	kib(text, "VmStk", usage.stack_vm);
	kib(text, "VmExe", MIN(code, usage.exec_vm));
	kib(text, "VmLib", usage.exec_vm - MIN(code, usage.exec_vm));
	kib(text, "VmPTE", usage.table_bytes / 4096);
	kib(text, "VmSwap", usage.swap);
	kib(text, "HugetlbPages", 0);
}

void proc_status(struct process *process, struct text *text)
{
	uint64_t cpu_mask = cpu_count() >= 64 ? UINT64_MAX : (1ull << cpu_count()) - 1;
	struct snapshot *s = kmalloc(sizeof(*s));
	struct usage usage;

	if (!s) {
		text->failed = true;
		return;
	}
	take_snapshot(process, text->tid, s);
	process_usage(process, &usage);
	text_add(text,
		 "Name:\t%.15s\nUmask:\t%04o\nState:\t%c (%s)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\n"
		 "TracerPid:\t0\n",
		 s->comm, s->umask, s->state, state_name(s->state), s->pid, s->tid ? s->tid : s->pid,
		 s->ppid);
	text_add(text, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t64\nGroups:\t", s->cred.uid,
		 s->cred.euid, s->cred.suid, s->cred.fsuid, s->cred.gid, s->cred.egid, s->cred.sgid,
		 s->cred.fsgid);
	for (unsigned i = 0; i < s->cred.group_count; i++)
		text_add(text, "%u ", s->cred.groups[i]);
	text_add(text, "\nNStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", s->pid, s->pid, s->pgid,
		 s->sid);
	status_memory(process, text);
	text_add(text,
		 "Threads:\t%u\nSigQ:\t0/%" PRIu64 "\nSigPnd:\t%016" PRIx64 "\nShdPnd:\t%016" PRIx64
		 "\nSigBlk:\t%016" PRIx64 "\n"
		 "SigIgn:\t%016" PRIx64 "\nSigCgt:\t%016" PRIx64 "\n",
		 s->threads, process->rlimit[RLIMIT_SIGPENDING].soft, s->pending, s->shared_pending,
		 s->blocked, s->ignored, s->caught);
	text_add(text,
		 "CapInh:\t%016" PRIx64 "\nCapPrm:\t%016" PRIx64 "\nCapEff:\t%016" PRIx64
		 "\nCapBnd:\t%016" PRIx64 "\nCapAmb:\t%016x\n",
		 s->cred.cap_inheritable, s->cred.cap_permitted, s->cred.cap_effective, s->cred.cap_bounding,
		 0u);
	text_add(text, "NoNewPrivs:\t%d\nSeccomp:\t0\nCpus_allowed:\t%" PRIx64 "\nCpus_allowed_list:\t0",
		 s->no_new_privs, cpu_mask);
	if (cpu_count() > 1)
		text_add(text, "-%u", cpu_count() - 1);
	text_add(text,
		 "\nMems_allowed:\t1\nMems_allowed_list:\t0\nvoluntary_ctxt_switches:\t%" PRIu64 "\n"
		 "nonvoluntary_ctxt_switches:\t%" PRIu64 "\n",
		 usage.voluntary, usage.involuntary);
	kfree(s);
}

static uint64_t ticks(uint64_t ns)
{
	return ns / (NSEC_PER_SEC / ABI_TICKS_PER_SECOND);
}

void proc_stat(struct process *process, struct text *text)
{
	struct snapshot *s = kmalloc(sizeof(*s));
	struct quire_mm *mm = process_mm(process);
	struct quire_usage memory = {0};
	struct usage usage;
	uint64_t rss;

	if (!s) {
		text->failed = true;
		goto out;
	}
	take_snapshot(process, text->tid, s);
	process_usage(process, &usage);
	if (mm)
		quire_mm_usage(mm, &memory);
	rss = memory.rss_anon + memory.rss_file + memory.rss_shmem;
	text_add(text, "%d (%.15s) %c %d %d %d %d %d 0 ", s->tid ? s->tid : s->pid, s->comm, s->state,
		 s->ppid, s->pgid, s->sid, s->tty ? 0x501 : 0, s->tty ? s->pgid : -1);
	text_add(text,
		 "%lu %lu %lu %lu %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " 20 0 %u 0 %" PRIu64 " ",
		 usage.minor, process->children_usage.minor, usage.major, process->children_usage.major,
		 ticks(usage.user_ns), ticks(usage.system_ns), ticks(process->children_usage.user_ns),
		 ticks(process->children_usage.system_ns), s->threads, ticks(s->start_time));
	text_add(text, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " 0 0 ",
		 (memory.total_vm * PAGE_SIZE), rss, process->rlimit[RLIMIT_RSS].soft, process->start_code,
		 process->end_code, process->start_stack);
	text_add(text,
		 "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " 0 0 0 17 0 0 0 0 0 0 0 0 %" PRIu64
		 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %d\n",
		 (s->pending & 0x7fffffff), (s->blocked & 0x7fffffff), (s->ignored & 0x7fffffff),
		 (s->caught & 0x7fffffff), (uint64_t)memory.start_brk, process->arg_start, process->arg_end,
		 process->env_start, process->env_end, process->exit_status);
out:
	kfree(s);
	if (mm)
		quire_mm_put(mm);
}

void proc_statm(struct process *process, struct text *text)
{
	struct quire_mm *mm = process_mm(process);
	uint64_t code = (process->end_code - process->start_code + 4095) / 4096;
	struct quire_usage usage = {0};

	if (mm) {
		quire_mm_usage(mm, &usage);
		quire_mm_put(mm);
	}
	text_add(text, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " 0 %" PRIu64 " 0\n", usage.total_vm,
		 (usage.rss_anon + usage.rss_file + usage.rss_shmem), (usage.rss_file + usage.rss_shmem),
		 code, (usage.data_vm + usage.stack_vm));
}

static void limit_value(struct text *text, uint64_t value)
{
	if (value == UINT64_MAX)
		text_add(text, "%-20s ", "unlimited");
	else
		text_add(text, "%-20" PRIu64 " ", value);
}

void proc_limits(struct process *process, struct text *text)
{
	static const struct {
		const char *name, *unit;
	} limits[RLIMIT_COUNT] = {
	    [RLIMIT_CPU] = {"Max cpu time", "seconds"},
	    [RLIMIT_FSIZE] = {"Max file size", "bytes"},
	    [RLIMIT_DATA] = {"Max data size", "bytes"},
	    [RLIMIT_STACK] = {"Max stack size", "bytes"},
	    [RLIMIT_CORE] = {"Max core file size", "bytes"},
	    [RLIMIT_RSS] = {"Max resident set", "bytes"},
	    [RLIMIT_NPROC] = {"Max processes", "processes"},
	    [RLIMIT_NOFILE] = {"Max open files", "files"},
	    [RLIMIT_MEMLOCK] = {"Max locked memory", "bytes"},
	    [RLIMIT_AS] = {"Max address space", "bytes"},
	    [RLIMIT_LOCKS] = {"Max file locks", "locks"},
	    [RLIMIT_SIGPENDING] = {"Max pending signals", "signals"},
	    [RLIMIT_MSGQUEUE] = {"Max msgqueue size", "bytes"},
	    [RLIMIT_NICE] = {"Max nice priority", ""},
	    [RLIMIT_RTPRIO] = {"Max realtime priority", ""},
	    [RLIMIT_RTTIME] = {"Max realtime timeout", "us"},
	};

	text_add(text, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (unsigned i = 0; i < RLIMIT_COUNT; i++) {
		text_add(text, "%-25s ", limits[i].name);
		limit_value(text, process->rlimit[i].soft);
		limit_value(text, process->rlimit[i].hard);
		text_add(text, "%-*s\n", limits[i].unit[0] ? 10 : 0, limits[i].unit);
	}
}
