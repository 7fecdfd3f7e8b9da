/* SPDX-License-Identifier: MIT */
/* The oracle's host side: a child of its own runs the program by raw system calls. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "oracle.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf after_signal;
static volatile int got_signal;
static char text[1 << 18];
static int file_rw, file_ro, file_wo;

static void on_signal(int signal, siginfo_t *info, void *context)
{
	(void)context;
	got_signal = signal << 8 | (info->si_code & 0xff);
	siglongjmp(after_signal, 1);
}

static int outcome(long value)
{
	return value == -1 ? -errno : 0;
}

/* --- /proc/self/smaps ----------------------------------------------------------------------------------- */

static size_t slurp(const char *path)
{
	size_t used = 0;
	ssize_t got;
	int fd = open(path, O_RDONLY);

	while (fd >= 0 && (got = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)got;
	text[used] = 0;
	close(fd);
	return used;
}

static uint32_t flags_of(const char *words)
{
	static const struct {
		char name[4];
		uint32_t flag;
	} names[] = {
	    {"rd", LINE_READ},       {"wr", LINE_WRITE},    {"ex", LINE_EXEC},       {"ms", LINE_SHARED},
	    {"mr", LINE_MAYREAD},    {"mw", LINE_MAYWRITE}, {"me", LINE_MAYEXEC},    {"gd", LINE_GROWSDOWN},
	    {"lo", LINE_LOCKED},     {"ac", LINE_ACCOUNT},  {"nr", LINE_NORESERVE},  {"dc", LINE_DONTFORK},
	    {"sr", LINE_SEQUENTIAL}, {"rr", LINE_RANDOM},   {"wf", LINE_WIPEONFORK}, {"dd", LINE_DONTDUMP}};
	uint32_t flags = 0;

	for (; words[0] == ' ' && words[1] && words[1] != '\n'; words += 3) {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			flags |= memcmp(words + 1, names[i].name, 2) == 0 ? names[i].flag : 0;
	}
	return flags;
}

static void look(struct result *result)
{
	struct line *line = NULL;
	char *at, *next;

	slurp("/proc/self/smaps");
	result->lines = 0;
	for (at = text; *at; at = next) {
		unsigned long start, end, offset, kilobytes;
		char perms[8], *newline = strchr(at, '\n');

		next = newline ? newline + 1 : at + strlen(at);
		if (sscanf(at, "%lx-%lx %4s %lx", &start, &end, perms, &offset) == 4) {
			line = NULL;
			if (start < WINDOW || start >= WINDOW + WINDOW_PAGES * PAGE ||
			    result->lines == MAX_LINES)
				continue;
			line = &result->line[result->lines++];
			memset(line, 0, sizeof(*line));
			line->start = start;
			line->end = end;
			line->offset = offset;
		} else if (line && sscanf(at, "Rss: %lu", &kilobytes) == 1) {
			line->rss = (uint32_t)(kilobytes / 4);
		} else if (line && sscanf(at, "Anonymous: %lu", &kilobytes) == 1) {
			line->anonymous = (uint32_t)(kilobytes / 4);
		} else if (line && memcmp(at, "VmFlags:", 8) == 0) {
			line->flags = flags_of(at + 8);
		}
	}
}

static uint64_t status_pages(const char *key)
{
	const char *at;

	slurp("/proc/self/status");
	at = strstr(text, key);
	return at ? strtoull(at + strlen(key), NULL, 10) / 4 : 0;
}

/* --- operations ----------------------------------------------------------------------------------------- */

static void placed(struct result *result, long value, uint64_t length)
{
	uint64_t at = (uint64_t)value;

	result->status = outcome(value);
	if (value == -1)
		return;
	if (at >= WINDOW && at < WINDOW + WINDOW_PAGES * PAGE) {
		result->value = at - WINDOW;
		return;
	}
	result->value = ELSEWHERE;
	syscall(SYS_munmap, value, (length + PAGE - 1) & ~(PAGE - 1));
}

static void do_mmap(const struct op *op, struct result *result)
{
	int fds[] = {-1, file_rw, file_ro, file_wo};

	placed(result, syscall(SYS_mmap, op->a[0], op->a[1], op->a[2], op->a[3], fds[op->a[4] & 3], op->a[5]),
	       op->a[1]);
}

static void do_access(const struct op *op, struct result *result)
{
	volatile unsigned char *byte = (volatile unsigned char *)op->a[0];

	got_signal = 0;
	if (sigsetjmp(after_signal, 1) == 0) {
		if (op->kind == OP_WRITE)
			*byte = (unsigned char)op->a[1];
		else
			result->value = *byte;
	}
	result->status = got_signal;
}

static void do_mincore(const struct op *op, struct result *result)
{
	static unsigned char vector[WINDOW_PAGES * 2];
	uint64_t pages = (op->a[1] + PAGE - 1) / PAGE;

	memset(vector, 0, sizeof(vector));
	result->status = outcome(syscall(SYS_mincore, op->a[0], op->a[1], vector));
	for (uint64_t i = 0; result->status == 0 && i < pages && i < 64; i++)
		result->value |= (uint64_t)(vector[i] & 1) << i;
}

static void do_fork(const struct op *op)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		_exit(3);
	if (op->a[0] == 0 && pid != 0) {
		/* The child goes on; this one stays, with its memory, until it is done. */
		waitpid(pid, NULL, 0);
		_exit(0);
	}
	if (op->a[0] == 1 && pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* The parent may have been done before this one could ask to end with it. */
		if (getppid() != parent)
			_exit(0);
		for (;;)
			pause();
	}
}

