/* SPDX-License-Identifier: MIT */
/* What /proc/cpuinfo says of a CPU: CPUID, in Linux's words. */
#include "cpu.h"
#include "kern/kernel.h"

/* Intel SDM volume 2, CPUID: leaf 1 EDX and ECX, leaf 7 EBX and ECX, leaf 0x80000001 EDX and ECX. */
static const struct {
	uint32_t leaf;
	uint8_t word; /* 1 EBX, 2 ECX, 3 EDX */
	uint8_t bit;
	const char *name;
} flags[] = {
    {1, 3, 0, "fpu"},
    {1, 3, 1, "vme"},
    {1, 3, 3, "pse"},
    {1, 3, 4, "tsc"},
    {1, 3, 5, "msr"},
    {1, 3, 6, "pae"},
    {1, 3, 8, "cx8"},
    {1, 3, 9, "apic"},
    {1, 3, 11, "sep"},
    {1, 3, 12, "mtrr"},
    {1, 3, 13, "pge"},
    {1, 3, 15, "cmov"},
    {1, 3, 16, "pat"},
    {1, 3, 19, "clflush"},
    {1, 3, 23, "mmx"},
    {1, 3, 24, "fxsr"},
    {1, 3, 25, "sse"},
    {1, 3, 26, "sse2"},
    {0x80000001, 3, 11, "syscall"},
    {0x80000001, 3, 20, "nx"},
    {0x80000001, 3, 27, "rdtscp"},
    {0x80000001, 3, 29, "lm"},
    {1, 2, 0, "pni"},
    {1, 2, 1, "pclmulqdq"},
    {1, 2, 9, "ssse3"},
    {1, 2, 12, "fma"},
    {1, 2, 13, "cx16"},
    {1, 2, 19, "sse4_1"},
    {1, 2, 20, "sse4_2"},
    {1, 2, 22, "movbe"},
    {1, 2, 23, "popcnt"},
    {1, 2, 25, "aes"},
    {1, 2, 26, "xsave"},
    {1, 2, 28, "avx"},
    {1, 2, 29, "f16c"},
    {1, 2, 30, "rdrand"},
    {1, 2, 31, "hypervisor"},
    {0x80000001, 2, 0, "lahf_lm"},
    {7, 1, 0, "fsgsbase"},
    {7, 1, 3, "bmi1"},
    {7, 1, 5, "avx2"},
    {7, 1, 7, "smep"},
    {7, 1, 8, "bmi2"},
    {7, 1, 9, "erms"},
    {7, 1, 18, "rdseed"},
    {7, 1, 19, "adx"},
    {7, 1, 20, "smap"},
};

static size_t add_flags(char *buffer, size_t size)
{
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_SIZE(flags) && at < size; i++) {
		uint32_t out[4];

		cpuid(flags[i].leaf & 0x80000000u, 0, out);
		if (out[0] < flags[i].leaf)
			continue;
		cpuid(flags[i].leaf, 0, out);
		if (out[flags[i].word] >> flags[i].bit & 1)
			at += (size_t)ksnprintf(buffer + at, size - at, " %s", flags[i].name);
	}
	return at;
}

size_t arch_cpuinfo(unsigned cpu, char *buffer, size_t size)
{
	uint32_t id[4], vendor[4], model[13] = {0};
	unsigned family, number;
	size_t at;

	cpuid(0, 0, vendor);
	cpuid(1, 0, id);
	for (uint32_t i = 0; i < 3; i++)
		cpuid(0x80000002u + i, 0, model + i * 4);
	family = id[0] >> 8 & 15;
	number = id[0] >> 4 & 15;
	if (family == 6 || family == 15)
		number |= id[0] >> 12 & 0xf0;
	if (family == 15)
		family += id[0] >> 20 & 255;
	at = (size_t)ksnprintf(buffer, size,
			       "processor\t: %u\nvendor_id\t: %.4s%.4s%.4s\ncpu family\t: %u\n"
			       "model\t\t: %u\nmodel name\t: %s\nstepping\t: %u\nflags\t\t:",
			       cpu, (const char *)&vendor[1], (const char *)&vendor[3],
			       (const char *)&vendor[2], family, number, (const char *)model, id[0] & 15);
	at = MIN(at, size - 1);
	at += add_flags(buffer + at, size - at);
	at = MIN(at, size - 1);
	at += (size_t)ksnprintf(buffer + at, size - at, "\n\n");
	return MIN(at, size - 1);
}
