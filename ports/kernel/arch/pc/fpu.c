/* SPDX-License-Identifier: MIT */
/* The floating-point and vector state of programs: saved and loaded at every switch between them. */
#include "cpu.h"

/* Intel SDM volume 1, 13: XSAVE area: 512 bytes FXSAVE, 64 bytes header, then the parts. */
#define FXSAVE_CONTROL 0x37f
#define FXSAVE_MXCSR   0x1f80

void fpu_init(void)
{
	uint32_t leaf[4];

	WRITE_CR(0, (READ_CR(0) & ~0xcul) | 2); /* no emulation, no lazy trap; monitor */
	if (!cpu_features.xsave)
		return;
	__asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)cpu_features.xsave_mask), "d"(0));
	cpuid(13, 0, leaf);
	cpu_features.xsave_bytes = leaf[1];
	BUG_ON(cpu_features.xsave_bytes > XSAVE_MOST);
}

void fpu_save(void *area)
{
	if (cpu_features.xsave)
		__asm__ volatile(FPU_AREA("xsave") " (%0)" : : "r"(area), "a"(7), "d"(0) : "memory");
	else
		__asm__ volatile(FPU_AREA("fxsave") " (%0)" : : "r"(area) : "memory");
}

void fpu_restore(const void *area)
{
	if (cpu_features.xsave)
		__asm__ volatile(FPU_AREA("xrstor") " (%0)" : : "r"(area), "a"(7), "d"(0) : "memory");
	else
		__asm__ volatile(FPU_AREA("fxrstor") " (%0)" : : "r"(area) : "memory");
}

/* As a program finds it at its start. */
void fpu_reset(void *area)
{
	uint8_t *bytes = area;

	memset(area, 0, cpu_features.xsave_bytes);
	*(uint16_t *)(void *)bytes = FXSAVE_CONTROL;
	*(uint32_t *)(void *)(bytes + 24) = FXSAVE_MXCSR;
}
