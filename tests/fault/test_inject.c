/* SPDX-License-Identifier: MIT */
/* Every allocation and every transfer of every kind of fault, failed in turn.
 *
 * The nth of them fails; the access must end in a clean error (the kernel's copy stops, a program asks
 * the out-of-memory policy, a device error is SIGBUS), everything checks, and the same access succeeds
 * when it is repeated. n grows until a run meets no failure. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#define RW        (QUIRE_PROT_READ | QUIRE_PROT_WRITE)
#define MEMORY    (1u << QUIRE_RES_FRAME | 1u << QUIRE_RES_OBJECT)
#define TRANSFERS (1u << QUIRE_RES_READ | 1u << QUIRE_RES_WRITE)

struct kind {
	const char *name;
	void (*prepare)(struct fx *fx, struct sim_file **file);
	quire_va at;
	bool write;
};

static void anon(struct fx *fx, struct sim_file **file)
{
	(void)file;
	fx_map(fx, FX_AT, 2, RW, QUIRE_MAP_PRIVATE, NULL);
}

static void zero_page(struct fx *fx, struct sim_file **file)
{
	uint64_t value;

	anon(fx, file);
	assert_int_equal(sim_read(fx->cpu, FX_AT, 1, &value), SIM_DONE);
}

static void forked(struct fx *fx, struct sim_file **file)
{
	struct sim_process *child;

	anon(fx, file);
	assert_int_equal(sim_write(fx->cpu, FX_AT, 1, 0x11), SIM_DONE);
	assert_int_equal(sim_process_fork(fx->process, &child), QUIRE_OK);
}

static void mapped_file(struct fx *fx, struct sim_file **file, uint32_t flags)
{
	assert_int_equal(sim_file_create(fx->sim, 4 * fx->page, 0x40, file), QUIRE_OK);
	fx_map(fx, FX_AT, 4, RW, flags, (*file)->file);
}

static void private_file(struct fx *fx, struct sim_file **file)
{
	mapped_file(fx, file, QUIRE_MAP_PRIVATE);
}

static void shared_file(struct fx *fx, struct sim_file **file)
{
	mapped_file(fx, file, QUIRE_MAP_SHARED);
}

/* Mapped in two processes already: the next mapping needs a chunk of the reverse map. */
static void crowded_file(struct fx *fx, struct sim_file **file)
{
	struct sim_process *first = fx->process;
	uint64_t value;

	shared_file(fx, file);
	assert_int_equal(sim_read(fx->cpu, FX_AT, 1, &value), SIM_DONE);
	assert_int_equal(sim_process_create(fx->sim, NULL, &fx->process), QUIRE_OK);
	sim_switch(fx->cpu, fx->process);
	fx_map(fx, FX_AT, 4, RW, QUIRE_MAP_SHARED, (*file)->file);
	(void)first;
}

static void shared_memory(struct fx *fx, struct sim_file **file)
{
	(void)file;
	fx_map(fx, FX_AT, 2, RW, QUIRE_MAP_SHARED, NULL);
}

static void stack(struct fx *fx, struct sim_file **file)
{
	(void)file;
	fx_map(fx, FX_AT + fx->page, 2, RW, QUIRE_MAP_PRIVATE | QUIRE_MAP_GROWSDOWN, NULL);
}

static const struct kind kinds[] = {
    {"anonymous read", anon, FX_AT, false},
    {"anonymous write", anon, FX_AT, true},
    {"zero page, then write", zero_page, FX_AT, true},
    {"copy-on-write", forked, FX_AT, true},
    {"file read", private_file, FX_AT, false},
    {"private file write", private_file, FX_AT, true},
    {"shared file write", shared_file, FX_AT, true},
    {"file page that others map", crowded_file, FX_AT, false},
    {"shared memory", shared_memory, FX_AT, true},
    {"stack growth", stack, FX_AT, true},
};

static unsigned asked_policy;

static struct sim_process *nobody(void *context, struct sim_process *faulting)
{
	(void)context, (void)faulting;
	asked_policy++;
	return NULL;
}

static void check(struct fx *fx, const char *name, uint64_t nth)
{
	char why[200] = "";

	if (quire_check(sim_system(fx->sim), why, sizeof(why)) != QUIRE_OK)
		fail_msg("%s, failure %llu: %s", name, (unsigned long long)nth, why);
}

