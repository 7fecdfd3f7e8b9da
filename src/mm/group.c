/* SPDX-License-Identifier: MIT */
/* The group of an address space: who pays for what its faults take. */
#include "mm/mm.h"

void qr_mm_join(struct quire_mm *mm, struct quire_group *group)
{
	__atomic_store_n(&mm->group, group ? quire_group_get(group) : NULL, __ATOMIC_RELEASE);
	for (unsigned cpu = 0; cpu < mm->slots; cpu++)
		mm->slot[cpu].group = group ? &group->slot[cpu] : NULL;
}

void quire_mm_set_group(struct quire_mm *mm, struct quire_group *group)
{
	struct quire_group *before;

	qr_mm_write_lock(mm);
	before = mm->group;
	qr_mm_join(mm, group);
	qr_mm_write_unlock(mm);
	quire_group_put(before);
}

struct quire_group *quire_mm_group(const struct quire_mm *mm)
{
	return __atomic_load_n(&mm->group, __ATOMIC_ACQUIRE);
}
