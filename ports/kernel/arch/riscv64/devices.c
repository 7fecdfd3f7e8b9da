/* SPDX-License-Identifier: MIT */
/* What the device tree says of harts. */
#include "cpu.h"
#include "arch/common/fdt.h"

const void *device_tree;

static uint64_t number_of(const struct fdt_node *node, const char *name, uint64_t otherwise)
{
	size_t bytes;
	const void *value = fdt_property(device_tree, node, name, &bytes);

	return value && (bytes == 4 || bytes == 8) ? fdt_cells(value, (unsigned)bytes / 4) : otherwise;
}

/* The node of the hart, below /cpus. */
static bool find_hart(uint64_t hart, struct fdt_node *node)
{
	bool in_cpus = false;

	*node = (struct fdt_node){0};
	while (fdt_next(device_tree, node)) {
		if (node->depth == 2)
			in_cpus = !strcmp(node->name, "cpus");
		if (node->depth == 3 && in_cpus && !strncmp(node->name, "cpu@", 4) &&
		    number_of(node, "reg", ~0ull) == hart)
			return true;
	}
	return false;
}

const void *hart_property(uint64_t hart, const char *name, size_t *out_bytes)
{
	struct fdt_node node;

	return find_hart(hart, &node) ? fdt_property(device_tree, &node, name, out_bytes) : NULL;
}

uint32_t hart_controller(uint64_t hart)
{
	struct fdt_node node;
	size_t bytes;

	if (!find_hart(hart, &node))
		return 0;
	while (fdt_next(device_tree, &node) && node.depth > 3)
		if (node.depth == 4 && fdt_property(device_tree, &node, "interrupt-controller", &bytes))
			return (uint32_t)number_of(&node, "phandle", 0);
	return 0;
}

uint32_t timebase_frequency(void)
{
	struct fdt_node node = {0};

	while (fdt_next(device_tree, &node))
		if (node.depth == 2 && !strcmp(node.name, "cpus"))
			return (uint32_t)number_of(&node, "timebase-frequency", 0);
	return 0;
}
