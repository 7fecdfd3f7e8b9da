/* SPDX-License-Identifier: MIT */
/* A simulated machine with the traits of another kernel. Rules and settings of the library are set; traits
 * without a rule are emulated, so that the machine can stand in for that kernel. */
#ifndef QUIRE_SCENARIO_SIM_TRAITS_H
#define QUIRE_SCENARIO_SIM_TRAITS_H

#include "traits.h"

#include <ports/sim/sim.h>

/* A profile of its own, with the one row of its architecture. */
struct sim_traits_rules {
	struct quire_profile profile;
	struct quire_arch_rules row;
};

/* Corrects traits that a probe cannot find under this profile: where locking memory needs a privilege, no
 * lock succeeds whatever the limit is. */
void sim_traits_correct(struct scn_traits *traits, const struct quire_profile *profile);
/* Fills `rules` with the rules of `profile`, changed by the traits, and sets config->rules and the
 * settings. `config->arch` is the architecture. `rules` must outlive the machine. */
void sim_traits_machine(const struct scn_traits *traits, const struct quire_profile *profile,
			struct sim_traits_rules *rules, struct sim_config *config);
/* The initial limits of the first process. */
void sim_traits_process(const struct scn_traits *traits, uint64_t page_size, struct quire_mm *mm);
/* The soft limit after clamping to the hard limit. */
uint64_t sim_traits_limit(const struct scn_traits *traits, uint64_t page_size, enum scn_limit which,
			  uint64_t bytes);
/* Whether the call is refused; *out is then what it returns. */
bool sim_traits_refuse(const struct scn_traits *traits, enum scn_call call, const uint64_t arg[6],
		       int64_t *out);
/* Whether the access raises a signal before the library sees it. May change the kind of access. */
bool sim_traits_access(const struct scn_traits *traits, struct quire_mm *mm, enum scn_access *kind,
		       uint64_t addr, struct scn_access_result *out);
/* After a write that faulted: maps the neighbouring pages that such a write maps. */
void sim_traits_written(const struct scn_traits *traits, struct sim_cpu *cpu, struct quire_mm *mm,
			uint64_t page_size, uint64_t addr);

#endif
