/* SPDX-License-Identifier: MIT */
/* Software MMUs: each reads the table bytes as the manual of its architecture says, and nothing else.
 *
 * Levels are counted as the library does: 0 holds pages, the root is the highest. No file of this
 * family includes anything of arch/: that two people read the manual is the point. */
#ifndef SIM_MMU_H
#define SIM_MMU_H

#include <quire/fault.h>
#include <quire/types.h>

#define SIM_MMU_LEVELS 5

/* Rights of a translation: one bit for each mode and access. */
#define SIM_RIGHT(mode, access) (1u << ((mode)*3 + (access)))

enum {
	/* Looking, not walking: accessed and dirty are not set, and a clear accessed bit is no reason to
	 * fault (accessed is a hint: an old entry grants what it did). */
	SIM_WALK_QUIET = 1
};

/* A walk may begin below the root, at a table that a paging-structure cache named. */
struct sim_walk_start {
	bool use;
	unsigned level; /* of the table */
	uint64_t table; /* its physical address */
	uint32_t carry; /* what the entries above it restrict, as the MMU's own code */
};

struct sim_walk_request {
	uint64_t root[2]; /* of low and of high addresses; one root: both the same */
	uint64_t va;
	enum quire_access access;
	enum quire_mode mode;
	unsigned flags;
	struct sim_walk_start start;
};

enum sim_walk_end {
	SIM_WALK_OK = 0,
	SIM_WALK_FAULT,
	SIM_WALK_GP, /* x86: not canonical, no page fault */
	SIM_WALK_BUS /* a table outside memory: `address` is the physical one */
};

struct sim_walk {
	enum sim_walk_end end;
	bool leaf;                         /* a translation exists, whether or not the access may use it */
	bool cacheable;                    /* a TLB may keep what was found */
	bool global;                       /* for every address space */
	bool dirty;                        /* a later write needs no walk to record it */
	uint8_t rights;                    /* SIM_RIGHT bits */
	unsigned level;                    /* of the leaf, or where the walk ended */
	uint64_t frame;                    /* physical address of the page's first byte */
	unsigned shift;                    /* log2 of the page's size */
	unsigned domain;                   /* ARM short descriptors */
	uint64_t entry_at[SIM_MMU_LEVELS]; /* by level: physical address of the entry read; 0: none */
	uint64_t entry[SIM_MMU_LEVELS];    /* and its value */
	uint64_t table[SIM_MMU_LEVELS];    /* by level: the table it lies in */
	uint32_t carry[SIM_MMU_LEVELS];    /* what the entries above that table restrict */
	enum quire_vector vector;
	uint64_t syndrome;
	uint64_t address; /* fault address register */
};

/* Physical memory: host address of `bytes` bytes at `pa`, NULL where there is none. */
struct sim_bus {
	void *(*at)(void *context, uint64_t pa, uint64_t bytes);
	void *context;
};

struct sim_mmu {
	const char *name;
	unsigned levels;
	unsigned page_shift;
	unsigned index_bits; /* of the last level at least */
	uint8_t leaf_levels; /* bit n: a page may be a leaf of level n */
	bool split_root;
	bool asid;              /* TLB entries carry an address space's number */
	bool caches_invalid;    /* the TLB may keep that nothing is there */
	bool fault_drops_entry; /* a page fault invalidates the TLB's entry of its address */
	bool walk_cache;        /* paging-structure caches exist */
	void (*walk)(const struct sim_mmu *mmu, const struct sim_bus *bus,
		     const struct sim_walk_request *request, struct sim_walk *out);
	/* The fault that a cached translation without the right raises: fills end, vector, syndrome, address.
	 */
	void (*refuse)(const struct sim_mmu *mmu, const struct sim_walk_request *request, bool leaf,
		       unsigned level, unsigned domain, struct sim_walk *out);
};

/* The MMU for an architecture's name; NULL: none. */
const struct sim_mmu *sim_mmu_find(const char *arch);

extern const struct sim_mmu sim_mmu_i386, sim_mmu_x86_64, sim_mmu_x86_64_la57;
extern const struct sim_mmu sim_mmu_arm;
extern const struct sim_mmu sim_mmu_arm64, sim_mmu_arm64_39, sim_mmu_arm64_16k, sim_mmu_arm64_64k;
extern const struct sim_mmu sim_mmu_riscv64, sim_mmu_riscv64_sv48;
extern const struct sim_mmu sim_mmu_toy;

#define SIM_BIT(n) (UINT64_C(1) << (n))

static inline uint64_t sim_field(uint64_t value, unsigned low, unsigned bits)
{
	return value >> low & (SIM_BIT(bits) - 1);
}

/* Reads an entry of 4 or 8 bytes. False: no memory there, and the walk ended. */
static inline bool sim_mmu_load(const struct sim_bus *bus, struct sim_walk *walk, unsigned level, uint64_t pa,
				unsigned bytes)
{
	void *at = bus->at(bus->context, pa, bytes);

	walk->level = level;
	if (!at) {
		walk->end = SIM_WALK_BUS;
		walk->address = pa;
		return false;
	}
	walk->entry_at[level] = pa;
	walk->entry[level] = bytes == 8 ? __atomic_load_n((const uint64_t *)at, __ATOMIC_ACQUIRE)
					: __atomic_load_n((const uint32_t *)at, __ATOMIC_ACQUIRE);
	return true;
}

/* Sets bits of the entry just read, if it is still what was read: as the CPU's locked update. */
static inline bool sim_mmu_mark(const struct sim_bus *bus, struct sim_walk *walk, unsigned level,
				unsigned bytes, uint64_t bits)
{
	void *at = bus->at(bus->context, walk->entry_at[level], bytes);
	uint64_t old = walk->entry[level];

	if ((old & bits) == bits)
		return true;
	if (bytes == 8) {
		if (!__atomic_compare_exchange_n((uint64_t *)at, &old, old | bits, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_ACQUIRE))
			return false;
	} else {
		uint32_t low = (uint32_t)old;

		if (!__atomic_compare_exchange_n((uint32_t *)at, &low, low | (uint32_t)bits, false,
						 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			return false;
	}
	walk->entry[level] |= bits;
	return true;
}

#endif