static void do_limit(const struct op *op)
{
	static const int which[] = {RLIMIT_DATA, RLIMIT_STACK, RLIMIT_AS, RLIMIT_MEMLOCK};
	uint64_t base = op->a[0] == 0 ? status_pages("VmData:") : op->a[0] == 2 ? status_pages("VmSize:") : 0;
	struct rlimit limit;

	getrlimit(which[op->a[0]], &limit);
	limit.rlim_cur = (base + op->a[1]) * PAGE;
	setrlimit(which[op->a[0]], &limit);
}

static void drop_rights(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	memset(data, 0, sizeof(data));
	syscall(SYS_capset, &head, data);
}

static void execute(const struct op *op, struct result *result)
{
	const uint64_t *a = op->a;

	switch (op->kind) {
	case OP_MMAP:
		do_mmap(op, result);
		break;
	case OP_MUNMAP:
		result->status = outcome(syscall(SYS_munmap, a[0], a[1]));
		break;
	case OP_MPROTECT:
		result->status = outcome(syscall(SYS_mprotect, a[0], a[1], a[2]));
		break;
	case OP_MREMAP:
		placed(result, syscall(SYS_mremap, a[0], a[1], a[2], a[3], a[4]), a[2]);
		break;
	case OP_BRK:
		result->value = (uint64_t)syscall(SYS_brk, WINDOW + HEAP_AT * PAGE + a[0]) - WINDOW;
		break;
	case OP_MADVISE:
		result->status = outcome(syscall(SYS_madvise, a[0], a[1], a[2]));
		break;
	case OP_MINCORE:
		do_mincore(op, result);
		break;
	case OP_MLOCK:
		result->status = outcome(syscall(SYS_mlock2, a[0], a[1], a[2]));
		break;
	case OP_MUNLOCK:
		result->status = outcome(syscall(SYS_munlock, a[0], a[1]));
		break;
	case OP_MLOCKALL:
		result->status = outcome(syscall(SYS_mlockall, a[0]));
		break;
	case OP_MUNLOCKALL:
		result->status = outcome(syscall(SYS_munlockall));
		break;
	case OP_MSYNC:
		result->status = outcome(syscall(SYS_msync, a[0], a[1], a[2]));
		break;
	case OP_READ:
	case OP_WRITE:
		do_access(op, result);
		break;
	case OP_FORK:
		do_fork(op);
		break;
	case OP_LIMIT:
		do_limit(op);
		break;
	case OP_DROP_RIGHTS:
		drop_rights();
		break;
	default:
		break;
	}
}

/* The other addresses only have to be in order: nobody looks at them. */
static bool move_heap(void)
{
	uint64_t heap = WINDOW + HEAP_AT * PAGE, code = 0x100000;
	struct prctl_mm_map map = {
	    .start_code = code,
	    .end_code = code + 1,
	    .start_data = code,
	    .end_data = code,
	    .start_brk = heap,
	    .brk = heap,
	    .start_stack = code,
	    .arg_start = code,
	    .arg_end = code,
	    .env_start = code,
	    .env_end = code,
	    .exe_fd = (uint32_t)-1,
	};

	return prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0) == 0;
}

static void soft_limit(int which, rlim_t want)
{
	struct rlimit limit;

	getrlimit(which, &limit);
	limit.rlim_cur = want < limit.rlim_max ? want : limit.rlim_max;
	setrlimit(which, &limit);
}

bool oracle_host_privileged(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];
	const uint32_t needed = 1u << CAP_IPC_LOCK | 1u << CAP_SYS_RAWIO | 1u << CAP_SYS_ADMIN;

	return syscall(SYS_capget, &head, data) == 0 && (data[0].effective & needed) == needed;
}

static void prepare(const struct program *program)
{
	static char stack[1 << 16];
	stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction action = {.sa_sigaction = on_signal,
				   .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
	struct rlimit limit = {8 << 20, RLIM_INFINITY};
	unsigned char page[PAGE];
	char path[64];

	sigaltstack(&alternate, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	setrlimit(RLIMIT_MEMLOCK, &limit);
	/* Whatever the user's shell has set, the library's default; and no huge pages of the kernel's choice. */
	soft_limit(RLIMIT_STACK, 8 << 20);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	file_rw = memfd_create("oracle", 0);
	for (unsigned i = 0; i < FILE_PAGES; i++) {
		memset(page, 0x40 + (int)i, sizeof(page));
		if (write(file_rw, page, sizeof(page)) != sizeof(page))
			_exit(4);
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file_rw);
	file_ro = open(path, O_RDONLY);
	file_wo = open(path, O_WRONLY);
	if (program->heap && !move_heap())
		_exit(5);
}

void oracle_run_host(const struct program *program, struct result *results)
{
	size_t bytes = sizeof(struct result) * MAX_OPS;
	struct result *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		prepare(program);
		for (unsigned i = 0; i < program->count; i++) {
			execute(&program->op[i], &shared[i]);
			look(&shared[i]);
		}
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		fprintf(stderr, "oracle: the host's process ended with status %x\n", (unsigned)status);
		shared[0].status = 9999;
	}
	memcpy(results, shared, bytes);
	munmap(shared, bytes);
}
