/* SPDX-License-Identifier: MIT */
/* The four profiles: constant data. docs/profiles.md gives each rule's origin and the kernels measured. */
#include <quire/mm.h>
#include <quire/profile.h>

#define READABLE (QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC)

/* ENTER with the largest frame, plus some registers */
#define STACK_SLACK_X86 .stack_slack = 65536, .stack_slack_longs = 32

/* --- 2.4: 2.4.27 on i386 ---------------------------------------------------------------------------------- */

static const struct quire_arch_rules arch_2_4[] = {
    {.family = QUIRE_FAMILY_X86, .stack_slack = 32 /* the deepest push: pusha */},
    {.family = QUIRE_FAMILY_OTHER},
};

const struct quire_profile quire_profile_2_4 = {
    .name = "linux-2.4",
    .release = QUIRE_LINUX_2_4,
    .arch_rules = arch_2_4,
    .lock_rule = QUIRE_LOCK_BLOCK,
    .reuse_rule = QUIRE_REUSE_COUNT,
    .oom_rule = QUIRE_OOM_KILL_SELF,
    .corrupt_rule = QUIRE_CORRUPT_KILL,
    .memlock_rule = QUIRE_MEMLOCK_EVERYONE,
    .read_rights = QUIRE_PROT_READ | QUIRE_PROT_EXEC,
    .mmap_ignores = QUIRE_MAP_POPULATE | QUIRE_MAP_NONBLOCK | QUIRE_MAP_LOCKED,
    .file_faults_major = 1,
    .zero_page_on_read = 1,
    .populate_writes_shared = 1,
};

/* --- 2.6: 2.6.32; on x86 2.6.29 with the zero page, which came back in 2.6.32 ------------------------------ */

static const struct quire_arch_rules arch_2_6[] = {
    {.family = QUIRE_FAMILY_X86, .top_down = 1, .vmalloc_rule = QUIRE_VMALLOC_PLAIN, STACK_SLACK_X86},
    {.family = QUIRE_FAMILY_ARM,
     .vmalloc_rule = QUIRE_VMALLOC_ANY,
     .stack_guard_page = 1,
     .first_user_page = 1},
    {.family = QUIRE_FAMILY_OTHER, .top_down = 1, .vmalloc_rule = QUIRE_VMALLOC_PLAIN},
};

const struct quire_profile quire_profile_2_6 = {
    .name = "linux-2.6",
    .release = QUIRE_LINUX_2_6,
    .arch_rules = arch_2_6,
    .stack_checks = QUIRE_STACK_COMMIT | QUIRE_STACK_MMAP_MIN,
    .lock_rule = QUIRE_LOCK_TRY_THEN_SEARCH,
    .reuse_rule = QUIRE_REUSE_MAPCOUNT,
    .oom_rule = QUIRE_OOM_KILL_SELF,
    .corrupt_rule = QUIRE_CORRUPT_CLEAR,
    .memlock_rule = QUIRE_MEMLOCK_UNPRIVILEGED,
    .read_rights = READABLE,
    .fork_skips_files = 1,
    .zero_page_on_read = 1,
    .tracks_shared_writes = 1,
    .populate_writes_shared = 1,
};

/* --- 4.14 ------------------------------------------------------------------------------------------------- */

static const struct quire_arch_rules arch_4_14[] = {
    {.family = QUIRE_FAMILY_X86, .top_down = 1, .vmalloc_rule = QUIRE_VMALLOC_PLAIN, STACK_SLACK_X86},
    {.family = QUIRE_FAMILY_ARM64, .top_down = 1, .vmalloc_rule = QUIRE_VMALLOC_PLAIN, .shmem_read_dirty = 1},
    {.family = QUIRE_FAMILY_ARM, .top_down = 1, .vmalloc_rule = QUIRE_VMALLOC_PLAIN, .first_user_page = 2},
    {.family = QUIRE_FAMILY_OTHER, .top_down = 1, .vmalloc_rule = QUIRE_VMALLOC_PLAIN},
};

const struct quire_profile quire_profile_4_14 = {
    .name = "linux-4.14",
    .release = QUIRE_LINUX_4_14,
    .arch_rules = arch_4_14,
    .stack_guard_pages = 256,
    .stack_checks = QUIRE_STACK_COMMIT | QUIRE_STACK_MMAP_MIN,
    .lock_rule = QUIRE_LOCK_TRY_THEN_SEARCH,
    .reuse_rule = QUIRE_REUSE_MAPCOUNT,
    .oom_rule = QUIRE_OOM_POLICY,
    .corrupt_rule = QUIRE_CORRUPT_CLEAR,
    .memlock_rule = QUIRE_MEMLOCK_UNPRIVILEGED,
    .read_rights = READABLE,
    .fault_around_bytes = 65536,
    .allow_retry = 1,
    .fork_skips_files = 1,
    .zero_page_on_read = 1,
    .tracks_shared_writes = 1,
};

/* --- 6 ---------------------------------------------------------------------------------------------------- */

static const struct quire_arch_rules arch_6[] = {
    {.family = QUIRE_FAMILY_ARM64, .top_down = 1, .vmalloc_rule = QUIRE_VMALLOC_PLAIN, .exec_reads = 1},
    {.family = QUIRE_FAMILY_ARM, .top_down = 1, .vmalloc_rule = QUIRE_VMALLOC_PLAIN, .first_user_page = 2},
    {.family = QUIRE_FAMILY_OTHER, .top_down = 1, .vmalloc_rule = QUIRE_VMALLOC_PLAIN},
};

const struct quire_profile quire_profile_6 = {
    .name = "linux-6",
    .release = QUIRE_LINUX_6,
    .arch_rules = arch_6,
    .stack_guard_pages = 256,
    .stack_checks = QUIRE_STACK_COMMIT | QUIRE_STACK_MMAP_MIN,
    .lock_rule = QUIRE_LOCK_TRY_THEN_SEARCH,
    .reuse_rule = QUIRE_REUSE_EXCLUSIVE,
    .oom_rule = QUIRE_OOM_POLICY,
    .corrupt_rule = QUIRE_CORRUPT_CLEAR,
    .memlock_rule = QUIRE_MEMLOCK_UNPRIVILEGED,
    .read_rights = READABLE,
    .fault_around_bytes = 65536,
    .allow_retry = 1,
    .fork_skips_files = 1,
    .zero_page_on_read = 1,
    .tracks_shared_writes = 1,
    .protect_upgrades = 1,
    .remote_faults_to_caller = 1,
};

/* --- look-up ------------------------------------------------------------------------------------------------ */

const struct quire_arch_rules *quire_profile_rules(const struct quire_profile *profile, unsigned family)
{
	const struct quire_arch_rules *rules = profile->arch_rules;

	while (rules->family != family && rules->family != QUIRE_FAMILY_OTHER)
		rules++;
	return rules;
}

const struct quire_profile *quire_profile_at(unsigned index)
{
	switch (index) {
	case 0:
		return &quire_profile_2_4;
	case 1:
		return &quire_profile_2_6;
	case 2:
		return &quire_profile_4_14;
	case 3:
		return &quire_profile_6;
	default:
		return NULL;
	}
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

const struct quire_profile *quire_profile_find(const char *name)
{
	const struct quire_profile *profile;

	for (unsigned i = 0; name && (profile = quire_profile_at(i)); i++)
		if (same(profile->name, name))
			return profile;
	return NULL;
}
