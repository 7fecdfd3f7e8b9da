/* SPDX-License-Identifier: MIT */
/* What memory there is: the boot loader's map, the kernel's own tables, and the rest for the library. */
#include "cpu.h"

extern char image_start[], image_rodata[], image_data[], image_end[];

static uint64_t boot_next; /* physical: tables are taken from here, behind the image */
uint64_t kernel_root_pa;

/* Frames for tables, before there is an allocator. */
static uint64_t *boot_table(uint64_t *out_pa)
{
	uint64_t *table = pa_to_linear(boot_next);

	*out_pa = boot_next;
	boot_next += PAGE_SIZE;
	memset(table, 0, PAGE_SIZE);
	return table;
}

static uint64_t *next_table(uint64_t *table, unsigned index)
{
	uint64_t pa;
	uint64_t *next;

	if (table[index])
		return pa_to_linear(table[index] & ~0xfffull);
	next = boot_table(&pa);
	table[index] = pa | PTE_PRESENT | PTE_WRITE;
	return next;
}

static uint64_t *large_entry(uint64_t *root, uint64_t va)
{
	uint64_t *pdpt = next_table(root, va >> 39 & 511);
	uint64_t *pd = next_table(pdpt, va >> 30 & 511);

	return &pd[va >> 21 & 511];
}

static void map_large(uint64_t *root, uint64_t pa, uint64_t flags)
{
	*large_entry(root, LINEAR_BASE + pa) =
	    pa | flags | PTE_PRESENT | PTE_WRITE | PTE_LARGE | PTE_NX | PTE_GLOBAL;
}

/* All of RAM, and the devices below 4 GiB uncached. The first GiB is in the boot tables already, so
 * that tables can be written while they are made. */
static void map_linear(uint64_t *root)
{
	uint64_t top = ram_top(), pa;

	for (pa = 0; pa < top; pa += 2 << 20)
		map_large(root, pa, pa >= 0xe0000000 && pa < 0x100000000 ? PTE_NOCACHE : 0);
	for (pa = 0xfec00000; pa < 0xff000000; pa += 2 << 20)
		map_large(root, pa, PTE_NOCACHE);
}

static void map_image(uint64_t *root)
{
	for (uint64_t va = (uint64_t)image_start; va < (uint64_t)image_end; va += PAGE_SIZE) {
		uint64_t *pd = large_entry(root, va) - (va >> 21 & 511);
		uint64_t *table = next_table(pd, va >> 21 & 511);
		uint64_t flags = PTE_PRESENT | PTE_GLOBAL;

		if (va >= (uint64_t)image_data)
			flags |= PTE_WRITE;
		if (va >= (uint64_t)image_rodata)
			flags |= PTE_NX;
		table[va >> 12 & 511] = (va - IMAGE_BASE) | flags;
	}
}

void memory_init(uint64_t start_info_pa)
{
	uint64_t *root, initrd, initrd_end;

	start_info_read(start_info_pa, &initrd, &initrd_end);
	boot_next = ALIGN_UP(image_to_pa(image_end), PAGE_SIZE);
	root = boot_table(&kernel_root_pa);
	map_linear(root);
	map_image(root);
	if (initrd && initrd < boot_next)
		panic("boot: the initramfs lies in the kernel");
	WRITE_CR(3, kernel_root_pa);

	ram_reserve(0, 0x100000);
	ram_reserve(image_to_pa(image_start), boot_next);
	if (initrd != initrd_end) {
		ram_reserve(initrd, initrd_end);
		boot_info.initrd = pa_to_linear(initrd);
		boot_info.initrd_size = initrd_end - initrd;
	}
}

void *arch_linear(uint64_t pa)
{
	return pa_to_linear(pa);
}

/* The library has a root for the kernel's half of every address space: our two entries go in, and
 * with the first kernel mapping its own. From here on none is added, so that no CPU ever misses one
 * where it could not take the fault: on the push to a kernel stack. */
void arch_system_ready(void)
{
	uint64_t *boot_root = pa_to_linear(kernel_root_pa);
	uint64_t *root = pa_to_linear(quire_kernel_root(the_system).v);

	root[LINEAR_BASE >> 39 & 511] = boot_root[LINEAR_BASE >> 39 & 511];
	root[IMAGE_BASE >> 39 & 511] = boot_root[IMAGE_BASE >> 39 & 511];
	kernel_root_pa = quire_kernel_root(the_system).v;
	WRITE_CR(3, kernel_root_pa);
}
