/* SPDX-License-Identifier: MIT */
/* A profile: the rules in which the described Linux systems differ, as constant data.
 *
 *   quire_profile ── rules of the release, the same on every architecture
 *       └─ rows: struct quire_arch_rules, one for each kind of architecture that differs within the release
 *
 * The row of a system's architecture is looked up once, when the system is made. Any profile runs on any
 * architecture. docs/profiles.md lists each rule with its origin, the releases it holds in, and the kernels
 * that were measured. */
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

/* The kind of an architecture: what the rules of one release tell apart. */
enum quire_family {
	QUIRE_FAMILY_OTHER = 0,
	QUIRE_FAMILY_X86 = 1,
	QUIRE_FAMILY_ARM = 2,
	QUIRE_FAMILY_ARM64 = 3,
	QUIRE_FAMILY_RISCV = 4
};

/* How a fault in kernel mode takes the mm lock. */
enum quire_lock_rule {
	QUIRE_LOCK_BLOCK = 0,          /* wait for it */
	QUIRE_LOCK_TRY_THEN_SEARCH = 1 /* try; before waiting, the exception table must know the pc */
};

/* Which faults on a kernel address may be answered from the kernel's own table. */
enum quire_vmalloc_rule {
	QUIRE_VMALLOC_ANY = 0,  /* every one that comes there, in user mode too */
	QUIRE_VMALLOC_PLAIN = 1 /* kernel mode, no translation found, no reserved bit */
};

/* When a write to a read-only private page may take the page over instead of copying it. */
enum quire_reuse_rule {
	QUIRE_REUSE_COUNT = 0,    /* the page has one reference */
	QUIRE_REUSE_MAPCOUNT = 1, /* one mapping, none in swap */
	QUIRE_REUSE_EXCLUSIVE = 2 /* marked exclusive, or provably alone */
};

/* What a user fault that finds no frame does. */
enum quire_oom_rule {
	QUIRE_OOM_KILL_SELF = 0, /* the faulting process is killed */
	QUIRE_OOM_POLICY = 1     /* the host's policy picks a victim; the access is repeated */
};

/* What a fault does that meets an upper page-table entry with impossible bits. Both report it first. */
enum quire_corrupt_rule {
	QUIRE_CORRUPT_KILL = 0, /* the faulting process is killed, kernel mode oopses: __handle_bad_pmd */
	QUIRE_CORRUPT_CLEAR = 1 /* the entry is cleared and the access repeated: pmd_clear_bad */
};

/* Whom RLIMIT_MEMLOCK binds. */
enum quire_memlock_rule {
	QUIRE_MEMLOCK_EVERYONE = 0,    /* everyone; and nobody locks memory without QUIRE_RIGHT_IPC_LOCK */
	QUIRE_MEMLOCK_UNPRIVILEGED = 1 /* those without QUIRE_RIGHT_IPC_LOCK, who may lock up to it */
};

/* Checks that a growing stack passes beside RLIMIT_STACK, RLIMIT_AS and RLIMIT_MEMLOCK. */
enum {
	QUIRE_STACK_COMMIT = 1,  /* the overcommit mode */
	QUIRE_STACK_MMAP_MIN = 2 /* the lowest address that may be mapped */
};

/* Rules of one release on one kind of architecture. */
struct quire_arch_rules {
	uint8_t family;   /* enum quire_family; OTHER: every architecture without a row. It is the last row */
	uint8_t top_down; /* 1: mmap looks for gaps from the top */
	uint8_t stack_guard_page; /* 1: a fault in the lowest page of a stack grows it by one page first */
	uint8_t shmem_read_dirty; /* 1: writable shared memory is mapped writable by its first read, also
				     where the hardware keeps no dirty bit */
	uint8_t exec_reads;       /* 1: what may be executed can be read, whatever the hardware can */
	uint8_t first_user_page;  /* a fixed address in a page below this one is EINVAL, whoever asks */
	enum quire_vmalloc_rule vmalloc_rule;
	/* A user access may grow a stack if va + stack_slack + stack_slack_longs * sizeof(long) >= sp;
	 * both 0: no rule. */
	uint32_t stack_slack;
	uint32_t stack_slack_longs;
};

struct quire_profile {
	const char *name;           /* "linux-2.4" */
	enum quire_release release; /* which syndrome tables, and which names in traces */
	const struct quire_arch_rules *arch_rules;

	uint32_t stack_guard_pages; /* pages kept free below a growing vma; 0: none */
	uint32_t stack_checks;      /* QUIRE_STACK_* */
	enum quire_lock_rule lock_rule;
	enum quire_reuse_rule reuse_rule;
	enum quire_oom_rule oom_rule;
	enum quire_corrupt_rule corrupt_rule;
	enum quire_memlock_rule memlock_rule;

	quire_prot read_rights;      /* a vma with one of these rights can be read */
	uint32_t mmap_ignores;       /* QUIRE_MAP_* flags that this release does not know */
	uint32_t fault_around_bytes; /* cached file pages mapped around a read fault; 0: none */
	uint8_t allow_retry;         /* 1: the mm lock is dropped for I/O, and the fault retried once */
	uint8_t fork_skips_files; /* 1: fork leaves tables of file mappings without private pages to faults */
	uint8_t
	    file_faults_major; /* 1: every first access to a page of a file or of shared memory is major */
	uint8_t tracks_shared_writes; /* 1: the first write to a clean shared page of a file faults */
	uint8_t zero_page_on_read;    /* 1: an anonymous read maps the zero page (not in 2.6.24 to 2.6.31) */
	uint8_t protect_upgrades; /* 1: mprotect makes exclusive private pages writable; 0: their next write
				     faults */
	uint8_t populate_writes_shared;  /* 1: MAP_POPULATE and mlock write to shared writable mappings too */
	uint8_t remote_faults_to_caller; /* 1: faults of an access to another's memory count to the caller */
};

extern const struct quire_profile quire_profile_2_4;
extern const struct quire_profile quire_profile_2_6;
extern const struct quire_profile quire_profile_4_14;
extern const struct quire_profile quire_profile_6;

/* The profile of that name ("linux-2.4", "linux-2.6", "linux-4.14", "linux-6").
 * Returns NULL when there is none. Any context. */
const struct quire_profile *quire_profile_find(const char *name);

/* Returns the index-th profile, oldest first; NULL past the end. Any context. */
const struct quire_profile *quire_profile_at(unsigned index);

/* Returns the rules of `profile` on that kind of architecture (quire_arch.family). Never NULL. Any context. */
const struct quire_arch_rules *quire_profile_rules(const struct quire_profile *profile, unsigned family);

#ifdef __cplusplus
}
#endif
#endif
