/* SPDX-License-Identifier: MIT */
/* Devices of a device tree: registers and interrupts of the one that is compatible with a name. */
#include "arch/common/device.h"
#include "arch/common/fdt.h"
#include "kern/kernel.h"

/* One of the strings of `compatible` is `name`. */
static bool is_compatible(const void *tree, const struct fdt_node *node, const char *name)
{
	size_t bytes, length = strlen(name) + 1;
	const char *list = fdt_property(tree, node, "compatible", &bytes);

	while (list && bytes) {
		size_t word = strnlen(list, bytes) + 1;

		if (word > bytes)
			return false;
		if (word == length && !memcmp(list, name, length))
			return true;
		list += word;
		bytes -= word;
	}
	return false;
}

static unsigned cells(const void *tree, const struct fdt_node *node, const char *name, unsigned otherwise)
{
	size_t bytes;
	const void *value = fdt_property(tree, node, name, &bytes);

	return value && bytes == 4 ? (unsigned)fdt_cells(value, 1) : otherwise;
}

static void read_device(const void *tree, const struct fdt_node *node, const unsigned width[2],
			struct device *out)
{
	size_t bytes, row = 4 * ((size_t)width[0] + width[1]);
	const uint8_t *value = fdt_property(tree, node, "reg", &bytes);

	*out = (struct device){0};
	for (unsigned i = 0; value && i < ARRAY_SIZE(out->reg) && bytes >= row;
	     i++, bytes -= row, value += row) {
		out->reg[i] = fdt_cells(value, width[0]);
		out->bytes[i] = fdt_cells(value + 4 * width[0], width[1]);
	}
	value = fdt_property(tree, node, "interrupts", &bytes);
	for (; value && bytes >= 4 && out->interrupt_cells < ARRAY_SIZE(out->interrupt);
	     bytes -= 4, value += 4)
		out->interrupt[out->interrupt_cells++] = (uint32_t)fdt_cells(value, 1);
}

/* Its children's addresses are its parent's (Devicetree Specification 0.4, 2.3.8): an empty `ranges`. */
static bool is_plain_bus(const void *tree, const struct fdt_node *node)
{
	size_t bytes;

	return is_compatible(tree, node, "simple-bus") && fdt_property(tree, node, "ranges", &bytes) &&
	       !bytes;
}

/* `width`: of the cells of its addresses and sizes. */
static bool find_node(const void *tree, const char *name, struct fdt_node *node, unsigned width[2])
{
	unsigned of_root[2] = {2, 1}, of_bus[2];
	bool on_bus = false;

	*node = (struct fdt_node){0};
	while (fdt_next(tree, node)) {
		if (node->depth == 1) {
			of_root[0] = cells(tree, node, "#address-cells", 2);
			of_root[1] = cells(tree, node, "#size-cells", 1);
		} else if (node->depth == 2) {
			on_bus = is_plain_bus(tree, node);
			of_bus[0] = cells(tree, node, "#address-cells", 2);
			of_bus[1] = cells(tree, node, "#size-cells", 1);
		}
		if ((node->depth == 2 || (node->depth == 3 && on_bus)) && is_compatible(tree, node, name)) {
			memcpy(width, node->depth == 2 ? of_root : of_bus, sizeof(of_root));
			return true;
		}
	}
	return false;
}

bool device_find(const void *tree, const char *name, struct device *out)
{
	struct fdt_node node;
	unsigned width[2];

	if (!find_node(tree, name, &node, width))
		return false;
	read_device(tree, &node, width, out);
	return true;
}

const void *device_property(const void *tree, const char *name, const char *property, size_t *out_bytes)
{
	struct fdt_node node;
	unsigned width[2];

	return find_node(tree, name, &node, width) ? fdt_property(tree, &node, property, out_bytes) : NULL;
}
