/* SPDX-License-Identifier: MIT */
/* Reads flattened device trees: memory, CPUs, and what the boot loader passes in /chosen.
 *
 *   blob:        header, reservations, structure, strings
 *   structure:   BEGIN_NODE name, PROP bytes name value ..., nodes ..., END_NODE          words of 32 bits
 */
#include "arch/common/fdt.h"

#include "arch.h"
#include "kern/boot.h"

#define MAGIC        0xd00dfeed
#define VERSION      17
#define HEADER_BYTES 40

/* Offsets in the header. */
enum {
	TOTAL_SIZE = 4,
	STRUCTURE = 8,
	STRINGS = 12,
	RESERVATIONS = 16,
	LAST_COMPATIBLE = 24,
	STRINGS_BYTES = 32,
	STRUCTURE_BYTES = 36
};

enum {
	BEGIN_NODE = 1,
	END_NODE = 2,
	PROP = 3,
	NOP = 4
};

uint64_t fdt_cells(const void *cells, unsigned count)
{
	const uint8_t *bytes = cells;
	uint64_t value = 0;

	for (unsigned i = 0; i < 4 * count; i++)
		value = value << 8 | bytes[i];
	return value;
}

static uint32_t field(const void *blob, size_t offset)
{
	return (uint32_t)fdt_cells((const uint8_t *)blob + offset, 1);
}

/* Whether [offset, offset + bytes) lies in the blob. */
static bool inside(const void *blob, uint64_t offset, uint64_t bytes)
{
	return offset + bytes <= field(blob, TOTAL_SIZE);
}

size_t fdt_size(const void *blob)
{
	if (!blob || field(blob, 0) != MAGIC || field(blob, LAST_COMPATIBLE) > VERSION)
		return 0;
	if (field(blob, TOTAL_SIZE) < HEADER_BYTES ||
	    !inside(blob, field(blob, STRUCTURE), field(blob, STRUCTURE_BYTES)) ||
	    !inside(blob, field(blob, STRINGS), field(blob, STRINGS_BYTES)))
		return 0;
	return field(blob, TOTAL_SIZE);
}

/* --- the structure block ---------------------------------------------------------------------- */

/* A word; 0, which is no token, behind the end. */
static uint32_t word(const void *blob, size_t at)
{
	if (at + 4 > field(blob, STRUCTURE_BYTES))
		return 0;
	return field(blob, field(blob, STRUCTURE) + at);
}

static const void *bytes_at(const void *blob, size_t at, size_t bytes)
{
	size_t end = field(blob, STRUCTURE_BYTES);

	if (at > end || bytes > end - at)
		return NULL;
	return (const uint8_t *)blob + field(blob, STRUCTURE) + at;
}

/* Behind the property at `at`; one that is too long ends the block. */
static size_t skip_property(const void *blob, size_t at)
{
	size_t bytes = MIN(word(blob, at + 4), field(blob, STRUCTURE_BYTES));

	return at + 12 + ALIGN_UP(bytes, (size_t)4);
}

/* The string at `at` in a block of `size` bytes; NULL: it does not end there. */
static const char *string_in(const void *blob, size_t block, size_t size, size_t at)
{
	const char *text = (const char *)blob + block + at;

	return at < size && memchr(text, 0, size - at) ? text : NULL;
}

bool fdt_next(const void *blob, struct fdt_node *node)
{
	size_t at = node->at;

	for (;;) {
		switch (word(blob, at)) {
		case BEGIN_NODE:
			node->name =
			    string_in(blob, field(blob, STRUCTURE), field(blob, STRUCTURE_BYTES), at + 4);
			if (!node->name)
				return false;
			node->at = ALIGN_UP(at + 4 + strlen(node->name) + 1, (size_t)4);
			node->depth++;
			return true;
		case END_NODE:
			if (!node->depth)
				return false;
			node->depth--;
			at += 4;
			break;
		case PROP:
			at = skip_property(blob, at);
			break;
		case NOP:
			at += 4;
			break;
		default:
			return false;
		}
	}
}

const void *fdt_property(const void *blob, const struct fdt_node *node, const char *name, size_t *out_bytes)
{
	size_t at = node->at;

	for (;;) {
		uint32_t token = word(blob, at);
		const char *its;

		if (token == NOP) {
			at += 4;
			continue;
		}
		if (token != PROP)
			return NULL;
		its = string_in(blob, field(blob, STRINGS), field(blob, STRINGS_BYTES), word(blob, at + 8));
		if (its && !strcmp(its, name)) {
			*out_bytes = word(blob, at + 4);
			return bytes_at(blob, at + 12, *out_bytes);
		}
		at = skip_property(blob, at);
	}
}

/* --- what a kernel wants to know -------------------------------------------------------------- */

static bool property_is(const void *blob, const struct fdt_node *node, const char *name, const char *value)
{
	size_t bytes;
	const char *text = fdt_property(blob, node, name, &bytes);

	return text && bytes == strlen(value) + 1 && !memcmp(text, value, bytes);
}

