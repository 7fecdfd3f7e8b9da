/* SPDX-License-Identifier: MIT */
/* Changes the address space of the calling CPU: table and ASID. tests/kernel/asids.c runs it on a model. */
#include "cpu.h"

/* Each load takes an ASID that this CPU has not used since it last forgot all of them. So what it keeps of an
 * address space that it left is of no use when it comes back, and no flush needs to reach it. ASID 0 is for no
 * address space at all. Between the two registers only global entries may be walked: B3.10.4. */
void arch_load_root(quire_pa root)
{
	struct arch_cpu *cpu = &this_cpu()->arch;

	WRITE_REG(TTBR0, kernel_root_pa | TTBR_WALKS);
	isb();
	if (root.v == kernel_root_pa) {
		WRITE_REG(CONTEXTIDR, 0);
		isb();
		return;
	}
	if (++cpu->asid == 1u << 8) {
		cpu->asid = 1;
		forget_all(false);
		dsb();
	}
	WRITE_REG(CONTEXTIDR, cpu->asid);
	isb();
	WRITE_REG(TTBR0, (uint32_t)root.v | TTBR_WALKS);
	isb();
}
