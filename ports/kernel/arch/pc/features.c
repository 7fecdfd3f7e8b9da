/* SPDX-License-Identifier: MIT */
/* What the CPU can do, and what the kernel turns on because of it. */
#include "cpu.h"

struct cpu_features cpu_features;

extern const uintptr_t smap_sites_start[], smap_sites_end[];

/* Without SMAP, STAC and CLAC are invalid opcodes: three-byte NOPs go in their place. */
static void patch_smap_sites(void)
{
	static const uint8_t nop[3] = {0x0f, 0x1f, 0x00};

	if (cpu_features.smap)
		return;
	for (const uintptr_t *site = smap_sites_start; site < smap_sites_end; site++)
		memcpy(pa_to_linear(*site - IMAGE_BASE), nop, sizeof(nop));
}

/* On the boot CPU, before user memory is touched. */
void features_find(void)
{
	uint32_t max[4], one[4], seven[4], xsave[4];

	cpuid(0, 0, max);
	cpuid(1, 0, one);
	memset(seven, 0, sizeof(seven));
	if (max[0] >= 7)
		cpuid(7, 0, seven);
	cpu_features.fsgsbase = seven[1] & 1;
	cpu_features.smep = seven[1] & 1 << 7;
	cpu_features.smap = seven[1] & 1 << 20;
	cpu_features.umip = seven[2] & 1 << 2;
	cpu_features.xsave = one[2] & 1 << 26;
	cpu_features.xsave_bytes = 512;
	if (cpu_features.xsave) {
		cpuid(13, 0, xsave);
		cpu_features.xsave_mask = xsave[0] & 7; /* x87, SSE, AVX */
	}
	patch_smap_sites();
}

/* What CR4 says of the features, and what every CPU has. */
unsigned long features_cr4(void)
{
	unsigned long cr4 = CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	if (cpu_features.smep)
		cr4 |= CR4_SMEP;
	if (cpu_features.smap)
		cr4 |= CR4_SMAP;
	if (cpu_features.umip)
		cr4 |= CR4_UMIP;
	if (cpu_features.fsgsbase)
		cr4 |= CR4_FSGSBASE;
	if (cpu_features.xsave)
		cr4 |= CR4_OSXSAVE;
	return cr4;
}
