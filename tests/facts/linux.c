/* SPDX-License-Identifier: MIT */
/* The running Linux as a machine to measure facts on: each process is a server that does one order at a time.
 *
 *   facts ──order──► pipe ──► server 0 ──fork──► server 1
 *         ◄─answer── shared page
 *
 * Between two readings of getrusage() runs nothing but the access or the call. Before each order the server
 * touches what it will use, until that takes no fault: after a fork its own memory is shared again. */
#include "facts.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	SERVERS = 2,
	FILES = 4,
	ALT_BYTES = 65536,
	RET = 0xc3 /* x86: what exec finds in a file */
};

enum order_kind {
	ORDER_CALL,
	ORDER_ACCESS,
	ORDER_FORK,
	ORDER_WAIT,
	ORDER_MINCORE,
	ORDER_EXIT
};

struct order {
	enum order_kind kind;
	unsigned what; /* enum facts_call, enum facts_kind, or the child's number */
	uint64_t arg[6];
	uint64_t addr, sp;
	/* The answer. */
	int64_t result;
	pid_t pid;
	struct facts_access access;
	uint8_t vector[4096];
};

struct server {
	pid_t pid; /* 0: none */
	int order[2], answer[2];
};

struct machine {
	struct facts_machine public;
	struct order *order; /* shared with the servers */
	struct server server[SERVERS];
	uint64_t stack; /* an address in the main stack */
	int file[FILES];
	unsigned files;
	int pipe[2]; /* of the kernel's copies */
};

/* --- The server --- */

static sigjmp_buf back;
static struct facts_access *seen;
static unsigned char alt_stack[ALT_BYTES] __attribute__((aligned(4096)));

static void on_signal(int number, siginfo_t *info, void *context)
{
	seen->signal = (unsigned)number;
	seen->code = (unsigned)info->si_code;
	seen->addr = (uint64_t)(uintptr_t)info->si_addr;
	siglongjmp(back, 1);
}

static void catch_signals(void)
{
	static const int number[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP};
	stack_t stack = {.ss_sp = alt_stack, .ss_size = sizeof(alt_stack)};
	struct sigaction action = {.sa_sigaction = on_signal,
				   .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};

	sigaltstack(&stack, NULL);
	for (unsigned i = 0; i < sizeof(number) / sizeof(number[0]); i++)
		sigaction(number[i], &action, NULL);
}

/* An instruction with the stack pointer at operand 1, kept in r12 meanwhile. */
#define ON_STACK(instruction) "movq %%rsp, %%r12\n\tmovq %1, %%rsp\n\t" instruction "\n\tmovq %%r12, %%rsp"

/* One byte, with the stack pointer at `sp` where this CPU's instructions are known; 0: as it is. */
static void touch(enum facts_kind kind, volatile uint8_t *at, uint64_t sp, uint8_t *value)
{
	if (kind == FACTS_EXEC) {
		((void (*)(void))(uintptr_t)at)();
		return;
	}
#if defined(__x86_64__)
	if (sp) {
		uint8_t byte = *value;

		if (kind == FACTS_WRITE)
			__asm__ volatile(ON_STACK("movb %b0, (%2)")
					 : "+q"(byte)
					 : "r"(sp), "r"(at)
					 : "r12", "memory");
		else
			__asm__ volatile(ON_STACK("movb (%2), %b0")
					 : "+q"(byte)
					 : "r"(sp), "r"(at)
					 : "r12", "memory");
		*value = byte;
		return;
	}
#endif
	if (kind == FACTS_WRITE)
		*at = *value;
	else
		*value = *at;
}

static struct facts_counts count_between(const struct rusage *before, const struct rusage *after)
{
	return (struct facts_counts){(uint32_t)(after->ru_minflt - before->ru_minflt),
				     (uint32_t)(after->ru_majflt - before->ru_majflt)};
}

