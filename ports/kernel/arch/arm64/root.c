/* SPDX-License-Identifier: MIT */
/* Changes the address space of the calling CPU: table and ASID. tests/kernel/asids.c runs it on a model. */
#include "cpu.h"
#include "port/system.h"

/* Each load takes an ASID that this CPU has not used since it last forgot all of them. So what it keeps of an
 * address space that it left is of no use when it comes back, and no flush needs to reach it. ASID 0 is for no
 * address space at all. */
void arch_load_root(quire_pa root)
{
	struct arch_cpu *cpu = &this_cpu()->arch;
	uint64_t ttbr0 = image_to_pa(no_user_root);

	if (root.v != quire_kernel_root(the_system).v) {
		if (++cpu->asid == (cpu_features.asid16 ? 1u << 16 : 1u << 8)) {
			cpu->asid = 1;
			/* Whatever is walked from here on belongs to no address space. */
			WRITE_REG(ttbr0_el1, ttbr0);
			isb();
			forget_all(false);
			dsb();
		}
		ttbr0 = root.v | (uint64_t)cpu->asid << 48;
	}
	WRITE_REG(ttbr0_el1, ttbr0);
	isb();
}
