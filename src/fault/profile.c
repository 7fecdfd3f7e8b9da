/* SPDX-License-Identifier: MIT */
/* The four profiles: constant data. docs/profiles.md gives each rule's origin. */
#include <quire/profile.h>

#include "base/mem.h"

const struct quire_profile quire_profile_2_4 = {
    .name = "linux-2.4",
    .release = QUIRE_LINUX_2_4,
    .stack_slack = 32, /* the deepest push: pusha */
    .lock_rule = QUIRE_LOCK_BLOCK,
    .vmalloc_rule = QUIRE_VMALLOC_ANY,
    .reuse_rule = QUIRE_REUSE_COUNT,
    .oom_rule = QUIRE_OOM_KILL_SELF,
    .read_present_is_error = 1,
    .zero_page_on_read = 1,
    .write_implies_dirty = 1,
};

const struct quire_profile quire_profile_2_6 = {
    .name = "linux-2.6",
    .release = QUIRE_LINUX_2_6,
    .stack_slack = 65536, /* enter with the largest frame, and some registers */
    .stack_slack_longs = 32,
    .lock_rule = QUIRE_LOCK_TRY_THEN_SEARCH,
    .vmalloc_rule = QUIRE_VMALLOC_PLAIN,
    .reuse_rule = QUIRE_REUSE_MAPCOUNT,
    .oom_rule = QUIRE_OOM_KILL_SELF,
    .read_present_is_error = 1,
    .fork_skips_files = 1,
    .top_down = 1,
    .zero_page_on_read = 1,
    .write_implies_dirty = 1,
};

const struct quire_profile quire_profile_4_14 = {
    .name = "linux-4.14",
    .release = QUIRE_LINUX_4_14,
    .stack_guard_pages = 256,
    .lock_rule = QUIRE_LOCK_TRY_THEN_SEARCH,
    .vmalloc_rule = QUIRE_VMALLOC_PLAIN,
    .reuse_rule = QUIRE_REUSE_MAPCOUNT,
    .oom_rule = QUIRE_OOM_POLICY,
    .fault_around_bytes = 65536,
    .allow_retry = 1,
    .read_present_is_error = 1,
    .fork_skips_files = 1,
    .top_down = 1,
    .zero_page_on_read = 1,
    .write_implies_dirty = 1,
};

const struct quire_profile quire_profile_6 = {
    .name = "linux-6",
    .release = QUIRE_LINUX_6,
    .stack_guard_pages = 256,
    .lock_rule = QUIRE_LOCK_TRY_THEN_SEARCH,
    .vmalloc_rule = QUIRE_VMALLOC_PLAIN,
    .reuse_rule = QUIRE_REUSE_EXCLUSIVE,
    .oom_rule = QUIRE_OOM_POLICY,
    .fault_around_bytes = 65536,
    .allow_retry = 1,
    .read_present_is_error = 1,
    .fork_skips_files = 1,
    .top_down = 1,
    .zero_page_on_read = 1,
    .write_implies_dirty = 1,
    .protect_upgrades = 1,
};

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
