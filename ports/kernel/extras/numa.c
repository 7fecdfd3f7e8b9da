/* SPDX-License-Identifier: MIT */
/* Memory policies, as of a machine with one node: mbind(2), set_mempolicy(2), get_mempolicy(2), migrate_pages(2),
 * move_pages(2).
 *
 * A policy is kept and told; every page is on node 0 whatever it says. Equal policies are one row of a table: the row's
 * number is the tag of the mappings that have it (quire/tag.h), and is in the thread, which gives it to those it makes.
 * A row stays for good: there are as many as a program finds words for.  */
#include <quire/tag.h>

#include "abi/functions.h"
#include "kern/process.h"
#include "kern/uaccess.h"
#include "port/system.h"

enum {
	MPOL_DEFAULT,
	MPOL_PREFERRED,
	MPOL_BIND,
	MPOL_INTERLEAVE,
	MPOL_LOCAL,
	MPOL_PREFERRED_MANY,
	MPOL_WEIGHTED_INTERLEAVE,
	MPOL_MODES,
	MPOL_F_NUMA_BALANCING = 1 << 13,
	MPOL_F_RELATIVE_NODES = 1 << 14,
	MPOL_F_STATIC_NODES = 1 << 15,
	MODE_FLAGS = MPOL_F_NUMA_BALANCING | MPOL_F_RELATIVE_NODES | MPOL_F_STATIC_NODES,

	MPOL_F_NODE = 1, /* of get_mempolicy */
	MPOL_F_ADDR = 2,
	MPOL_F_MEMS_ALLOWED = 4,

	MPOL_MF_STRICT = 1, /* of mbind and move_pages */
	MPOL_MF_MOVE = 2,
	MPOL_MF_MOVE_ALL = 4
};

#define NODES_MOST 1024 /* bits of a mask that may be given; the one node is bit 0 */

struct policy {
	uint16_t mode;  /* and flags */
	uint64_t nodes; /* as they are told */
};

/* Row 0: no policy. */
static struct policy policies[256];
static unsigned rows = 1;
static struct mutex rows_lock = MUTEX_INIT(rows_lock);

static long row_of(const struct policy *policy, uint8_t *out_row)
{
	unsigned row = 0;

	mutex_lock(&rows_lock);
	if (policy->mode != MPOL_DEFAULT)
		for (row = 1; row < rows; row++)
			if (policies[row].mode == policy->mode && policies[row].nodes == policy->nodes)
				break;
	if (row == rows && rows < ARRAY_SIZE(policies))
		policies[rows++] = *policy;
	mutex_unlock(&rows_lock);
	*out_row = (uint8_t)row;
	return row < ARRAY_SIZE(policies) ? 0 : -ENOMEM;
}

/* The first nodes of a mask of `count` - 1 bits, as the system calls count. */
static long nodes_from_user(uint64_t from, uint64_t count, uint64_t *out_nodes)
{
	uint64_t bits = count - 1;

	*out_nodes = 0;
	if (!count || !bits || !from)
		return 0;
	if (bits > PAGE_SIZE * 8)
		return -EINVAL;
	for (uint64_t at = 0; at < bits; at += ABI_LONG_BITS) {
		abi_ulong word;

		if (get_user(word, from + at / 8))
			return -EFAULT;
		if (bits - at < ABI_LONG_BITS)
			word &= ((abi_ulong)1 << (bits - at)) - 1;
		if (at >= NODES_MOST && word)
			return -EINVAL;
		if (at < 64)
			*out_nodes |= (uint64_t)word << at;
	}
	return 0;
}

/* Whether the machine has what is asked for: *policy is what is kept. */
static long make_policy(unsigned mode, uint64_t nodes, struct policy *policy)
{
	unsigned flags = mode & MODE_FLAGS, kind = mode & ~(unsigned)MODE_FLAGS;
	unsigned which = flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES);

	if (kind >= MPOL_MODES || which == (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES) ||
	    (flags & MPOL_F_NUMA_BALANCING && kind != MPOL_BIND && kind != MPOL_PREFERRED_MANY))
		return -EINVAL;
	*policy = (struct policy){.mode = (uint16_t)mode};
	if (kind == MPOL_DEFAULT) {
		policy->mode = MPOL_DEFAULT;
		return nodes ? -EINVAL : 0;
	}
	if (kind == MPOL_LOCAL || (kind == MPOL_PREFERRED && !nodes)) {
		policy->mode = MPOL_LOCAL;
		return nodes || which ? -EINVAL : 0;
	}
	/* Relative nodes are counted round: each is node 0. */
	if (!nodes || (!(nodes & 1) && !(which & MPOL_F_RELATIVE_NODES)))
		return -EINVAL;
	policy->nodes = flags ? nodes : 1;
	return 0;
}

static long row_from_user(unsigned mode, uint64_t user_nodes, uint64_t count, uint8_t *out_row)
{
	struct policy policy;
	uint64_t nodes;
	long result = nodes_from_user(user_nodes, count, &nodes);

	if (!result)
		result = make_policy(mode, nodes, &policy);
	return result ? result : row_of(&policy, out_row);
}

long sys_set_mempolicy(const abi_ulong *a)
{
	uint8_t row;
	long result = row_from_user((unsigned)a[0], a[1], a[2], &row);

	if (!result)
		current->memory_policy = row;
	return result;
}

/* --- ranges ----------------------------------------------------------------------------------- */

static bool has_hole(struct quire_mm *mm, uint64_t at, uint64_t end)
{
	struct quire_region region;

	for (; at < end; at = region.end)
		if (quire_mm_region(mm, (quire_va)at, &region) != QUIRE_OK || region.start > at)
			return true;
	return false;
}

