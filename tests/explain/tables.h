/* SPDX-License-Identifier: MIT */
/* What the tests of the syndrome tables share: one decoded trap. */
#ifndef TESTS_EXPLAIN_TABLES_H
#define TESTS_EXPLAIN_TABLES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <quire/port/arch.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline const struct quire_profile *profile(const char *name)
{
	const struct quire_profile *found = quire_profile_find(name);

	assert_non_null(found);
	return found;
}

static inline struct quire_fault decode(const char *arch_name, const char *profile_name,
					enum quire_vector vector, uint64_t code, uint64_t address,
					enum quire_mode mode)
{
	const struct quire_arch *arch = quire_arch_find(arch_name);
	struct quire_trap trap = {.vector = vector, .mode = mode, .syndrome = code, .address = address};
	struct quire_fault fault;

	assert_non_null(arch);
	arch->decode(arch, profile(profile_name), NULL, &trap, &fault);
	assert_int_equal(fault.va, address);
	assert_int_equal(fault.raw, code);
	assert_int_equal(fault.vector, vector);
	assert_true(fault.steps_count <= sizeof(fault.steps));
	return fault;
}

#endif
