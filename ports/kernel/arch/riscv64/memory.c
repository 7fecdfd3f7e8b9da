/* SPDX-License-Identifier: MIT */
/* What memory there is, by the device tree; the kernel's own tables; and the rest for the library. */
#include "cpu.h"
#include "arch/common/fdt.h"
#include "port/system.h"

extern char image_start[], image_rodata[], image_data[], image_end[], user_text[];

#define BLOCK_2M (2ul << 20)
#define BLOCK_1G (1ul << 30)
#define ENTRIES  512
#define HALF     256 /* the kernel's entries of a root of Sv39 */

bool tables_48, sets_young_and_dirty;
uint64_t kernel_satp;
static uint64_t image_pa;  /* where the image lies */
static uint64_t boot_next; /* physical: tables are taken from here, behind the image */
static uint64_t root_pa;   /* of the uppermost 39 bits */
static uint64_t device_next = DEVICE_BASE;

uint64_t image_to_pa(const void *address)
{
	return (uint64_t)address - IMAGE_BASE + image_pa;
}

uint64_t satp_of(uint64_t root)
{
	return (uint64_t)(tables_48 ? SATP_SV48 : SATP_SV39) << SATP_SHIFT | root >> 12;
}

/* --- the kernel's tables ---------------------------------------------------------------------- */

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
	uint64_t *next;
	uint64_t pa;

	if (table[index])
		return pa_to_linear(table[index] >> 10 << 12);
	next = boot_table(&pa);
	table[index] = pa >> 2 | PTE_V;
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

	if (top > LINEAR_BYTES)
		panic("boot: RAM at 0x%lx has no linear address", top);
	while (pa < top) {
		if (!(pa & (BLOCK_1G - 1)) && top - pa >= BLOCK_1G) {
			root[HALF + (pa >> 30)] = pa >> 2 | PTE_DATA;
			pa += BLOCK_1G;
		} else {
			*entry_2m(root, LINEAR_BASE + pa) = pa >> 2 | PTE_DATA;
			pa += BLOCK_2M;
		}
	}
}

static void map_image(uint64_t *root)
{
	for (uint64_t va = (uint64_t)image_start; va < (uint64_t)image_end; va += PAGE_SIZE) {
		uint64_t *pmd = entry_2m(root, va) - (va >> 21 & 511);
		uint64_t *table = next_table(pmd, va >> 21 & 511);
		uint64_t flags = PTE_KERNEL;

		if (va >= (uint64_t)image_data)
			flags = PTE_DATA;
		else if (va < (uint64_t)image_rodata)
			flags |= va >= (uint64_t)user_text ? PTE_X | PTE_U : PTE_X;
		table[va >> 12 & 511] = image_to_pa((void *)va) >> 2 | flags;
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
		*entry_2m(root, device_next) = at >> 2 | PTE_DATA;
	}
	flush_every_hart();
	return (volatile void *)(va + (pa - start));
}

/* Privileged 4.3.1: a store through an entry without A and D faults, or sets them. Nothing at hand says which this hart
 * does: the device tree of QEMU 7.2, whose harts set them, is older than the names of the two ways. */
static void try_young_and_dirty(uint64_t *root)
{
	static uint64_t probe[PAGE_SIZE / sizeof(uint64_t)] __attribute__((aligned(PAGE_SIZE)));
	uint64_t *pmd = entry_2m(root, (uint64_t)probe) - ((uint64_t)probe >> 21 & 511);
	uint64_t *entry = next_table(pmd, (uint64_t)probe >> 21 & 511) + ((uint64_t)probe >> 12 & 511);
	uint64_t both = PTE_A | PTE_D;

	*entry &= ~both;
	sfence_everything();
	sets_young_and_dirty = try_store(probe, 1) && (*(volatile uint64_t *)entry & both) == both;
	*entry |= both;
	sfence_everything();
}

/* Linux has four levels since 5.17. */
static bool profile_has_39_bits(void)
{
	char name[16];

	return boot_option("profile", name, sizeof(name)) && strcmp(name, "linux-6") != 0;
}

/* A root of Sv48 for the time before the library's. Privileged 4.1.11: where there is no Sv48, the write to satp has
 * no effect. Both roots map what runs at the same addresses. */
static void try_sv48(void)
{
	uint64_t pa, *root = boot_table(&pa);

	kernel_satp = satp_of(root_pa);
	if (profile_has_39_bits())
		return;
	root[ENTRIES - 1] = root_pa >> 2 | PTE_V;
	tables_48 = true;
	kernel_satp = satp_of(pa);
	sfence_everything();
	CSR_WRITE(satp, kernel_satp);
	if (CSR_READ(satp) != kernel_satp) {
		tables_48 = false;
		kernel_satp = satp_of(root_pa);
	}
	sfence_everything();
}

void memory_init(uint64_t fdt_pa, uint64_t image)
{
	uint64_t *root;

	image_pa = image;
	device_tree = pa_to_linear(fdt_pa);
	if (!fdt_read_memory(device_tree))
		panic("boot: no device tree with memory");
	boot_next = ALIGN_UP(image_to_pa(image_end), PAGE_SIZE);
	root = boot_table(&root_pa);
	map_linear(root);
	map_image(root);
	(void)entry_2m(root, DEVICE_BASE);
	sfence_everything();
	CSR_WRITE(satp, satp_of(root_pa));
	sfence_everything();
	try_young_and_dirty(root);
	try_sv48();
	ram_reserve(image_pa, fdt_gather(&device_tree, fdt_pa, boot_next));
}

void *arch_linear(uint64_t pa)
{
	return pa_to_linear(pa);
}

/* The library has a root for kernel mappings, whose entries every address space has. Of 48 bits: our entry, the last,
 * names our table. Of 39 bits, ours go in beside its own. */
void arch_system_ready(void)
{
	uint64_t *ours = pa_to_linear(root_pa), *root = pa_to_linear(quire_kernel_root(the_system).v);

	if (tables_48) {
		root[ENTRIES - 1] = root_pa >> 2 | PTE_V;
	} else {
		for (unsigned i = HALF; i < ENTRIES; i++)
			if (ours[i])
				root[i] = ours[i];
	}
	kernel_satp = satp_of(quire_kernel_root(the_system).v);
	sfence_everything();
	CSR_WRITE(satp, kernel_satp);
	sfence_everything();
}
