/* SPDX-License-Identifier: MIT */
/* The record of a fault: what the decoder says, the steps, and what the address maps to afterwards. */
#include "fixture.h"

#include "fault/fault.h"

static void expect_same_fault(const struct quire_fault *a, const struct quire_fault *b)
{
	assert_int_equal(a->va, b->va);
	assert_int_equal(a->pc, b->pc);
	assert_int_equal(a->sp, b->sp);
	assert_int_equal(a->raw, b->raw);
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->vector, b->vector);
	assert_int_equal(a->access, b->access);
	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->cause, b->cause);
	assert_int_equal(a->level, b->level);
	assert_int_equal(a->route, b->route);
	assert_int_equal(a->present, b->present);
	assert_int_equal(a->signal, b->signal);
	assert_int_equal(a->code, b->code);
	assert_int_equal(a->steps_count, b->steps_count);
	assert_memory_equal(a->steps, b->steps, a->steps_count);
	assert_int_equal(a->context, b->context);
}

/* Most syndromes are decoded beforehand: the record has what the decoder makes of this very trap. */
static void a_plain_syndrome_is_recorded_as_decoded(void **state)
{
	static const char *const machines[][2] = {
	    {"x86_64", "linux-6"}, {"i386", "linux-2.4"}, {"i386", "linux-2.6"},     {"riscv64", "linux-6"},
	    {"arm", "linux-2.6"},  {"arm64", "linux-6"},  {"arm64_39", "linux-4.14"}};

	(void)state;
	for (unsigned i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		struct fx fx = fx_open(machines[i][0], machines[i][1], NULL);
		struct quire_system *system = sim_system(fx.sim);
		const struct quire_arch *arch = sim_arch(fx.sim);
		struct quire_trap trap = {.vector = (enum quire_vector)arch->plain.vector,
					  .mode = QUIRE_MODE_USER,
					  .address = FX_AT + 12,
					  .pc = 0x1234,
					  .sp = 0x5678,
					  .context = QUIRE_CTX_INTERRUPTS_OFF};

		assert_true(arch->plain.codes > 0);
		for (unsigned code = 0; code < arch->plain.codes; code++) {
			struct quire_trace trace;
			struct quire_fault fault;

			memset(&trace, 0xee, sizeof(trace));
			trap.syndrome = quire_plain_syndrome(&arch->plain, code);
			assert_int_equal(quire_plain_code(&arch->plain, trap.syndrome), code);
			arch->decode(arch, quire_system_profile(system), NULL, &trap, &fault);
			struct quire_outcome outcome =
			    quire_handle_trap(system, fx.process->mm, &trap, &trace);

			expect_same_fault(&trace.fault, &fault);
			assert_memory_equal(&trace.outcome, &outcome, sizeof(outcome));
			assert_int_equal(trace.pte_before, 0);
			assert_int_equal(trace.pte_after, 0);
			assert_int_equal(trace.pfn.n, 0);
			assert_true(trace.steps_total > fault.steps_count);
			assert_int_equal(trace.steps[0], QUIRE_STEP_TRAP);
			assert_memory_equal(trace.steps + 1, fault.steps, fault.steps_count);
		}
		fx_close(&fx);
	}
}

static const struct quire_trace *record(const struct fx *fx)
{
	assert_int_equal(sim_last(fx->cpu)->traces, 1);
	return &sim_last(fx->cpu)->trace[0];
}

static uint64_t entry_of(const struct fx *fx)
{
	const struct quire_mm *mm = fx->process->mm;

	return qr_pte_get(sim_arch(fx->sim), 0, qr_pt_find(&mm->pt, FX_AT, 0)).bits;
}

/* Resumed: as the way left it. Refused: as it was, looked up. */
static void the_entry_afterwards(void **state)
{
	struct fx fx = fx_open(*state, "linux-6", NULL);
	uint64_t written;

	fx_map(&fx, FX_AT, 1, QUIRE_PROT_READ | QUIRE_PROT_WRITE, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 1, 7), SIM_DONE);
	written = entry_of(&fx);
	assert_int_equal(record(&fx)->pte_before, 0);
	assert_int_equal(record(&fx)->pte_after, written);
	assert_int_equal(record(&fx)->pfn.n, fx_leaf(&fx, fx.process->mm, FX_AT).pfn.n);

	assert_int_equal(quire_mprotect(fx.process->mm, FX_AT, fx.page, QUIRE_PROT_READ), QUIRE_OK);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 1, 7), SIM_SIGNALLED);
	assert_int_equal(record(&fx)->pte_before, 0);
	assert_int_equal(record(&fx)->pte_after, entry_of(&fx));
	assert_int_not_equal(record(&fx)->pte_after, written);
	assert_int_equal(record(&fx)->pfn.n, fx_leaf(&fx, fx.process->mm, FX_AT).pfn.n);
	fx_close(&fx);
}

/* Steps come one by one or as pairs; those beyond the array are counted. */
static void the_last_steps_that_fit(void **state)
{
	struct {
		struct quire_trace trace;
		uint8_t behind[8];
	} record;

	(void)state;
	for (unsigned before = QUIRE_CONFIG_TRACE_STEPS - 3; before < QUIRE_CONFIG_TRACE_STEPS + 2;
	     before++) {
		const unsigned last = QUIRE_CONFIG_TRACE_STEPS - 1;

		memset(&record, 0, sizeof(record));
		record.trace.steps_total = (uint16_t)before;
		qr_trace_steps(&record.trace, QUIRE_STEP_GOOD_AREA, QUIRE_STEP_HANDLE_MM_FAULT);
		assert_int_equal(record.trace.steps_total, before + 2);
		assert_int_equal(record.trace.steps[last - 1], before == last - 1 ? QUIRE_STEP_GOOD_AREA
							       : before == last - 2
								   ? QUIRE_STEP_HANDLE_MM_FAULT
								   : 0);
		assert_int_equal(record.trace.steps[last], before == last       ? QUIRE_STEP_GOOD_AREA
							   : before == last - 1 ? QUIRE_STEP_HANDLE_MM_FAULT
										: 0);
		qr_trace_step(&record.trace, QUIRE_STEP_MINOR);
		assert_int_equal(record.trace.steps_total, before + 3);
		for (size_t i = offsetof(struct quire_trace, steps) + QUIRE_CONFIG_TRACE_STEPS;
		     i < sizeof(record); i++)
			assert_int_equal(((const uint8_t *)&record)[i], 0);
	}
}

int main(void)
{
	struct CMUnitTest tests[16] = {
	    cmocka_unit_test(a_plain_syndrome_is_recorded_as_decoded),
	    cmocka_unit_test(the_last_steps_that_fit),
	};
	size_t count = 2;

	FX_FOR_ARCHES(tests, count, the_entry_afterwards);
	return _cmocka_run_group_tests("records of faults", tests, count, NULL, NULL);
}
