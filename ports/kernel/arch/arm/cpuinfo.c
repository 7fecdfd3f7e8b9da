/* SPDX-License-Identifier: MIT */
/* What AT_HWCAP and /proc/cpuinfo say of a CPU: the ID registers, in Linux's words. */
#include "cpu.h"
#include "kern/kernel.h"

enum id_register {
	ALWAYS, /* of ARMv7 */
	ISAR0,
	MMFR0,
	SIMD0,
	SIMD1
};

/* DDI 0406C, B7.2: a field of 4 bits that is `least` or more. */
static const struct {
	enum id_register id;
	uint8_t shift, least, bit;
	const char *name;
} features[] = {
    {ALWAYS, 0, 0, 1, "half"},   {ALWAYS, 0, 0, 2, "thumb"},  {ALWAYS, 0, 0, 4, "fastmult"},
    {SIMD0, 4, 1, 6, "vfp"},     {ALWAYS, 0, 0, 7, "edsp"},   {SIMD1, 8, 1, 12, "neon"},
    {SIMD0, 4, 2, 13, "vfpv3"},  {ALWAYS, 0, 0, 15, "tls"},   {SIMD1, 28, 1, 16, "vfpv4"},
    {ISAR0, 24, 2, 17, "idiva"}, {ISAR0, 24, 1, 18, "idivt"}, {SIMD0, 0, 2, 19, "vfpd32"},
    {MMFR0, 0, 5, 20, "lpae"},
};

static bool has(size_t i)
{
	uint32_t value = 0;

	switch (features[i].id) {
	case ALWAYS:
		return true;
	case ISAR0:
		value = READ_REG(ID_ISAR0);
		break;
	case MMFR0:
		value = READ_REG(ID_MMFR0);
		break;
	case SIMD0:
		value = READ_VFP(mvfr0);
		break;
	case SIMD1:
		value = READ_VFP(mvfr1);
		break;
	}
	return (value >> features[i].shift & 15) >= features[i].least;
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

/* Linux ends with what a board file once said of the machine. */
#define LAST_LINES "Hardware\t: Generic DT based system\nRevision\t: 0000\nSerial\t\t: 0000000000000000\n"

size_t arch_cpuinfo(unsigned cpu, char *buffer, size_t size)
{
	uint32_t id = READ_REG(MIDR), hz = READ_REG(CNTFRQ);
	size_t at;

	/* BogoMIPS of a delay by the counter: two million a MHz. */
	at = (size_t)ksnprintf(
	    buffer, size,
	    "processor\t: %u\nmodel name\t: ARMv7 Processor rev %u (v7l)\nBogoMIPS\t: %u.%02u\n"
	    "Features\t:",
	    cpu, id & 15, hz / 500000, hz / 5000 % 100);
	for (size_t i = 0; i < ARRAY_SIZE(features) && at < size; i++)
		if (has(i))
			at += (size_t)ksnprintf(buffer + at, size - at, " %s", features[i].name);
	at = MIN(at, size - 1);
	at += (size_t)ksnprintf(buffer + at, size - at,
				"\nCPU implementer\t: 0x%02x\nCPU architecture: 7\nCPU variant\t: 0x%x\n"
				"CPU part\t: 0x%03x\nCPU revision\t: %u\n\n%s",
				id >> 24 & 0xff, id >> 20 & 15, id >> 4 & 0xfff, id & 15,
				cpu + 1 == arch_cpus_found() ? LAST_LINES : "");
	return MIN(at, size - 1);
}