static void do_access(struct order *order, uint64_t addr)
{
	static struct rusage before, after;

	seen = &order->access;
	order->access.signal = 0;
	if (sigsetjmp(back, 1) == 0) {
		getrusage(RUSAGE_SELF, &before);
		touch((enum facts_kind)order->what, (volatile uint8_t *)(uintptr_t)addr, order->sp,
		      &order->access.value);
		getrusage(RUSAGE_SELF, &after);
		order->access.counts = count_between(&before, &after);
	}
}

static int64_t result_of(long value)
{
	return value == -1 ? -errno : value;
}

static int64_t copy(const struct machine *m, const struct order *order)
{
	size_t bytes = order->arg[1] < 64 ? (size_t)order->arg[1] : 64;
	void *at = (void *)(uintptr_t)order->arg[0];
	static char drain[64];
	long done;

	if (order->what == FACTS_COPY_IN)
		return result_of(write(m->pipe[1], at, bytes));
	if (write(m->pipe[1], drain, bytes) < 0)
		return -errno;
	done = read(m->pipe[0], at, bytes);
	return result_of(done);
}

static int64_t limit(const uint64_t *arg)
{
	static const int number[] = {RLIMIT_STACK, RLIMIT_AS, RLIMIT_MEMLOCK};
	struct rlimit limit;

	getrlimit((__rlimit_resource_t)number[arg[0]], &limit);
	limit.rlim_cur = arg[1];
	return result_of(setrlimit((__rlimit_resource_t)number[arg[0]], &limit));
}

static int64_t do_call(const struct machine *m, const struct order *order)
{
	static const long number[] = {[FACTS_MUNMAP] = SYS_munmap,   [FACTS_MPROTECT] = SYS_mprotect,
				      [FACTS_MREMAP] = SYS_mremap,   [FACTS_MADVISE] = SYS_madvise,
				      [FACTS_MLOCK] = SYS_mlock,     [FACTS_MLOCK2] = SYS_mlock2,
				      [FACTS_MUNLOCK] = SYS_munlock, [FACTS_MLOCKALL] = SYS_mlockall,
				      [FACTS_MSYNC] = SYS_msync,     [FACTS_SETUID] = SYS_setuid,
				      [FACTS_BRK] = SYS_brk};
	const uint64_t *arg = order->arg;
	long file = arg[4] < m->files ? m->file[arg[4]] : arg[4] > INT32_MAX ? -1 : 999;

	switch (order->what) {
	case FACTS_MMAP:
		return result_of(syscall(SYS_mmap, arg[0], arg[1], arg[2], arg[3], file, arg[5]));
	case FACTS_FTRUNCATE:
		return result_of(ftruncate(m->file[arg[0]], (off_t)arg[1]));
	case FACTS_LIMIT:
		return limit(arg);
	case FACTS_COPY_IN:
	case FACTS_COPY_OUT:
		return copy(m, order);
	default:
		return result_of(syscall(number[order->what], arg[0], arg[1], arg[2], arg[3], arg[4]));
	}
}

static void count_call(const struct machine *m, struct order *order)
{
	static struct rusage before, after;

	getrusage(RUSAGE_SELF, &before);
	order->result = do_call(m, order);
	getrusage(RUSAGE_SELF, &after);
	order->access.counts = count_between(&before, &after);
}

/* What an order will use, used: code, stack, the shared page, the data of the C library. */
static void warm(struct order *order)
{
	static uint8_t dummy[64];
	struct order kept = {.kind = order->kind, .what = order->what, .sp = order->sp};
	volatile uint8_t stack[8192];

	for (unsigned i = 0; i < sizeof(stack); i += 512)
		stack[i] = 1;
	for (unsigned i = 0; i < sizeof(alt_stack); i += 4096)
		((volatile unsigned char *)alt_stack)[i] = 1;
	kept.access = order->access;
	order->sp = 0;
	for (unsigned i = 0; i < 3; i++) {
		order->what = i % 2 ? FACTS_WRITE : FACTS_READ;
		do_access(order, (uint64_t)(uintptr_t)dummy);
	}
	order->what = kept.what;
	order->sp = kept.sp;
	order->access = kept.access;
}

