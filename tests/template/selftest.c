/* SPDX-License-Identifier: MIT */
/* The self-test of ports: passes on the simulated machine, and fails on hosts that are wrong in one thing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine.h"
#include "selftest.h"

static char said[2000];

static void say(void *context, const char *line)
{
	(void)context;
	if (strlen(said) + strlen(line) + 2 < sizeof(said)) {
		strcat(said, line);
		strcat(said, "\n");
	}
}

static unsigned run(struct sim *sim, const struct quire_host *host)
{
	struct quire_selftest test = {.system = sim_system(sim),
				      .host = host,
				      .host_context = sim,
				      .cpus = sim_cpus(sim),
				      .seed = 3,
				      .rounds = 1,
				      .say = say};

	said[0] = 0;
	return quire_port_selftest(&test);
}

static struct sim *make(const char *arch)
{
	struct sim_config config = {.arch = arch, .cpus = 2, .mmap_min_addr = 4096, .ram_bytes = 64 << 20};
	const char *why = NULL;
	struct sim *sim;

	/* Large pages need large RAM on both sides of the window. */
	config.high_bytes = 16 << 20;
	sim = sim_create(&config, &why);
	if (!sim)
		fail_msg("%s: %s", arch, why);
	return sim;
}

static void test_simulated_machine(void **state)
{
	(void)state;
	for (unsigned i = 0; quire_arch_at(i); i++) {
		struct sim *sim = make(quire_arch_at(i)->name);

		if (run(sim, &sim->host) != 0)
			fail_msg("%s", said);
		assert_non_null(strstr(said, "conformance: passed"));
		assert_non_null(strstr(said, "host: passed"));
		assert_non_null(strstr(said, "program: passed"));
		assert_non_null(strstr(said, "tables: passed"));
		if (sim_destroy(sim))
			fail_msg("%s", quire_arch_at(i)->name);
	}
}

/* --- wrong in one thing --- */

static unsigned cpu_too_high(void *host)
{
	(void)host;
	return 2;
}

static quire_va fixup_anything(void *host, quire_va pc)
{
	(void)host;
	return pc + 1;
}

static void clear_half(void *host, void *page, size_t bytes)
{
	(void)host;
	memset(page, 0, bytes / 2);
}

static void clear_too_much(void *host, void *page, size_t bytes)
{
	(void)host;
	memset(page, 0, bytes + 8);
}

static void copy_backwards(void *host, void *to, const void *from, size_t bytes)
{
	(void)host, (void)from, (void)bytes;
	memset(to, 1, 16);
}

static void *map_one_address(void *host, quire_pfn pfn)
{
	struct sim *sim = host;

	(void)pfn;
	return sim_physical(sim, (quire_pa){sim->ram[2].base}, 4096);
}

static void unmap_nothing(void *host, void *address)
{
	(void)host, (void)address;
}

static void expect(struct sim *sim, const struct quire_host *host, const char *what)
{
	if (run(sim, host) == 0 || !strstr(said, what))
		fail_msg("expected \"%s\" in: %s", what, said);
}

static void test_wrong_hosts(void **state)
{
	struct sim *sim = make("x86_64");
	struct quire_host host;

	(void)state;
	/* The system goes on with its own host: only what the self-test asks is bent. */
	host = sim->host;
	host.panic = NULL;
	expect(sim, &host, "host: panic is required");
	host = sim->host;
	host.cpu = cpu_too_high;
	expect(sim, &host, "cpu is not below");
	host = sim->host;
	host.fixup = fixup_anything;
	expect(sim, &host, "fixup knows");
	host = sim->host;
	host.page_clear = clear_half;
	expect(sim, &host, "not zero");
	host = sim->host;
	host.page_clear = clear_too_much;
	expect(sim, &host, "beyond its page");
	host = sim->host;
	host.page_copy = copy_backwards;
	expect(sim, &host, "does not copy");
	host = sim->host;
	host.frame_map = map_one_address;
	host.frame_unmap = unmap_nothing;
	expect(sim, &host, "mapped at one address");
	host = sim->host;
	host.frame_map = NULL;
	expect(sim, &host, "no window");
	assert_int_equal(run(sim, &sim->host), 0);
	assert_int_equal(sim_destroy(sim), 0);
}

/* A rule of the library that is broken is found by the random operations. */
static void test_wrong_library(void **state)
{
	static const char *const broken[] = {"dontneed-keeps", "access-check"};

	(void)state;
	for (unsigned i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct sim *sim = make("x86_64");

		sim_mutant(sim, broken[i]);
		expect(sim, &sim->host, "tables: a page");
		sim_mutant(sim, NULL);
		assert_int_equal(sim_destroy(sim), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_simulated_machine),
	    cmocka_unit_test(test_wrong_hosts),
	    cmocka_unit_test(test_wrong_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
