/* SPDX-License-Identifier: MIT */
/* Plain syndromes: what is decoded once and remembered depends on nothing that was not remembered. */
#include "run.h"

static struct quire_fault decode(const struct run *run, const struct quire_profile *profile,
				 const struct quire_trap *trap)
{
	struct quire_fault fault;

	run->arch->decode(run->arch, profile, NULL, trap, &fault);
	return fault;
}

/* Whether two faults are one but for what a trap brings along. */
static bool same_verdict(const struct quire_fault *a, const struct quire_fault *b)
{
	bool same = a->raw == b->raw && a->name == b->name && a->vector == b->vector &&
		    a->access == b->access && a->mode == b->mode && a->cause == b->cause &&
		    a->level == b->level && a->route == b->route && a->present == b->present &&
		    a->signal == b->signal && a->code == b->code && a->steps_count == b->steps_count;

	for (unsigned i = 0; i < a->steps_count; i++)
		same = same && a->steps[i] == b->steps[i];
	return same;
}

static void one_syndrome(struct run *run, const struct quire_profile *profile, struct quire_trap trap)
{
	struct quire_fault first, fault;
	struct spot at = {.bits = trap.syndrome};

	trap.address = trap.pc = trap.sp = 0;
	trap.context = 0;
	first = decode(run, profile, &trap);
	for (unsigned i = 0; i < 16; i++) {
		trap.address =
		    (quire_va)(i ? run_random(run) % run->arch->user_end : run->arch->user_end - 1);
		trap.pc = (quire_va)run_random(run);
		trap.sp = (quire_va)run_random(run);
		trap.context = (uint32_t)run_random(run) & (QUIRE_CTX_ATOMIC | QUIRE_CTX_INTERRUPTS_OFF);
		fault = decode(run, profile, &trap);
		run_true(run, "a plain syndrome decodes alike wherever it happens", &at,
			 same_verdict(&first, &fault));
		run_true(run, "what the trap says is copied", &at,
			 fault.va == trap.address && fault.pc == trap.pc && fault.sp == trap.sp &&
			     fault.context == trap.context && fault.raw == trap.syndrome);
	}
}

void run_decoding(struct run *run)
{
	const struct quire_arch *arch = run->arch;
	struct quire_trap trap = {.vector = (enum quire_vector)arch->plain.vector, .mode = QUIRE_MODE_USER};
	const struct quire_profile *profile;

	if (!run_true(run, "plain syndromes fit where they are remembered", NULL,
		      arch->plain.codes <= QUIRE_PLAIN_CODES))
		return;
	for (unsigned i = 0; (profile = quire_profile_at(i)) != NULL; i++)
		for (unsigned code = 0; code < arch->plain.codes; code++) {
			trap.syndrome = quire_plain_syndrome(&arch->plain, code);
			run_true(run, "the number of a plain syndrome", NULL,
				 quire_plain_code(&arch->plain, trap.syndrome) == code);
			one_syndrome(run, profile, trap);
		}
}