static void serve(struct machine *m, unsigned number);

static void do_fork(struct machine *m, struct order *order)
{
	unsigned child = order->what;
	pid_t pid = fork();

	if (pid == 0)
		serve(m, child);
	order->pid = pid;
}

static void serve(struct machine *m, unsigned number)
{
	struct server *self = &m->server[number];
	struct order *order = m->order;
	bool last = false;
	char byte;

	catch_signals();
	while (!last && read(self->order[0], &byte, 1) == 1) {
		warm(order);
		if (order->kind == ORDER_ACCESS)
			do_access(order, order->addr);
		else if (order->kind == ORDER_CALL)
			count_call(m, order);
		else if (order->kind == ORDER_FORK)
			do_fork(m, order);
		else if (order->kind == ORDER_WAIT)
			waitpid(order->pid, NULL, 0);
		else if (order->kind == ORDER_MINCORE)
			order->result =
			    result_of(syscall(SYS_mincore, order->arg[0], order->arg[1], order->vector));
		last = order->kind == ORDER_EXIT;
		if (write(self->answer[1], &byte, 1) != 1)
			break;
	}
	_exit(0);
}

/* --- The side that measures --- */

static void give(struct machine *m, unsigned proc, enum order_kind kind)
{
	char byte = 1;

	m->order->kind = kind;
	if (write(m->server[proc].order[1], &byte, 1) != 1 ||
	    read(m->server[proc].answer[0], &byte, 1) != 1) {
		fprintf(stderr, "facts: a server ended\n");
		exit(2);
	}
}

static bool begin(void *context)
{
	struct machine *m = context;

	fflush(NULL);
	m->server[0].pid = fork();
	if (m->server[0].pid == 0)
		serve(m, 0);
	return m->server[0].pid > 0;
}

static void exit_process(void *context, unsigned proc)
{
	struct machine *m = context;

	if (!m->server[proc].pid)
		return;
	give(m, proc, ORDER_EXIT);
	if (proc == 0) {
		waitpid(m->server[0].pid, NULL, 0);
	} else {
		m->order->pid = m->server[proc].pid;
		give(m, 0, ORDER_WAIT);
	}
	m->server[proc].pid = 0;
}

static void end(void *context)
{
	struct machine *m = context;

	for (unsigned i = SERVERS; i-- > 0;)
		exit_process(m, i);
	for (unsigned i = 0; i < m->files; i++)
		close(m->file[i]);
	m->files = 0;
}

static int64_t call_kernel(void *context, unsigned proc, enum facts_call call, const uint64_t arg[6],
			   struct facts_counts *counts)
{
	struct machine *m = context;

	m->order->what = call;
	memcpy(m->order->arg, arg, sizeof(m->order->arg));
	give(m, proc, ORDER_CALL);
	*counts = m->order->access.counts;
	return m->order->result;
}

static void access_byte(void *context, unsigned proc, enum facts_kind kind, uint64_t addr, uint64_t sp,
			struct facts_access *access)
{
	struct machine *m = context;

	m->order->what = kind;
	m->order->addr = addr;
	m->order->sp = sp;
	m->order->access = *access;
	give(m, proc, ORDER_ACCESS);
	*access = m->order->access;
}

static bool fork_process(void *context, unsigned proc, unsigned child)
{
	struct machine *m = context;

	m->order->what = child;
	give(m, proc, ORDER_FORK);
	m->server[child].pid = m->order->pid;
	return m->order->pid > 0;
}

/* --- Files, views --- */

