/* SPDX-License-Identifier: MIT */
/* The host backend: the processes of a program are Linux processes that take turns.
 *
 *   conductor ──request──► zygote ──fork──► main ──clone──► child ...
 *   (quire conform)        small, ready       each does its operations in its turns;
 *             ◄──reply──   made, idle         the zygote is the parent of all and reaps them
 *
 * The zygote is forked while the caller is still small, so that forks are cheap and address spaces are
 * nearly empty. The processes communicate through one shared mapping. A process continues without a
 * context switch while the turn stays with it. */
#include "host.h"
#include "names.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef PR_SET_THP_DISABLE
#define PR_SET_THP_DISABLE 41
#endif

/* From the kernel's headers, which may be missing where there is only a static libc. */
enum {
	CAPABILITY_VERSION_3 = 0x20080522,
	CAP_SYS_PTRACE = 19
};

struct capability_header {
	uint32_t version;
	int pid;
};

struct capability_data {
	uint32_t effective, permitted, inheritable;
};

enum {
	ARENA_PAGES = 16384,
	RUN_SECONDS = 200,
	TABLE_SPAN = 4 << 20,
	PROGRAM_LIMIT = 8 << 20 /* initial stack and locked-memory limits of a program */
};

/* --- A program's process --- */

static void live(struct scn_host *host)
{
	struct host_shared *s = host->shared;

	for (;;) {
		uint32_t turn = host_turn_take(s, host->self);

		if (turn == TURN_LEAVE)
			_exit(0);
		if (turn >= TURN_END)
			scn_finish_process(&s->run, host->self);
		else if (!scn_step(&s->run, turn))
			continue; /* a new process: it waits for its turn */
		host_turn_pass(s, turn, host->self);
	}
}

static int host_fork(void *context, unsigned proc, unsigned child, bool *out_child)
{
	struct scn_host *host = context;
	/* CLONE_PARENT: the zygote reaps every process, so it knows when one has exited. */
	long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);

	*out_child = pid == 0;
	if (pid < 0)
		return -errno;
	if (pid == 0)
		host->self = child;
	else
		host->shared->pid[child] = (pid_t)pid;
	host_warm();
	return 0;
}

static void host_exit(void *context, unsigned proc)
{
	struct scn_host *host = context;

	host->shared->exiting[proc] = atomic_load(&host->shared->turn) + 1;
	_exit(0);
}

static void host_access(void *context, unsigned proc, enum scn_access kind, uint64_t addr, uint8_t value,
			struct scn_access_result *out)
{
	host_flush_tlb(context);
	host_measured_access(kind, addr, value, out);
}

/* --- The zygote --- */

static void on_alarm(int signal)
{
	(void)signal;
}

static void set_failed(struct host_shared *s, const char *text)
{
	if (!s->failed)
		snprintf(s->text, sizeof(s->text), "%s", text);
	s->failed = 1;
}

static void kill_all(struct host_shared *s)
{
	for (unsigned i = 0; i < SCN_MAX_PROCS; i++)
		if (s->pid[i] > 0)
			kill(s->pid[i], SIGKILL);
}

static unsigned proc_of(const struct host_shared *s, pid_t pid)
{
	unsigned i = 0;

	while (i < SCN_MAX_PROCS && s->pid[i] != pid)
		i++;
	return i;
}

static bool all_have_exited(const struct host_shared *s)
{
	for (unsigned i = 0; i < SCN_MAX_PROCS; i++)
		if (s->run.alive[i])
			return false;
	return true;
}

/* A process was reaped, so its memory has been freed: only now may the next operation run. */
static void reaped(struct scn_host *host, pid_t pid, int status)
{
	struct host_shared *s = host->shared;
	unsigned proc = proc_of(s, pid);
	uint32_t turn = atomic_load(&s->turn);

	if (proc < SCN_MAX_PROCS)
		s->pid[proc] = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		set_failed(s, "a process of the program died");
		kill_all(s);
		return;
	}
	if (s->failed || turn == TURN_LEAVE || proc == SCN_MAX_PROCS || !s->exiting[proc])
		return;
	s->run.alive[proc] = 0;
	host_turn_pass(s, turn, SCN_MAX_PROCS + 1);
	if (!all_have_exited(s))
		return;
	/* No process is left: record a result for each remaining operation. */
	for (turn = atomic_load(&s->turn); turn < TURN_END;) {
		scn_step(&s->run, turn);
		turn = host_turn_next(s, turn);
		atomic_store(&s->turn, turn);
	}
}

