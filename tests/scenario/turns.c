/* SPDX-License-Identifier: MIT */
/* Whose turn it is on the host, also for a process that was preempted while it asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/quire/scenario/host.h"

static struct host_shared shared;

/* p0: read, read, exit; p1: read. Both live. */
static void begin(void)
{
	static const uint8_t proc[] = {0, 0, 0, 1};

	memset(&shared, 0, sizeof(shared));
	shared.program.op_count = 4;
	shared.program.proc_count = 2;
	for (unsigned i = 0; i < 4; i++)
		shared.program.op[i].proc = proc[i];
	shared.run.alive[0] = shared.run.alive[1] = 1;
}

/* As the zygote does it when p0 has left in turn 2. */
static void reap_p0(void)
{
	shared.run.alive[0] = 0;
	host_turn_pass(&shared, 2, SCN_MAX_PROCS + 1);
}

static void order(void **state)
{
	begin();
	assert_true(host_turn_is_mine(&shared, 0, 0));
	assert_false(host_turn_is_mine(&shared, 0, 1));
	host_turn_pass(&shared, 0, 0);
	host_turn_pass(&shared, 1, 0);
	assert_int_equal(host_turn_take(&shared, 0), 2);
	shared.exiting[0] = 3;
	assert_false(host_turn_is_mine(&shared, 2, 0));
	assert_false(host_turn_is_mine(&shared, 2, 1));
	reap_p0();
	assert_int_equal(host_turn_take(&shared, 1), 3);
	assert_int_equal(host_turn_next(&shared, 3), TURN_END + 1);
	host_turn_pass(&shared, 3, 1);
	assert_int_equal(host_turn_take(&shared, 1), TURN_END + 1);
	host_turn_pass(&shared, TURN_END + 1, 1);
	assert_int_equal(host_turn_take(&shared, 1), TURN_LEAVE);
}

/* p1 read the turn when p0 had it, and asks when p0 is gone: an operation of nobody would be its own, but that
 * turn is over. It did it again, and the turn went back to the exit, which nobody does. */
static void a_turn_of_the_past(void **state)
{
	begin();
	host_turn_pass(&shared, 0, 0);
	host_turn_pass(&shared, 1, 0);
	shared.exiting[0] = 3;
	reap_p0();
	assert_false(host_turn_is_mine(&shared, 1, 1));
	assert_false(host_turn_is_mine(&shared, 2, 1));
	assert_true(host_turn_is_mine(&shared, 3, 1));
}

/* An operation of a process that is gone is the first living one's. */
static void operation_of_nobody(void **state)
{
	begin();
	shared.program.op[3].proc = 0;
	host_turn_pass(&shared, 1, 0);
	shared.exiting[0] = 3;
	reap_p0();
	assert_true(host_turn_is_mine(&shared, 3, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(order),
	    cmocka_unit_test(a_turn_of_the_past),
	    cmocka_unit_test(operation_of_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