long sys_mbind(const abi_ulong *a)
{
	struct quire_mm *mm = current->process->mm;
	uint64_t length = ALIGN_UP(a[1], PAGE_SIZE), end = a[0] + length;
	unsigned mode = (unsigned)a[2], flags = (unsigned)a[5];
	uint8_t row;
	long result;

	if (flags & ~(unsigned)(MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
		return -EINVAL;
	if (flags & MPOL_MF_MOVE_ALL && !capable(CAP_SYS_NICE))
		return -EPERM;
	if (a[0] & PAGE_MASK || end < a[0])
		return -EINVAL;
	result = row_from_user(mode, a[3], a[4], &row);
	if (result || end == a[0])
		return result;
	if (row && has_hole(mm, a[0], end))
		return -EFAULT;
	return quire_mm_set_tag(mm, (quire_va)a[0], length, row);
}

/* --- asking ----------------------------------------------------------------------------------- */

static long nodes_to_user(uint64_t nodes, uint64_t to, uint64_t count)
{
	uint64_t bits = ALIGN_UP(count - 1, (uint64_t)64);

	for (uint64_t at = 0; at < bits; at += 64) {
		uint64_t word = at ? 0 : nodes;

		if (put_user(word, to + at / 8))
			return -EFAULT;
	}
	return 0;
}

/* Of the page at an address, which is brought in. */
static long node_of(uint64_t address)
{
	uint8_t byte;

	return get_user(byte, address) ? -EFAULT : 0;
}

/* What get_mempolicy tells: a policy, or in *out_policy.mode a node. */
static long ask(unsigned flags, uint64_t address, struct policy *out_policy)
{
	uint8_t row = current->memory_policy;
	unsigned kind;

	if (flags & ~(unsigned)(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED))
		return -EINVAL;
	*out_policy = (struct policy){.nodes = 1};
	if (flags & MPOL_F_MEMS_ALLOWED)
		return flags & (MPOL_F_NODE | MPOL_F_ADDR) ? -EINVAL : 0;
	if (!(flags & MPOL_F_ADDR) && address)
		return -EINVAL;
	if (flags & MPOL_F_ADDR && quire_mm_tag(current->process->mm, (quire_va)address, &row) != QUIRE_OK)
		return -EFAULT;
	*out_policy = policies[row];
	if (!(flags & MPOL_F_NODE))
		return 0;
	kind = out_policy->mode & ~(unsigned)MODE_FLAGS;
	out_policy->mode = 0;
	if (flags & MPOL_F_ADDR)
		return node_of(address);
	return kind == MPOL_INTERLEAVE || kind == MPOL_WEIGHTED_INTERLEAVE ? 0 : -EINVAL;
}

long sys_get_mempolicy(const abi_ulong *a)
{
	struct policy policy;
	int32_t mode;
	long result;

	if (a[1] && !a[2])
		return -EINVAL;
	result = ask((unsigned)a[4], a[3], &policy);
	mode = policy.mode;
	if (!result && a[0] && put_user(mode, a[0]))
		result = -EFAULT;
	return !result && a[1] ? nodes_to_user(policy.nodes, a[1], a[2]) : result;
}

/* --- moving ----------------------------------------------------------------------------------- */

/* There is nowhere else to move a page to. */
long sys_migrate_pages(const abi_ulong *a)
{
	uint64_t old, new;
	struct quire_mm *mm;
	long result = nodes_from_user(a[2], a[1], &old);

	if (!result)
		result = nodes_from_user(a[3], a[1], &new);
	if (result)
		return result;
	mm = process_mm_open(a[0] ? (pid_t)a[0] : current->process->pid, &result);
	if (!mm)
		return result;
	quire_mm_put(mm);
	return new == 1 ? 0 : -EINVAL;
}

/* The node of a page, or why it has none. */
static int32_t status_of(struct quire_mm *mm, uint64_t address)
{
	uint8_t tag;

	if (address >= user_end || quire_mm_tag(mm, (quire_va)address, &tag) != QUIRE_OK)
		return -EFAULT;
	return quire_mm_pagemap(mm, (quire_va)address) >> 63 ? 0 : -ENOENT;
}

/* One page after the other: where it is, if the node that is wanted is there. */
static long tell_page(struct quire_mm *mm, uint64_t page, uint64_t node, uint64_t status)
{
	abi_ulong address;
	int32_t wanted = 0, told;

	if ((node && get_user(wanted, node)) || get_user(address, page))
		return -EFAULT;
	if (wanted)
		return -ENODEV;
	told = status_of(mm, address);
	return put_user(told, status) ? -EFAULT : 0;
}

long sys_move_pages(const abi_ulong *a)
{
	struct quire_mm *mm;
	long result;

	if (a[5] & ~(uint64_t)(MPOL_MF_MOVE | MPOL_MF_MOVE_ALL))
		return -EINVAL;
	if (a[5] & MPOL_MF_MOVE_ALL && !capable(CAP_SYS_NICE))
		return -EPERM;
	mm = process_mm_open(a[0] ? (pid_t)a[0] : current->process->pid, &result);
	if (!mm)
		return result;
	result = 0;
	for (uint64_t i = 0; i < a[1] && !result; i++) {
		result = tell_page(mm, a[2] + i * sizeof(abi_ulong), a[3] ? a[3] + i * 4 : 0, a[4] + i * 4);
		if (!result && signal_pending(current))
			result = -ERESTARTSYS;
		cond_resched();
	}
	quire_mm_put(mm);
	return result;
}