static void reap_all(struct scn_host *host)
{
	struct host_shared *s = host->shared;

	for (;;) {
		int status;
		pid_t pid = (pid_t)syscall(SYS_wait4, -1, &status, 0, NULL);

		if (pid > 0) {
			reaped(host, pid, status);
			continue;
		}
		if (errno == ECHILD)
			return;
		set_failed(s, "the program did not finish in time");
		kill_all(s);
	}
}

static void zygote_run(struct scn_host *host)
{
	struct host_shared *s = host->shared;
	long pid;

	s->failed = 0;
	memset(s->pid, 0, sizeof(s->pid));
	memset(s->exiting, 0, sizeof(s->exiting));
	scn_run_init(&s->run, &s->program, &s->backend, host);
	if (s->program.op_count == 0)
		return;
	if (!host_files_open(host)) {
		set_failed(s, "cannot create a file of the program");
		host_files_close(host);
		return;
	}
	atomic_store(&s->turn, 0);
	alarm(RUN_SECONDS);
	pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		host->self = 0;
		s->pid[0] = (pid_t)syscall(SYS_getpid);
		host_warm();
		live(host);
	}
	if (pid < 0)
		set_failed(s, "fork failed");
	else
		s->pid[0] = (pid_t)pid;
	reap_all(host);
	alarm(0);
	if (!s->failed)
		scn_finish_files(&s->run);
	host_files_close(host);
}

/* Drops all capabilities except CAP_SYS_PTRACE, which reading other processes needs. */
static void drop_rights(void)
{
	struct capability_header header = {CAPABILITY_VERSION_3, 0};
	struct capability_data data[2];

	if (syscall(SYS_capget, &header, data) != 0)
		return;
	memset(&data[1], 0, sizeof(data[1]));
	data[0].effective &= 1u << CAP_SYS_PTRACE;
	data[0].permitted &= 1u << CAP_SYS_PTRACE;
	data[0].inheritable = 0;
	syscall(SYS_capset, &header, data);
}

static void set_soft_limit(int which, rlim_t want)
{
	struct rlimit limit;

	if (getrlimit(which, &limit) != 0)
		return;
	limit.rlim_cur = want < limit.rlim_max ? want : limit.rlim_max;
	setrlimit(which, &limit);
}

/* Sets the same initial limits whatever the user's shell has set; a lower hard limit is a trait. Disables
 * transparent huge pages where the kernel allows that. */
static void set_begin(void)
{
	set_soft_limit(RLIMIT_STACK, PROGRAM_LIMIT);
	set_soft_limit(RLIMIT_MEMLOCK, PROGRAM_LIMIT);
	set_soft_limit(RLIMIT_AS, RLIM_INFINITY);
	set_soft_limit(RLIMIT_DATA, RLIM_INFINITY);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

/* Restartable sequences make the kernel write to the harness's memory whenever it is preempted. */
static void unregister_rseq(void)
{
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 35) && defined(SYS_rseq)
	extern __attribute__((weak)) const ptrdiff_t __rseq_offset;
	extern __attribute__((weak)) const unsigned int __rseq_size;

	if (&__rseq_size && __rseq_size) {
		char *area = (char *)__builtin_thread_pointer() + __rseq_offset;

		for (unsigned size = 32; size <= 256; size += 32)
			if (syscall(SYS_rseq, area, size, 1, 0x53053053) == 0)
				break;
	}
#endif
}

static bool set_brk(uint64_t end)
{
	return (uint64_t)(uintptr_t)syscall(SYS_brk, (uintptr_t)end) == end;
}

/* Places the heap of a program above the libc's own heap (where a static glibc keeps thread-local data),
 * not adjacent to it. The heap starts where a page table starts, so that fault-around windows line up. As
 * on the simulated machine, one untouched page lies below its start. */
static bool place_heap(struct scn_backend *b)
{
	uint64_t mask = b->page_size - 1;
	uint64_t end = ((uint64_t)(uintptr_t)syscall(SYS_brk, 0) + mask) & ~mask;
	uint64_t below;

	b->heap = (end + 2 * b->page_size + TABLE_SPAN - 1) & ~(uint64_t)(TABLE_SPAN - 1);
	below = b->heap - b->page_size;
	return set_brk(below) && munmap((void *)(uintptr_t)end, (size_t)(below - end)) == 0 &&
	       set_brk(b->heap);
}

