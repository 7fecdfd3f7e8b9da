/* SPDX-License-Identifier: MIT */
/* A simulated machine with the traits of another. The library's own rules and settings are set; what it
 * has no rule for is acted out, so that the machine can stand in for a kernel that has it. */
#ifndef QUIRE_SCENARIO_SIM_TRAITS_H
#define QUIRE_SCENARIO_SIM_TRAITS_H

#include "traits.h"

#include <ports/sim/sim.h>

/* A profile of its own, with the one row of its architecture. */
struct sim_traits_rules {
	struct quire_profile profile;
	struct quire_arch_rules row;
};

/* Takes out what a probe cannot have found on a kernel of the profile: where nobody may lock memory without a
 * right, no lock succeeds, whatever the limit is. */
void sim_traits_correct(struct scn_traits *traits, const struct quire_profile *profile);
/* Fills `rules` with those of `profile` as the traits change them, and sets config->rules and the settings.
 * `config->arch` is the architecture. `rules` must outlive the machine. */
void sim_traits_machine(const struct scn_traits *traits, const struct quire_profile *profile,
			struct sim_traits_rules *rules, struct sim_config *config);
/* The limits that a first process begins with. */
void sim_traits_process(const struct scn_traits *traits, uint64_t page_size, struct quire_mm *mm);
/* What a soft limit becomes under the hard one. */
uint64_t sim_traits_limit(const struct scn_traits *traits, uint64_t page_size, enum scn_limit which,
			  uint64_t bytes);
/* Whether the call is refused; *out is then what it returns. */
bool sim_traits_refuse(const struct scn_traits *traits, enum scn_call call, const uint64_t arg[6],
		       int64_t *out);
/* Whether the access ends in a signal before the library sees it. May change the kind of access. */
bool sim_traits_access(const struct scn_traits *traits, struct quire_mm *mm, enum scn_access *kind,
		       uint64_t addr, struct scn_access_result *out);
/* After a write that faulted: brings the pages around that one write brings. */
void sim_traits_written(const struct scn_traits *traits, struct sim_cpu *cpu, struct quire_mm *mm,
			uint64_t page_size, uint64_t addr);

#endif
