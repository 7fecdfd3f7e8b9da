/* SPDX-License-Identifier: MIT */
/* RISC-V's own way up, and what the machine says of itself. */
#include "cpu.h"
#include "kern/entry.h"

void boot_main(uint64_t hart, uint64_t fdt_pa, uint64_t image);

void boot_main(uint64_t hart, uint64_t fdt_pa, uint64_t image)
{
	cpu_init(0, hart);
	memory_init(fdt_pa, image);
	clock_init();
	kernel_main();
}

void arch_configure(struct quire_config *config)
{
	static struct quire_arch arch;

	arch = tables_48 ? quire_arch_riscv64_sv48 : quire_arch_riscv64;
	if (sets_young_and_dirty)
		arch.caps |= QUIRE_CAP_HW_YOUNG | QUIRE_CAP_HW_DIRTY;
	config->arch = &arch;
	config->kmap_start = tables_48 ? KMAP_BASE_48 : KMAP_BASE_39;
	config->kmap_end = config->kmap_start + KMAP_BYTES;
}

void arch_devices_init(void)
{
	plic_init();
	console_init();
	printk("riscv64: Sv%u; %s\n", tables_48 ? 48 : 39,
	       sets_young_and_dirty ? "the harts set young and dirty" : "young and dirty by faults");
}