static unsigned cells_of(const void *blob, const struct fdt_node *node, const char *name, unsigned otherwise)
{
	size_t bytes;
	const void *cells = fdt_property(blob, node, name, &bytes);

	return cells && bytes == 4 ? (unsigned)fdt_cells(cells, 1) : otherwise;
}

/* A number of one or two cells; 0: there is none. */
static uint64_t number_of(const void *blob, const struct fdt_node *node, const char *name)
{
	size_t bytes;
	const void *cells = fdt_property(blob, node, name, &bytes);

	return cells && (bytes == 4 || bytes == 8) ? fdt_cells(cells, (unsigned)bytes / 4) : 0;
}

struct cells {
	unsigned address, size;
};

/* Calls `give` for each range of the node's reg. */
static bool each_range(const void *blob, const struct fdt_node *node, const struct cells *cells,
		       void (*give)(uint64_t start, uint64_t end))
{
	size_t bytes, row = 4 * ((size_t)cells->address + cells->size);
	const uint8_t *reg = fdt_property(blob, node, "reg", &bytes);
	bool any = false;

	if (!reg || !cells->address || !cells->size || cells->address > 4 || cells->size > 4)
		return false;
	for (; bytes >= row; reg += row, bytes -= row) {
		uint64_t start = fdt_cells(reg, cells->address);
		uint64_t length = fdt_cells(reg + 4 * cells->address, cells->size);

		if (length && start + length > start) {
			give(start, start + length);
			any = true;
		}
	}
	return any;
}

static void read_chosen(const void *blob, const struct fdt_node *node)
{
	uint64_t start = number_of(blob, node, "linux,initrd-start");
	uint64_t end = number_of(blob, node, "linux,initrd-end");
	size_t bytes;
	const char *words = fdt_property(blob, node, "bootargs", &bytes);

	if (words && bytes && !words[bytes - 1])
		strlcpy(boot_info.cmdline, words, sizeof(boot_info.cmdline));
	if (end > start) {
		boot_info.initrd_pa = start;
		boot_info.initrd = arch_linear(start);
		boot_info.initrd_size = (size_t)(end - start);
	}
}

/* The block of reservations: pairs of address and size, which one of size 0 ends. */
static void reserve_listed(const void *blob)
{
	for (size_t at = field(blob, RESERVATIONS); inside(blob, at, 16); at += 16) {
		uint64_t start = fdt_cells((const uint8_t *)blob + at, 2);
		uint64_t length = fdt_cells((const uint8_t *)blob + at + 8, 2);

		if (!length)
			return;
		ram_reserve(start, start + length);
	}
}

bool fdt_read_memory(const void *blob)
{
	struct fdt_node node = {0};
	struct cells cells = {2, 1};
	bool any = false, reserved = false;

	if (!fdt_size(blob))
		return false;
	while (fdt_next(blob, &node)) {
		if (node.depth == 1) {
			cells.address = cells_of(blob, &node, "#address-cells", cells.address);
			cells.size = cells_of(blob, &node, "#size-cells", cells.size);
		} else if (node.depth == 2 && property_is(blob, &node, "device_type", "memory")) {
			any |= each_range(blob, &node, &cells, ram_add);
		}
	}
	/* RAM first: what is reserved is cut out of it. */
	for (node = (struct fdt_node){0}; fdt_next(blob, &node);) {
		if (node.depth == 2) {
			reserved = !strcmp(node.name, "reserved-memory");
			if (!strcmp(node.name, "chosen"))
				read_chosen(blob, &node);
		} else if (node.depth == 3 && reserved) {
			(void)each_range(blob, &node, &cells, ram_reserve); /* one without a place has none */
		}
	}
	reserve_listed(blob);
	return any;
}

uint64_t fdt_gather(const void **blob, uint64_t pa, uint64_t to)
{
	struct ram_loaded tree = {blob, pa, fdt_size(*blob)};
	struct ram_loaded archive = {(const void **)&boot_info.initrd, boot_info.initrd_pa,
				     boot_info.initrd_size};

	if (!boot_info.initrd)
		return ram_gather(&tree, 1, to);
	if (pa < boot_info.initrd_pa)
		return ram_gather((struct ram_loaded[]){tree, archive}, 2, to);
	return ram_gather((struct ram_loaded[]){archive, tree}, 2, to);
}

unsigned fdt_cpus(const void *blob, uint64_t *out_ids, unsigned max)
{
	struct fdt_node node = {0};
	unsigned count = 0, cells = 1;
	bool in_cpus = false;

	while (fdt_size(blob) && count < max && fdt_next(blob, &node)) {
		const void *reg;
		size_t bytes;

		if (node.depth == 2) {
			in_cpus = !strcmp(node.name, "cpus");
			cells = cells_of(blob, &node, "#address-cells", 1);
		}
		if (node.depth != 3 || !in_cpus || !property_is(blob, &node, "device_type", "cpu") ||
		    property_is(blob, &node, "status", "disabled"))
			continue;
		reg = fdt_property(blob, &node, "reg", &bytes);
		if (reg && cells >= 1 && cells <= 2 && bytes == 4 * (size_t)cells)
			out_ids[count++] = fdt_cells(reg, cells);
	}
	return count;
}
