/* SPDX-License-Identifier: MIT */
/* The references of a run: what the plugin (plugin.c), which QEMU loads, leaves in a file in memory for this process.
 *
 *   head │ key, key, ...     each a page of a process that was accessed after another one; at most REFERENCES_MOST
 *
 * Above that many, only pages of one hash in `every` are kept, which doubles each time: what was kept and is no longer
 * among these is taken out. */
#ifndef QUIRE_RUN_REFERENCES_H
#define QUIRE_RUN_REFERENCES_H

#include <stdint.h>

#define REFERENCES_MAGIC 0x3130666552697551 /* "QuiRef01" */
#define REFERENCES_MOST  1000000

/* The kernel's mark of whose accesses follow (ports/kernel/arch/x86/machine.h, ports/kernel/port/trace.c). */
#define REFERENCES_MARK 0x71526651

struct references_head {
	uint64_t magic; /* set when the plugin is at work */
	uint64_t seen;  /* references, kept or not */
	uint64_t kept;
	uint64_t every;
	uint64_t spare[4];
};

#define REFERENCES_BYTES (sizeof(struct references_head) + (uint64_t)REFERENCES_MOST * sizeof(uint64_t))

/* A key: the process's number above the page's. */
#define REFERENCES_PAGE_BITS 44

/* Spread evenly: a key is kept if this is 0 modulo `every`. */
static inline uint64_t references_hash(uint64_t key)
{
	key = (key ^ key >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
	return (key ^ key >> 32) * UINT64_C(0x94d049bb133111eb) >> 32;
}

#endif
