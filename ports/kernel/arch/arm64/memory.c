/* SPDX-License-Identifier: MIT */
/* What memory there is, by the device tree; the kernel's own tables; and the rest for the library. */
#include "cpu.h"
#include "arch/common/fdt.h"
#include "port/system.h"

extern char image_start[], image_rodata[], image_data[], image_end[], user_text[];

#define BLOCK_2M (2ul << 20)
#define BLOCK_1G (1ul << 30)

uint64_t image_pa;
bool tables_48;
static uint64_t boot_next; /* physical: tables are taken from here, behind the image */
static uint64_t root_pa;   /* of the uppermost 39 bits */
static uint64_t device_next = DEVICE_BASE;
uint64_t kernel_ttbr1;

uint64_t image_to_pa(const void *address)
{
	return (uint64_t)address - IMAGE_BASE + image_pa;
}

static uint64_t *next_table(uint64_t *table, unsigned index)
{
	uint64_t *next;

	if (table[index])
		return pa_to_linear(table[index] & 0xfffffffff000);
	next = pa_to_linear(boot_next);
	memset(next, 0, PAGE_SIZE);
	table[index] = boot_next | PTE_TABLE;
	boot_next += PAGE_SIZE;
	return next;
}

static uint64_t *entry_2m(uint64_t *root, uint64_t va)
{
	return next_table(root, va >> 30 & 511) + (va >> 21 & 511);
}

/* RAM, as large as it goes. The gigabyte of the image is in the boot tables already, so that tables can be
 * written while they are made. */
static void map_linear(uint64_t *root)
{
	uint64_t pa = ALIGN_DOWN(ram_bottom(), BLOCK_2M), top = ram_top();
	uint64_t flags = PTE_BLOCK | PTE_NORMAL | PTE_PXN | PTE_UXN;

	if (top > LINEAR_BYTES)
		panic("boot: RAM at 0x%lx has no linear address", top);
	while (pa < top) {
		if (!(pa & (BLOCK_1G - 1)) && top - pa >= BLOCK_1G) {
			root[pa >> 30] = pa | flags;
			pa += BLOCK_1G;
		} else {
			*entry_2m(root, LINEAR_BASE + pa) = pa | flags;
			pa += BLOCK_2M;
		}
	}
}

static void map_image(uint64_t *root)
{
	for (uint64_t va = (uint64_t)image_start; va < (uint64_t)image_end; va += PAGE_SIZE) {
		uint64_t *pmd = entry_2m(root, va) - (va >> 21 & 511);
		uint64_t *table = next_table(pmd, va >> 21 & 511);
		uint64_t flags = PTE_PAGE | PTE_NORMAL | PTE_UXN;

		if (va >= (uint64_t)image_rodata)
			flags |= PTE_PXN;
		if (va < (uint64_t)image_data)
			flags |= PTE_RDONLY;
		if (va >= (uint64_t)user_text && va < (uint64_t)image_rodata)
			flags = PTE_PAGE | PTE_NORMAL | PTE_RDONLY | PTE_EL0 | PTE_PXN;
		table[va >> 12 & 511] = image_to_pa((void *)va) | flags;
	}
}

/* The table for devices is made with the others, since a frame of the library's would have no owner. */
volatile void *device_map(uint64_t pa, uint64_t bytes)
{
	uint64_t start = ALIGN_DOWN(pa, BLOCK_2M), va = device_next;
	uint64_t *root = pa_to_linear(root_pa);

	for (uint64_t at = start; at < pa + bytes; at += BLOCK_2M, device_next += BLOCK_2M) {
		if (device_next >= DEVICE_BASE + BLOCK_1G)
			panic("boot: no address is left for a device");
		*entry_2m(root, device_next) = at | PTE_BLOCK | PTE_DEVICE | PTE_AF | PTE_PXN | PTE_UXN;
	}
	arch_pte_sync();
	return (volatile void *)(va + (pa - start));
}

static bool profile_has_39_bits(void)
{
	char name[24];

	return boot_option("profile", name, sizeof(name)) && !strcmp(name, "linux-4.14");
}

void memory_init(uint64_t fdt_pa, uint64_t image)
{
	uint64_t *root;

	image_pa = image;
	device_tree = pa_to_linear(fdt_pa);
	if (!fdt_read_memory(device_tree))
		panic("boot: no device tree with memory");
	root_pa = boot_next = ALIGN_UP(image_to_pa(image_end), PAGE_SIZE);
	boot_next += PAGE_SIZE;
	root = pa_to_linear(root_pa);
	memset(root, 0, PAGE_SIZE);
	map_linear(root);
	map_image(root);
	(void)entry_2m(root, DEVICE_BASE);
	kernel_ttbr1 = root_pa;
	/* Sizes of 39 bits until there is a root of the library's. */
	enter_tables(root_pa, tcr_value());
	ram_reserve(image_pa, fdt_gather(&device_tree, fdt_pa, boot_next));
	tables_48 = !profile_has_39_bits();
}

void *arch_linear(uint64_t pa)
{
	return pa_to_linear(pa);
}

/* The library has a root for kernel mappings. Of 48 bits: our entry, the last, names our table. Of 39 bits, ours
 * go in beside its own. */
void arch_system_ready(void)
{
	uint64_t *ours = pa_to_linear(root_pa), *root = pa_to_linear(quire_kernel_root(the_system).v);

	if (tables_48) {
		root[511] = root_pa | PTE_TABLE;
	} else {
		for (unsigned i = 0; i < 512; i++)
			if (ours[i])
				root[i] = ours[i];
	}
	arch_pte_sync();
	kernel_ttbr1 = quire_kernel_root(the_system).v;
	enter_tables(kernel_ttbr1, tcr_value());
	WRITE_REG(ttbr0_el1, image_to_pa(no_user_root));
	isb();
}
