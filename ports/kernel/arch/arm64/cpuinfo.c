/* SPDX-License-Identifier: MIT */
/* What AT_HWCAP and /proc/cpuinfo say of a CPU: the ID registers, in Linux's words. */
#include "cpu.h"
#include "kern/kernel.h"

enum id_register {
	PFR0,
	ISAR0,
	ISAR1
};

/* DDI 0487, D19.2: a field of 4 bits that is `least` or more. PFR0's fields are signed: 15 is none. */
static const struct {
	enum id_register id;
	uint8_t shift, least, bit;
	const char *name;
} features[] = {
    {PFR0, 16, 0, 0, "fp"},       {PFR0, 20, 0, 1, "asimd"},      {ISAR0, 4, 1, 3, "aes"},
    {ISAR0, 4, 2, 4, "pmull"},    {ISAR0, 8, 1, 5, "sha1"},       {ISAR0, 12, 1, 6, "sha2"},
    {ISAR0, 16, 1, 7, "crc32"},   {ISAR0, 20, 2, 8, "atomics"},   {PFR0, 16, 1, 9, "fphp"},
    {PFR0, 20, 1, 10, "asimdhp"}, {ISAR0, 28, 1, 12, "asimdrdm"}, {ISAR1, 12, 1, 13, "jscvt"},
    {ISAR1, 16, 1, 14, "fcma"},   {ISAR1, 20, 1, 15, "lrcpc"},
};

static bool has(size_t i)
{
	uint64_t value = features[i].id == PFR0    ? READ_REG(id_aa64pfr0_el1)
			 : features[i].id == ISAR0 ? READ_REG(id_aa64isar0_el1)
						   : READ_REG(id_aa64isar1_el1);
	unsigned field = value >> features[i].shift & 15;

	return field >= features[i].least && !(features[i].id == PFR0 && field == 15);
}

uint64_t arch_hwcap(void)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		bits |= (uint64_t)has(i) << features[i].bit;
	return bits;
}

uint64_t arch_hwcap2(void)
{
	return 0;
}

size_t arch_cpuinfo(unsigned cpu, char *buffer, size_t size)
{
	uint64_t id = READ_REG(midr_el1), hz = READ_REG(cntfrq_el0);
	size_t at;

	/* BogoMIPS of a delay by the counter: two million a MHz. */
	at = (size_t)ksnprintf(buffer, size, "processor\t: %u\nBogoMIPS\t: %lu.%02lu\nFeatures\t:", cpu,
			       hz / 500000, hz / 5000 % 100);
	for (size_t i = 0; i < ARRAY_SIZE(features) && at < size; i++)
		if (has(i))
			at += (size_t)ksnprintf(buffer + at, size - at, " %s", features[i].name);
	at = MIN(at, size - 1);
	at += (size_t)ksnprintf(buffer + at, size - at,
				"\nCPU implementer\t: 0x%02lx\nCPU architecture: 8\nCPU variant\t: 0x%lx\n"
				"CPU part\t: 0x%03lx\nCPU revision\t: %lu\n\n",
				id >> 24 & 0xff, id >> 20 & 15, id >> 4 & 0xfff, id & 15);
	return MIN(at, size - 1);
}
