/* SPDX-License-Identifier: MIT */
/* Names: every number of every enum has one of its own, and every other number has "?". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <quire/fault.h>

#define STATUS_LOW (-1100)
#define NAMES_MAX  256

static const char *step_name(unsigned n)
{
	return quire_step_name((enum quire_step)n);
}

static const char *step_text(unsigned n)
{
	return quire_step_text((enum quire_step)n);
}

static const char *access_name(unsigned n)
{
	return quire_access_name((enum quire_access)n);
}

static const char *mode_name(unsigned n)
{
	return quire_mode_name((enum quire_mode)n);
}

static const char *cause_name(unsigned n)
{
	return quire_cause_name((enum quire_cause)n);
}

static const char *route_name(unsigned n)
{
	return quire_route_name((enum quire_route)n);
}

static const char *outcome_name(unsigned n)
{
	return quire_outcome_name((enum quire_outcome_kind)n);
}

static const struct {
	const char *(*name)(unsigned);
	unsigned count;
} enums[] = {
    {step_name, QUIRE_STEP_COUNT},
    {step_text, QUIRE_STEP_COUNT},
    {access_name, 4},
    {mode_name, 3},
    {cause_name, QUIRE_CAUSE_COUNT},
    {route_name, 5},
    {outcome_name, 7},
};

static void every_number_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (size_t e = 0; e < sizeof(enums) / sizeof(enums[0]); e++) {
		for (unsigned n = 0; n < enums[e].count; n++) {
			assert_true(strlen(enums[e].name(n)) > 1);
			for (unsigned other = 0; other < n; other++)
				assert_string_not_equal(enums[e].name(n), enums[e].name(other));
		}
		for (unsigned n = enums[e].count; n < enums[e].count + 300; n++)
			assert_string_equal(enums[e].name(n), "?");
	}
}

static void statuses(void **state)
{
	static const struct {
		enum quire_status status;
		const char *name;
	} rows[] = {
	    {QUIRE_OK, "OK"},
	    {QUIRE_ENOMEM, "ENOMEM"},
	    {QUIRE_EOPNOTSUPP, "EOPNOTSUPP"},
	    {QUIRE_NO_NX, "NO_NX"},
	    {QUIRE_NO_WRITEONLY, "NO_WRITEONLY"},
	};
	const char *seen[NAMES_MAX];
	unsigned count = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(quire_status_name(rows[i].status), rows[i].name);
	for (int n = STATUS_LOW; n <= 200; n++) {
		const char *name = quire_status_name((enum quire_status)n);

		if (strcmp(name, "E?") == 0)
			continue;
		for (unsigned i = 0; i < count; i++)
			assert_string_not_equal(name, seen[i]);
		assert_true(count < NAMES_MAX);
		seen[count++] = name;
	}
	assert_int_equal(count, 28);
}

static void signals_and_codes(void **state)
{
	static const struct {
		unsigned signal, code;
		const char *signal_name, *code_name;
	} rows[] = {
	    {QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR, "SIGSEGV", "SEGV_MAPERR"},
	    {QUIRE_SIGSEGV, QUIRE_SEGV_ACCERR, "SIGSEGV", "SEGV_ACCERR"},
	    {QUIRE_SIGSEGV, QUIRE_SEGV_CPERR, "SIGSEGV", "SEGV_CPERR"},
	    {QUIRE_SIGBUS, QUIRE_BUS_ADRALN, "SIGBUS", "BUS_ADRALN"},
	    {QUIRE_SIGBUS, QUIRE_BUS_ADRERR, "SIGBUS", "BUS_ADRERR"},
	    {QUIRE_SIGILL, QUIRE_ILL_PRVOPC, "SIGILL", "ILL_PRVOPC"},
	    {QUIRE_SIGTRAP, QUIRE_TRAP_HWBKPT, "SIGTRAP", "TRAP_HWBKPT"},
	    {QUIRE_SIGKILL, 0, "SIGKILL", "SI_USER"},
	    {QUIRE_SIGSEGV, QUIRE_SI_KERNEL, "SIGSEGV", "SI_KERNEL"},
	    {QUIRE_SIGFPE, 1, "SIGFPE", "?"},
	    {QUIRE_SIGBUS, 99, "SIGBUS", "?"},
	    {1, 1, "?", "?"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_string_equal(quire_signal_name(rows[i].signal), rows[i].signal_name);
		assert_string_equal(quire_code_name(rows[i].signal, rows[i].code), rows[i].code_name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_number_has_a_name_of_its_own),
	    cmocka_unit_test(statuses),
	    cmocka_unit_test(signals_and_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
