/* SPDX-License-Identifier: MIT */
/* What AT_HWCAP and /proc/cpuinfo say of a hart: the device tree and the firmware, in Linux's words. */
#include "cpu.h"
#include "kern/kernel.h"

#define ISA_BYTES 160

/* "rv64imafdc_zicsr": the extensions of one letter, and more behind "_". */
static const char *isa_of(uint64_t hart, char text[ISA_BYTES])
{
	size_t bytes;
	const char *isa = hart_property(hart, "riscv,isa", &bytes);

	strlcpy(text, isa && bytes && !isa[bytes - 1] ? isa : "rv64ima", ISA_BYTES);
	return text;
}

/* A bit a letter, of those whose state the kernel keeps. */
static uint64_t read_hwcap(void)
{
	char text[ISA_BYTES];
	const char *isa = isa_of(cpus[0].arch.hart, text);
	uint64_t bits = 0;

	if (strncmp(isa, "rv64", 4) != 0)
		return 0;
	for (const char *letter = isa + 4; *letter && *letter != '_'; letter++)
		if (strchr("imafdc", *letter))
			bits |= 1ull << (*letter - 'a');
	return bits;
}

/* The tree is read once; who reads it at the same time finds the same. */
uint64_t arch_hwcap(void)
{
	static uint64_t known;
	uint64_t bits = __atomic_load_n(&known, __ATOMIC_RELAXED);

	if (!bits) {
		bits = read_hwcap();
		__atomic_store_n(&known, bits, __ATOMIC_RELAXED);
	}
	return bits;
}

uint64_t arch_hwcap2(void)
{
	return 0;
}

size_t arch_cpuinfo(unsigned cpu, char *buffer, size_t size)
{
	char isa[ISA_BYTES];
	uint64_t hart = cpus[cpu].arch.hart;
	size_t at = (size_t)ksnprintf(buffer, size,
				      "processor\t: %u\nhart\t\t: %lu\nisa\t\t: %s\nmmu\t\t: %s\n"
				      "mvendorid\t: 0x%lx\nmarchid\t\t: 0x%lx\nmimpid\t\t: 0x%lx\n\n",
				      cpu, hart, isa_of(hart, isa), tables_48 ? "sv48" : "sv39",
				      (uint64_t)SBI(SBI_BASE, SBI_BASE_VENDOR, 0).value,
				      (uint64_t)SBI(SBI_BASE, SBI_BASE_ARCH, 0).value,
				      (uint64_t)SBI(SBI_BASE, SBI_BASE_IMP, 0).value);

	return MIN(at, size - 1);
}
