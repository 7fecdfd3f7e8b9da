/* SPDX-License-Identifier: MIT */
/* A profile: the rules in which the described Linux systems differ, as constant data.
 *
 * Any profile runs on any architecture. docs/profiles.md lists each rule with its origin. */
#ifndef QUIRE_PROFILE_H
#define QUIRE_PROFILE_H

#include <quire/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of Linux that a profile describes. Releases compare in order of time. */
enum quire_release {
	QUIRE_LINUX_2_4 = 0,
	QUIRE_LINUX_2_6 = 1,
	QUIRE_LINUX_4_14 = 2,
	QUIRE_LINUX_6 = 3
};

/* How a fault in kernel mode takes the mm lock. */
enum quire_lock_rule {
	QUIRE_LOCK_BLOCK = 0,          /* wait for it */
	QUIRE_LOCK_TRY_THEN_SEARCH = 1 /* try; before waiting, the exception table must know the pc */
};

/* When a kernel address may be synced from the kernel's table. */
enum quire_vmalloc_rule {
	QUIRE_VMALLOC_ANY = 0,  /* 2.4: whatever the error code says */
	QUIRE_VMALLOC_PLAIN = 1 /* later: not by user mode, not a protection fault, no reserved bit */
};

/* When a write to a read-only private page may take the page over instead of copying it. */
enum quire_reuse_rule {
	QUIRE_REUSE_COUNT = 0,    /* 2.4: the page has one reference */
	QUIRE_REUSE_MAPCOUNT = 1, /* 2.6, 4.14: one mapping, none in swap */
	QUIRE_REUSE_EXCLUSIVE = 2 /* 5.19 and later: marked exclusive, or provably alone */
};

/* What a user fault that finds no frame does. */
enum quire_oom_rule {
	QUIRE_OOM_KILL_SELF = 0, /* the faulting process is killed */
	QUIRE_OOM_POLICY = 1     /* the host's policy picks a victim; the access is repeated */
};

struct quire_profile {
	const char *name;         /* "linux-2.4" */
	enum quire_release release; /* which syndrome tables, and which names in traces */

	/* Stack growth. A user access may grow a stack if va + stack_slack + stack_slack_longs *
	 * sizeof(long) >= sp; both 0: no rule. */
	uint32_t stack_slack;
	uint32_t stack_slack_longs;
	uint32_t stack_guard_pages; /* pages kept free below a growing vma; 0: none */

	enum quire_lock_rule lock_rule;
	enum quire_vmalloc_rule vmalloc_rule;
	enum quire_reuse_rule reuse_rule;
	enum quire_oom_rule oom_rule;

	uint32_t fault_around_bytes;   /* cached file pages mapped around a read fault; 0: none */
	uint8_t allow_retry;           /* 1: the mm lock is dropped for I/O, and the fault retried once */
	uint8_t read_present_is_error; /* 1: a read fault on a present page is an access error */
	uint8_t fork_skips_files; /* 1: fork leaves tables of file mappings without private pages to faults */
	uint8_t count_errors; /* 1: faults that end in a signal count as minor too, where Linux counts them */
	uint8_t top_down;     /* 1: mmap looks for gaps from the top */
	uint8_t zero_page_on_read;   /* 1: an anonymous read maps the zero page */
	uint8_t write_implies_dirty; /* 1: a first write is mapped dirty at once */
	uint8_t protect_upgrades;    /* 1: mprotect makes exclusive private pages writable without a fault */
};

extern const struct quire_profile quire_profile_2_4;
extern const struct quire_profile quire_profile_2_6;
extern const struct quire_profile quire_profile_4_14;
extern const struct quire_profile quire_profile_6;

/* The profile of that name ("linux-2.4", "linux-2.6", "linux-4.14", "linux-6").
 * Returns NULL when there is none. Any context. */
const struct quire_profile *quire_profile_find(const char *name);

/* The index-th profile, oldest first; NULL past the end. Any context. */
const struct quire_profile *quire_profile_at(unsigned index);

#ifdef __cplusplus
}
#endif
#endif
