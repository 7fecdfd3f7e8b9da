/* SPDX-License-Identifier: MIT */
/* The kernel's own root table, told to the port that loads it. */
#include "kmap/kmap.h"

quire_pa quire_kernel_root(const struct quire_system *system)
{
	return system->kmap ? system->kmap->pt.root_pa : (quire_pa){0};
}
