/* SPDX-License-Identifier: MIT */
/* Traits on the simulated machine: sets rules and settings of the library, and emulates what it has no
 * rule for. */
#include "sim_traits.h"

#include "names.h"

/* Mappings that the machine makes in each program: its heap, and the range above the arena. */
enum {
	OWN_MAPPINGS = 2,
	SEGV_PKUERR = 4
};

/* If every page is accounted, the limit must not come from the machine's RAM: the host has more. */
#define PLENTY_PERCENT 100000u

static bool is_bound(const struct scn_traits *traits, enum scn_trait trait)
{
	return traits->value[trait] < scn_trait_rows[trait].most;
}

void sim_traits_correct(struct scn_traits *traits, const struct quire_profile *profile)
{
	int64_t *limit = &traits->value[SCN_TRAIT_MEMLOCK_LIMIT];

	if (profile->memlock_rule == QUIRE_MEMLOCK_EVERYONE && *limit == 0)
		*limit = scn_trait_rows[SCN_TRAIT_MEMLOCK_LIMIT].most;
}

void sim_traits_machine(const struct scn_traits *traits, const struct quire_profile *profile,
			struct sim_traits_rules *rules, struct sim_config *config)
{
	const struct quire_arch *arch = quire_arch_find(config->arch ? config->arch : "x86_64");
	const int64_t *value = traits->value;

	rules->profile = *profile;
	rules->row = *quire_profile_rules(profile, arch ? arch->family : QUIRE_FAMILY_OTHER);
	rules->row.family = QUIRE_FAMILY_OTHER; /* the only row */
	rules->profile.arch_rules = &rules->row;
	config->rules = &rules->profile;

	rules->profile.zero_page_on_read = value[SCN_TRAIT_ZERO_PAGE] != 0;
	rules->profile.protect_upgrades = value[SCN_TRAIT_PROTECT_UPGRADES] != 0;
	rules->profile.fault_around_bytes = (uint32_t)value[SCN_TRAIT_FAULT_AROUND];
	rules->profile.stack_guard_pages = (uint32_t)value[SCN_TRAIT_STACK_GAP];
	rules->row.top_down = value[SCN_TRAIT_TOP_DOWN] != 0;
	if (!value[SCN_TRAIT_OVERCOMMIT]) {
		config->overcommit = QUIRE_OVERCOMMIT_NEVER;
		config->overcommit_ratio = PLENTY_PERCENT;
	}
	/* 0 means the default; 1 forbids the first page. */
	config->mmap_min_addr = (quire_va)(value[SCN_TRAIT_MIN_ADDR] ? value[SCN_TRAIT_MIN_ADDR] : 1);
	if (is_bound(traits, SCN_TRAIT_MAPPINGS))
		config->max_map_count = (unsigned)value[SCN_TRAIT_MAPPINGS] + OWN_MAPPINGS -
					1; /* mmap checks the limit before it adds a mapping */
}

uint64_t sim_traits_limit(const struct scn_traits *traits, uint64_t page_size, enum scn_limit which,
			  uint64_t bytes)
{
	enum scn_trait trait = which == SCN_LIMIT_STACK ? SCN_TRAIT_STACK_LIMIT : SCN_TRAIT_MEMLOCK_LIMIT;
	uint64_t hard;

	if ((which != SCN_LIMIT_STACK && which != SCN_LIMIT_MEMLOCK) || !is_bound(traits, trait))
		return bytes;
	hard = (uint64_t)traits->value[trait] * page_size;
	return bytes < hard ? bytes : hard;
}

void sim_traits_process(const struct scn_traits *traits, uint64_t page_size, struct quire_mm *mm)
{
	static const enum quire_limit limit[] = {QUIRE_LIMIT_STACK, QUIRE_LIMIT_MEMLOCK};
	static const enum scn_limit which[] = {SCN_LIMIT_STACK, SCN_LIMIT_MEMLOCK};

	for (unsigned i = 0; i < 2; i++)
		quire_mm_set_limit(
		    mm, limit[i],
		    sim_traits_limit(traits, page_size, which[i], quire_mm_limit(mm, limit[i])));
}

bool sim_traits_refuse(const struct scn_traits *traits, enum scn_call call, const uint64_t arg[6],
		       int64_t *out)
{
	if ((call == SCN_CALL_PEEK || call == SCN_CALL_POKE) && !traits->value[SCN_TRAIT_REMOTE]) {
		*out = -SCN_EPERM;
		return true;
	}
	if (call == SCN_CALL_MADVISE && (arg[2] == 12 || arg[2] == 13) &&
	    !traits->value[SCN_TRAIT_MERGEABLE]) {
		*out = -SCN_EINVAL;
		return true;
	}
	if (call == SCN_CALL_MADVISE && (arg[2] == 14 || arg[2] == 15) &&
	    !traits->value[SCN_TRAIT_HUGE_ADVICE]) {
		*out = -SCN_EINVAL;
		return true;
	}
	return false;
}

bool sim_traits_access(const struct scn_traits *traits, struct quire_mm *mm, enum scn_access *kind,
		       uint64_t addr, struct scn_access_result *out)
{
	struct quire_region region;

	if (*kind == SCN_ACCESS_EXEC && !traits->value[SCN_TRAIT_NX])
		*kind = SCN_ACCESS_READ;
	if (*kind != SCN_ACCESS_READ || !traits->value[SCN_TRAIT_EXECUTE_ONLY] ||
	    quire_mm_region(mm, (quire_va)addr, &region) != QUIRE_OK || region.start > addr ||
	    (region.prot & QUIRE_PROT_RWX) != QUIRE_PROT_EXEC)
		return false;
	out->signal = SCN_SIGSEGV;
	out->code = SEGV_PKUERR;
	out->addr = addr;
	return true;
}

void sim_traits_written(const struct scn_traits *traits, struct sim_cpu *cpu, struct quire_mm *mm,
			uint64_t page_size, uint64_t addr)
{
	struct quire_region region;
	enum scn_trait trait;
	uint64_t window, start;

	if (quire_mm_region(mm, (quire_va)addr, &region) != QUIRE_OK)
		return;
	trait = region.flags & QUIRE_REGION_SHARED ? SCN_TRAIT_FIRST_SHARED : SCN_TRAIT_FIRST_WRITE;
	window = (uint64_t)traits->value[trait] * page_size;
	if (window <= page_size)
		return;
	start = addr / window * window;
	for (uint64_t va = start; va < start + window; va += page_size)
		if (va >= region.start && va < region.end && !(quire_mm_pagemap(mm, (quire_va)va) >> 63))
			sim_write(cpu, (quire_va)va, 1, 0);
}