/* Returns whether the nth was reached. */
static bool memory_fails(const char *arch, const struct kind *kind, uint64_t nth)
{
	struct sim_config config = {.oom = nobody};
	struct fx fx = fx_open(arch, "linux-6", &config);
	struct sim_file *file = NULL;
	bool failed;
	char byte = 'w';
	size_t left;

	kind->prepare(&fx, &file);
	sim_fail(fx.sim, MEMORY, nth, 1);
	left = kind->write ? sim_copy_to_user(fx.cpu, kind->at, &byte, 1)
			   : sim_copy_from_user(fx.cpu, &byte, kind->at, 1);
	failed = sim_failed(fx.sim) > 0;
	/* A failure that mattered stopped the copy; one that did not (a neighbour of fault-around) changed nothing. */
	assert_true(left == 0 || failed);
	check(&fx, kind->name, nth);
	sim_fail(fx.sim, 0, 0, 0);
	assert_int_equal(kind->write ? sim_copy_to_user(fx.cpu, kind->at, &byte, 1)
				     : sim_copy_from_user(fx.cpu, &byte, kind->at, 1),
			 0);
	check(&fx, kind->name, nth);
	if (file)
		sim_file_close(file);
	fx_close(&fx);

	/* In user mode the policy is asked, and the repeated access succeeds. */
	fx = fx_open(arch, "linux-6", &config);
	file = NULL;
	kind->prepare(&fx, &file);
	asked_policy = 0;
	sim_fail(fx.sim, MEMORY, nth, 1);
	if (kind->write) {
		assert_int_equal(sim_write(fx.cpu, kind->at, 1, 'w'), SIM_DONE);
	} else {
		uint64_t value;

		assert_int_equal(sim_read(fx.cpu, kind->at, 1, &value), SIM_DONE);
	}
	assert_true(asked_policy <= 1);
	sim_fail(fx.sim, 0, 0, 0);
	check(&fx, kind->name, nth);
	if (file)
		sim_file_close(file);
	fx_close(&fx);
	return failed;
}

static void every_allocation_of_every_fault(void **state)
{
	const char *arch = *state;
	uint64_t failures = 0;

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		uint64_t nth = 1;

		while (memory_fails(arch, &kinds[i], nth))
			nth++;
		failures += nth - 1;
		assert_true(nth > 1); /* each kind allocates something */
	}
	printf("  %s: %llu failures over %u kinds of faults\n", arch, (unsigned long long)failures,
	       (unsigned)(sizeof(kinds) / sizeof(kinds[0])));
}

static void every_transfer_of_every_file_fault(void **state)
{
	const char *arch = *state;

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct fx fx = fx_open(arch, "linux-6", NULL);
		struct sim_file *file = NULL;
		enum sim_end end;
		uint64_t value;

		kinds[i].prepare(&fx, &file);
		if (file) {
			sim_fail(fx.sim, TRANSFERS, 1, 1);
			end = kinds[i].write ? sim_write(fx.cpu, kinds[i].at, 1, 'w')
					     : sim_read(fx.cpu, kinds[i].at, 1, &value);
			if (sim_failed(fx.sim) > 0)
				fx_expect_signal(&fx, end, QUIRE_SIGBUS, QUIRE_BUS_ADRERR, kinds[i].at);
			check(&fx, kinds[i].name, 1);
			sim_fail(fx.sim, 0, 0, 0);
			end = kinds[i].write ? sim_write(fx.cpu, kinds[i].at, 1, 'w')
					     : sim_read(fx.cpu, kinds[i].at, 1, &value);
			assert_int_equal(end, SIM_DONE);
			sim_file_close(file);
		}
		fx_close(&fx);
	}
}

int main(void)
{
	struct CMUnitTest tests[32] = {{0}};
	size_t count = 0;

	FX_FOR_ARCHES(tests, count, every_allocation_of_every_fault);
	FX_FOR_ARCHES(tests, count, every_transfer_of_every_file_fault);
	return _cmocka_run_group_tests("failures on purpose", tests, count, NULL, NULL);
}