static bool zygote_init(struct scn_host *host)
{
	struct host_shared *s = host->shared;
	struct scn_backend *b = &s->backend;
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = on_alarm;
	sigaction(SIGALRM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	unregister_rseq();
	set_begin();
	*b = (struct scn_backend){.name = "host",
				  .page_size = (uint64_t)sysconf(_SC_PAGESIZE),
				  .cannot = host_cannot,
				  .call = host_call,
				  .room = host_room,
				  .access = host_access,
				  .fork = host_fork,
				  .exit = host_exit,
				  .mincore = host_mincore,
				  .layout = host_layout,
				  .resident = host_resident,
				  .digest = host_digest,
				  .file_digest = host_file_digest};
	b->arch = host_arch();
	b->arena_bytes = ARENA_PAGES * b->page_size;
	host->files.zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	if (host->files.zero < 0 || pipe2(host->files.pipe, O_CLOEXEC) != 0)
		return false;
	if (!host_measure_init(host))
		return false;
	/* Nothing below may allocate: from here on the heap belongs to the program. */
	if (!place_heap(b) || !host_place_arena(host))
		return false;
	drop_rights();
	host_warm();
	return true;
}

static void zygote(struct scn_host *host)
{
	struct host_shared *s = host->shared;
	uint32_t done = 0;
	bool ready = zygote_init(host);

	for (;;) {
		uint32_t request = atomic_load(&s->request);

		if (atomic_load(&s->quit))
			_exit(0);
		if (request == done) {
			host_futex_wait(&s->request, request, 0);
			continue;
		}
		if (ready)
			zygote_run(host);
		else
			set_failed(s, "cannot set up the address space of the harness on this system");
		done = request;
		atomic_store(&s->reply, done);
		host_futex_wake(&s->reply);
	}
}

/* --- The conductor --- */

struct scn_host *scn_host_open(void)
{
	struct scn_host *host = calloc(1, sizeof(*host));
	pid_t parent = getpid();

	if (!host)
		return NULL;
	host->shared =
	    mmap(NULL, sizeof(*host->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (host->shared == MAP_FAILED) {
		free(host);
		return NULL;
	}
	host->zygote = fork();
	if (host->zygote == 0) {
		struct scn_host *own =
		    mmap(NULL, sizeof(*own), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (own == MAP_FAILED || getppid() != parent)
			_exit(1);
		*own = *host;
		zygote(own);
	}
	if (host->zygote < 0) {
		munmap(host->shared, sizeof(*host->shared));
		free(host);
		return NULL;
	}
	return host;
}

static void copy_program(struct scn_program *to, const struct scn_program *from)
{
	memcpy(to, from, offsetof(struct scn_program, op));
	memcpy(to->op, from->op, from->op_count * sizeof(from->op[0]));
	memcpy(to->expect, from->expect, from->op_count * sizeof(from->expect[0]));
	memcpy(to->row, from->row, from->row_count * sizeof(from->row[0]));
}

const struct scn_run *scn_host_run(struct scn_host *host, const struct scn_program *program,
				   const char **out_text)
{
	struct host_shared *s = host->shared;
	uint32_t request = atomic_load(&s->request) + 1;

	*out_text = NULL;
	copy_program(&s->program, program);
	atomic_store(&s->request, request);
	host_futex_wake(&s->request);
	for (unsigned waited = 0; atomic_load(&s->reply) != request; waited++) {
		uint32_t reply = atomic_load(&s->reply);
		int status;

		if (host->zygote > 0 && waitpid(host->zygote, &status, WNOHANG) == host->zygote) {
			snprintf(s->text, sizeof(s->text), "the harness on the host has ended, status 0x%x",
				 status);
			host->zygote = -1;
		}
		if (host->zygote < 0 || waited > 2 * RUN_SECONDS) {
			*out_text = host->zygote < 0 ? s->text : "the harness on the host does not answer";
			return NULL;
		}
		if (reply != request)
			host_futex_wait(&s->reply, reply, 1);
	}
	if (s->failed) {
		*out_text = s->text;
		return NULL;
	}
	return &s->run;
}

const struct scn_run *scn_host_last(const struct scn_host *host)
{
	return &host->shared->run;
}

void scn_host_close(struct scn_host *host)
{
	int status;

	atomic_store(&host->shared->quit, 1);
	host_futex_wake(&host->shared->request);
	if (host->zygote > 0)
		waitpid(host->zygote, &status, 0);
	munmap(host->shared, sizeof(*host->shared));
	free(host);
}

const char *scn_host_cannot(struct scn_host *host, const struct scn_op *op)
{
	return host_cannot(host, op);
}
