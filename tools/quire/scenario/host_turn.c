/* SPDX-License-Identifier: MIT */
/* The processes of a program take turns. Each operation is a turn, and so are the final views of each
 * process.
 *
 * `turn` only grows. Its owner depends on which processes are alive, which changes in the turns of fork
 * and exit. A process that is preempted between reading `turn` and computing its owner would combine an
 * old turn with newer state. So it reads `turn` again and repeats if the value has changed. */
#include "host.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if !defined(SYS_futex) && defined(SYS_futex_time64)
#define SYS_futex SYS_futex_time64
#endif

/* From the kernel's headers, which may be missing where there is only a static libc. */
enum {
	FUTEX_WAIT = 0,
	FUTEX_WAKE = 1
};

void host_futex_wait(_Atomic uint32_t *word, uint32_t expected, unsigned timeout)
{
	struct timespec time = {timeout, 0};

	syscall(SYS_futex, word, FUTEX_WAIT, expected, timeout ? &time : NULL, NULL, 0);
}

void host_futex_wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, 0x7fffffff, NULL, NULL, 0);
}

uint32_t host_turn_next(const struct host_shared *s, uint32_t turn)
{
	uint32_t end = turn < TURN_END ? 0 : turn - TURN_END + 1;

	if (turn + 1 < s->program.op_count)
		return turn + 1;
	while (end < s->program.proc_count && !s->run.alive[end])
		end++;
	return end < s->program.proc_count ? TURN_END + end : TURN_LEAVE;
}

/* The process that does this turn. The first living process does the operations of one that does not
 * exist. SCN_MAX_PROCS: no process does it, or not yet. */
static unsigned owner(const struct host_shared *s, uint32_t turn)
{
	unsigned proc = turn < TURN_END ? s->program.op[turn].proc : (turn - TURN_END) % SCN_MAX_PROCS;

	/* From the exit of a process until the zygote passes the turn on, nobody owns the turn. */
	if (turn == TURN_LEAVE || s->exiting[proc] == turn + 1)
		return SCN_MAX_PROCS;
	if (s->run.alive[proc])
		return proc;
	for (proc = 0; proc < SCN_MAX_PROCS && !s->run.alive[proc];)
		proc++;
	return proc;
}

bool host_turn_is_mine(const struct host_shared *s, uint32_t turn, unsigned self)
{
	return owner(s, turn) == self && atomic_load(&s->turn) == turn;
}

uint32_t host_turn_take(struct host_shared *s, unsigned self)
{
	for (;;) {
		uint32_t turn = atomic_load(&s->turn);

		if (turn == TURN_LEAVE || host_turn_is_mine(s, turn, self))
			return turn;
		host_futex_wait(&s->turn, turn, 0);
	}
}

void host_turn_pass(struct host_shared *s, uint32_t turn, unsigned self)
{
	uint32_t next = host_turn_next(s, turn);

	atomic_store(&s->turn, next);
	if (owner(s, next) != self)
		host_futex_wake(&s->turn);
}