/* The server's files are those of this side: a file is made before the process that maps it. */
static int make_file(void *context, enum facts_fs fs, unsigned pages, bool cached)
{
	struct machine *m = context;
	unsigned char page[FACTS_PAGE];
	char path[] = "/var/tmp/facts-XXXXXX";
	int file;

	if (m->files == FILES || fs == FACTS_RAM)
		return -1;
	file = fs == FACTS_MEMORY ? memfd_create("facts", MFD_CLOEXEC) : mkostemp(path, O_CLOEXEC);
	if (fs == FACTS_DISK)
		unlink(path);
	for (unsigned i = 0; i < pages && file >= 0; i++) {
		memset(page, (int)(0x10 + i), sizeof(page));
		page[0] = RET;
		if (pwrite(file, page, sizeof(page), (off_t)(i * FACTS_PAGE)) != (ssize_t)sizeof(page))
			return -1;
	}
	if (!cached) {
		fsync(file);
		posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
	}
	m->file[m->files] = file;
	return file < 0 ? -1 : (int)m->files++;
}

static int do_mincore(void *context, uint64_t addr, uint64_t length, uint8_t *out)
{
	struct machine *m = context;

	m->order->arg[0] = addr;
	m->order->arg[1] = length;
	memcpy(m->order->vector, out, 16);
	give(m, 0, ORDER_MINCORE);
	memcpy(out, m->order->vector, 16);
	return (int)m->order->result;
}

static bool region(void *context, uint64_t addr, uint64_t *out_start, uint64_t *out_end)
{
	struct machine *m = context;
	unsigned long start, stop;
	char path[64], line[512];
	bool found = false;
	FILE *maps;

	if (!addr)
		addr = m->stack;
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)m->server[0].pid);
	maps = fopen(path, "re");
	while (maps && !found && fgets(line, sizeof(line), maps))
		found = sscanf(line, "%lx-%lx", &start, &stop) == 2 && addr >= start && addr < stop;
	if (maps)
		fclose(maps);
	if (found) {
		*out_start = start;
		*out_end = stop;
	}
	return found;
}

static uint64_t frame(void *context, unsigned proc, uint64_t addr)
{
	struct machine *m = context;
	uint64_t entry = 0;
	char path[64];
	int file;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)m->server[proc].pid);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return 0;
	if (pread(file, &entry, sizeof(entry), (off_t)(addr / FACTS_PAGE * 8)) != (ssize_t)sizeof(entry))
		entry = 0;
	close(file);
	return entry >> 63 ? entry & (((uint64_t)1 << 55) - 1) : 0;
}

static bool open_pipes(struct machine *m)
{
	for (unsigned i = 0; i < SERVERS; i++)
		if (pipe2(m->server[i].order, O_CLOEXEC) != 0 || pipe2(m->server[i].answer, O_CLOEXEC) != 0)
			return false;
	return pipe2(m->pipe, O_CLOEXEC) == 0;
}

/* One CPU for all processes. Linux holds a reference to a new page until its CPU has put it on a list: a process that
 * is moved meanwhile finds the page shared, and copies it. */
static void stay_on_this_cpu(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

struct facts_machine *facts_linux_open(const char **out_why)
{
	struct machine *m = calloc(1, sizeof(*m));

	stay_on_this_cpu();
	*out_why = strerror(ENOMEM);
	if (!m)
		return NULL;
	m->public = (struct facts_machine){.context = m,
					   .begin = begin,
					   .end = end,
					   .call = call_kernel,
					   .access = access_byte,
					   .fork = fork_process,
					   .exit = exit_process,
					   .file = make_file,
					   .mincore = do_mincore,
					   .region = region,
					   .frame = frame};
	m->stack = (uint64_t)(uintptr_t)__builtin_frame_address(0);
	m->order = mmap(NULL, sizeof(*m->order), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (m->order != MAP_FAILED && open_pipes(m))
		return &m->public;
	*out_why = strerror(errno);
	free(m);
	return NULL;
}

void facts_linux_close(struct facts_machine *machine)
{
	free(machine->context);
}
