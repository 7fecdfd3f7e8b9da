/* SPDX-License-Identifier: MIT */
/* The processes of a program take turns: each operation is a turn, and so is each process's end.
 *
 * `turn` only grows. Whose it is depends on which processes live, and that changes in the turns of fork and exit. A
 * process that was preempted between reading `turn` and asking whose it is would ask of the past with what is known
 * now: so it looks at `turn` once more, and asks again if it has moved. */
#include "host.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if !defined(SYS_futex) && defined(SYS_futex_time64)
#define SYS_futex SYS_futex_time64
#endif

/* Of the kernel's headers, which a static libc may come without. */
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

/* Which process does this turn; operations of a process that does not exist are the first living one's.
 * SCN_MAX_PROCS: none does, or none yet. */
static unsigned owner(const struct host_shared *s, uint32_t turn)
{
	unsigned proc = turn < TURN_END ? s->program.op[turn].proc : (turn - TURN_END) % SCN_MAX_PROCS;

	/* Between a process's leaving and the zygote's passing the turn on, the turn is nobody's. */
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
