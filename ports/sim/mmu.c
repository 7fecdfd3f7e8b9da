/* SPDX-License-Identifier: MIT */
/* The MMUs of this build, by name. */
#include "mmu.h"

#include <string.h>

static const struct sim_mmu *const all[] = {
    &sim_mmu_i386,    &sim_mmu_x86_64,       &sim_mmu_x86_64_la57, &sim_mmu_arm,
    &sim_mmu_arm64,   &sim_mmu_arm64_39,     &sim_mmu_arm64_16k,   &sim_mmu_arm64_64k,
    &sim_mmu_riscv64, &sim_mmu_riscv64_sv48, &sim_mmu_toy,
};

const struct sim_mmu *sim_mmu_find(const char *arch)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(all[i]->name, arch) == 0)
			return all[i];
	return NULL;
}
