/* SPDX-License-Identifier: MIT */
/* The cases of the oracle: each a rule that was once looked up, as a program that shows it. */
#ifndef ORACLE_CASES_H
#define ORACLE_CASES_H

#include "oracle.h"

#define MAX_CASE_OPS 14

/* Page n of the window; lengths in pages. */
#define P(n) (WINDOW + (uint64_t)(n)*PAGE)
#define N(n) ((uint64_t)(n)*PAGE)
#define END               \
	{                 \
		OP_COUNT, \
		{         \
			0 \
		}         \
	}

#define ANON   0x22u /* MAP_PRIVATE | MAP_ANONYMOUS */
#define FIXED  0x10u
#define AF     0x32u /* ... | MAP_FIXED */
#define SHARED 0x31u /* MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED */
#define MAP(at, n, prot, flags)                        \
	{                                              \
		OP_MMAP,                               \
		{                                      \
			P(at), N(n), prot, flags, 0, 0 \
		}                                      \
	}
#define MAPF(at, n, prot, flags, f, o)                              \
	{                                                           \
		OP_MMAP,                                            \
		{                                                   \
			P(at), N(n), prot, (flags) | FIXED, f, N(o) \
		}                                                   \
	}
#define UNMAP(at, n)                \
	{                           \
		OP_MUNMAP,          \
		{                   \
			P(at), N(n) \
		}                   \
	}
#define PROTECT(at, n, prot)              \
	{                                 \
		OP_MPROTECT,              \
		{                         \
			P(at), N(n), prot \
		}                         \
	}
#define REMAP(at, o, n, flags, to)                      \
	{                                               \
		OP_MREMAP,                              \
		{                                       \
			P(at), N(o), N(n), flags, P(to) \
		}                                       \
	}
#define ADVISE(at, n, advice)               \
	{                                   \
		OP_MADVISE,                 \
		{                           \
			P(at), N(n), advice \
		}                           \
	}
#define WRITE(at)                   \
	{                           \
		OP_WRITE,           \
		{                   \
			P(at), 0x77 \
		}                   \
	}
#define READ(at)              \
	{                     \
		OP_READ,      \
		{             \
			P(at) \
		}             \
	}
#define CHILD             \
	{                 \
		OP_FORK,  \
		{         \
			0 \
		}         \
	}
#define PARENT            \
	{                 \
		OP_FORK,  \
		{         \
			1 \
		}         \
	}
#define LOCK(at, n, flags)                 \
	{                                  \
		OP_MLOCK,                  \
		{                          \
			P(at), N(n), flags \
		}                          \
	}
#define UNLOCK(at, n)               \
	{                           \
		OP_MUNLOCK,         \
		{                   \
			P(at), N(n) \
		}                   \
	}
#define BRK(bytes)            \
	{                     \
		OP_BRK,       \
		{             \
			bytes \
		}             \
	}
#define DROP                    \
	{                       \
		OP_DROP_RIGHTS, \
		{               \
			0       \
		}               \
	}
#define LIMIT(which, pages)          \
	{                            \
		OP_LIMIT,            \
		{                    \
			which, pages \
		}                    \
	}
#define LIMIT_DATA 0
#define LIMIT_AS   2
#define LIMIT_LOCK 3

struct oracle_case {
	const char *name;
	bool heap;
	struct op op[MAX_CASE_OPS];
};

static const struct oracle_case cases[] = {
    /* --- mmap ------------------------------------------------------------------------------------------- */
    {"mmap: length 0", 0, {{OP_MMAP, {P(0), 0, 3, AF}}, END}},
    {"mmap: length wraps", 0, {{OP_MMAP, {P(0), UINT64_MAX, 3, AF}}, END}},
    {"mmap: longer than user space", 0, {{OP_MMAP, {P(0), UINT64_C(1) << 47, 3, AF}}, END}},
    {"mmap: past the end of user space", 0, {{OP_MMAP, {UINT64_C(0x7fffffffe000), N(4), 3, AF}}, END}},
    {"mmap: fixed, not aligned", 0, {{OP_MMAP, {P(0) + 1, N(1), 3, AF}}, END}},
    {"mmap: hint, not aligned", 0, {{OP_MMAP, {P(3) + 1, N(1), 3, ANON}}, END}},
    {"mmap: hint taken", 0, {MAP(3, 2, 3, AF), {OP_MMAP, {P(4), N(1), 3, ANON}}, END}},
    {"mmap: fixed at 0 without the right", 0, {DROP, {OP_MMAP, {0, N(1), 3, AF}}, END}},
    {"mmap: no type", 0, {MAP(0, 1, 3, 0x30), END}},
    {"mmap: type 3 anonymous", 0, {MAP(0, 1, 3, 0x33), END}},
    {"mmap: type 4", 0, {MAP(0, 1, 3, 0x34), END}},
    {"mmap: noreplace over something", 0, {MAP(0, 4, 3, AF), MAP(3, 2, 3, 0x100022), END}},
    {"mmap: noreplace beside", 0, {MAP(0, 4, 3, AF), MAP(4, 2, 3, 0x100022), END}},
    {"mmap: noreplace, not aligned", 0, {{OP_MMAP, {P(0) + 1, N(1), 3, 0x100022}}, END}},
    {"mmap: offset not aligned", 0, {{OP_MMAP, {P(0), N(1), 3, AF, 0, 1}}, END}},
    {"mmap: offset too large for a file",
     0,
     {{OP_MMAP, {P(0), N(2), 3, 0x12, 1, UINT64_C(0x7fffffffffffe000)}}, END}},
    {"mmap: offset huge for a file",
     0,
     {{OP_MMAP, {P(0), N(2), 3, 0x12, 1, UINT64_C(0xfffffffffffff000)}}, END}},
    {"mmap: offset huge, anonymous",
     0,
     {{OP_MMAP, {P(0), N(2), 3, AF, 0, UINT64_C(0xfffffffffffff000)}}, END}},
    {"mmap: shared write of a read-only file", 0, {MAPF(0, 2, 3, 1, 2, 0), END}},
    {"mmap: shared read of a read-only file",
     0,
     {MAPF(0, 2, 1, 1, 2, 0), PROTECT(0, 2, 3), PROTECT(0, 1, 5), END}},
    {"mmap: private write of a read-only file", 0, {MAPF(0, 2, 3, 2, 2, 0), WRITE(0), READ(1), END}},
    {"mmap: write-only file",
     0,
     {MAPF(0, 2, 2, 1, 3, 0), MAPF(0, 2, 2, 2, 3, 0), MAPF(0, 2, 3, 1, 3, 0), END}},
    {"mmap: shared-validate file", 0, {MAPF(0, 2, 3, 3, 1, 0), END}},
    {"mmap: shared-validate with noreplace", 0, {MAPF(0, 2, 3, 0x100003, 1, 0), END}},
    {"mmap: shared-validate with sync", 0, {MAPF(0, 2, 3, 0x80003, 1, 0), END}},
    {"mmap: shared-validate with an unknown flag", 0, {MAPF(0, 2, 3, 0x800003, 1, 0), END}},
    {"mmap: growsdown file", 0, {MAPF(0, 2, 3, 0x102, 1, 0), END}},
    {"mmap: growsdown shared", 0, {MAP(0, 2, 3, 0x131), END}},
    {"mmap: over the middle",
     0,
     {MAP(0, 6, 3, AF), WRITE(0), WRITE(3), WRITE(5), MAP(2, 2, 1, AF), READ(3), END}},
    {"mmap: joins both sides", 0, {MAP(0, 2, 3, AF), MAP(4, 2, 3, AF), MAP(2, 2, 3, AF), END}},
    {"mmap: joins faulted sides",
     0,
     {MAP(0, 2, 3, AF), MAP(4, 2, 3, AF), WRITE(1), WRITE(4), MAP(2, 2, 3, AF), END}},
    {"mmap: joins one faulted side",
     0,
     {MAP(0, 2, 3, AF), MAP(4, 2, 3, AF), WRITE(4), MAP(2, 2, 3, AF), END}},
    {"mmap: stack flag keeps apart", 0, {MAP(0, 2, 3, AF), MAP(2, 2, 3, AF | 0x20000), END}},
    {"mmap: noreserve keeps apart", 0, {MAP(0, 2, 3, AF), MAP(2, 2, 3, AF | 0x4000), END}},
    {"mmap: populate",
     0,
     {MAP(0, 4, 3, AF | 0x8000), MAP(4, 2, 1, AF | 0x8000), MAP(8, 2, 0, AF | 0x8000), END}},
    {"mmap: populate shared", 0, {MAP(0, 4, 3, SHARED | 0x8000), MAPF(4, 2, 3, 0x8001, 1, 3), END}},
    {"mmap: populate nonblock", 0, {MAP(0, 4, 3, AF | 0x18000), END}},
    {"mmap: file beyond its end", 0, {MAPF(0, 4, 3, 1, 1, 10), READ(1), READ(2), WRITE(3), END}},
    {"mmap: files join by offset",
     0,
     {MAPF(0, 2, 3, 1, 1, 0), MAPF(2, 2, 3, 1, 1, 2), MAPF(4, 2, 3, 1, 1, 5), END}},
    {"mmap: locked without the right and limit 0",
     0,
     {DROP, LIMIT(LIMIT_LOCK, 0), MAP(0, 1, 3, AF | 0x2000), END}},
    {"mmap: locked above the limit",
     0,
     {DROP, LIMIT(LIMIT_LOCK, 2), MAP(0, 2, 3, AF | 0x2000), MAP(2, 1, 3, AF | 0x2000), END}},
    {"mmap: RLIMIT_AS", 0, {LIMIT(LIMIT_AS, 4), MAP(0, 4, 3, AF), MAP(4, 1, 3, AF), MAP(2, 2, 1, AF), END}},
    {"mmap: RLIMIT_DATA",
     0,
     {LIMIT(LIMIT_DATA, 3), MAP(0, 3, 3, AF), MAP(3, 1, 3, AF), MAP(4, 2, 1, AF), MAP(8, 4, 3, SHARED), END}},
    {"mmap: hint below a growing vma's guard",
     0,
     {MAP(40, 2, 3, AF | 0x100), {OP_MMAP, {P(36), N(2), 3, ANON}}, END}},
    /* --- munmap ----------------------------------------------------------------------------------------- */
    {"munmap: arguments",
     0,
     {MAP(0, 4, 3, AF),
      {OP_MUNMAP, {P(0), 0}},
      {OP_MUNMAP, {P(0) + 1, N(1)}},
      {OP_MUNMAP, {P(0), UINT64_MAX}},
      {OP_MUNMAP, {P(0), UINT64_C(1) << 47}},
      END}},
    {"munmap: nothing there", 0, {UNMAP(0, 4), END}},
    {"munmap: part of a page", 0, {MAP(0, 4, 3, AF), {OP_MUNMAP, {P(1), 1}}, END}},
    {"munmap: across", 0, {MAP(0, 3, 3, AF), MAP(4, 3, 1, AF), WRITE(2), READ(4), UNMAP(2, 3), END}},
    /* --- mprotect --------------------------------------------------------------------------------------- */
    {"mprotect: arguments",
     0,
     {MAP(0, 4, 3, AF),
      PROTECT(0, 0, 1),
      {OP_MPROTECT, {P(0) + 1, N(1), 1}},
      {OP_MPROTECT, {P(0), UINT64_MAX, 1}},
      PROTECT(0, 1, 0x10),
      PROTECT(0, 1, 8),
      PROTECT(0, 1, 0x03000001),
      END}},
    {"mprotect: length wraps",
     0,
     {MAP(0, 4, 3, AF),
      {OP_MPROTECT, {P(0), UINT64_MAX - N(1), 1}},
      {OP_MPROTECT, {P(0) + 1, 0, 1}},
      {OP_MPROTECT, {P(8), 0, 1}},
      END}},
    {"mprotect: hole at the end", 0, {MAP(0, 2, 3, AF), PROTECT(0, 4, 1), END}},
    {"mprotect: hole in the middle", 0, {MAP(0, 2, 3, AF), MAP(3, 2, 3, AF), PROTECT(1, 4, 1), END}},
    {"mprotect: hole at the start", 0, {MAP(2, 2, 3, AF), PROTECT(1, 3, 1), END}},
    {"mprotect: there and back",
     0,
     {MAP(0, 6, 3, AF), WRITE(0), WRITE(3), PROTECT(2, 2, 1), PROTECT(2, 2, 3), WRITE(3), END}},
    {"mprotect: faulted apart and back",
     0,
     {MAP(0, 6, 3, AF), PROTECT(2, 2, 1), WRITE(0), WRITE(5), READ(3), PROTECT(2, 2, 3), WRITE(3), END}},
    {"mprotect: faulted in the middle",
     0,
     {MAP(0, 6, 1, AF), PROTECT(2, 2, 3), WRITE(3), PROTECT(0, 2, 3), WRITE(0), PROTECT(4, 2, 3), END}},
    {"mprotect: after fork",
     0,
     {MAP(0, 6, 3, AF), WRITE(0), WRITE(3), CHILD, PROTECT(2, 2, 1), PROTECT(2, 2, 3), END}},
    {"mprotect: apart before fork",
     0,
     {MAP(0, 6, 3, AF), WRITE(0), WRITE(3), PROTECT(2, 2, 1), CHILD, PROTECT(2, 2, 3), END}},
    {"mprotect: apart before fork, parent",
     0,
     {MAP(0, 6, 3, AF), WRITE(0), WRITE(3), PROTECT(2, 2, 1), PARENT, PROTECT(2, 2, 3), END}},
    {"mprotect: account",
     0,
     {MAP(0, 4, 1, AF), PROTECT(0, 2, 3), PROTECT(0, 2, 1), PROTECT(1, 2, 3), WRITE(1), PROTECT(0, 4, 1),
      END}},
    {"mprotect: account of a file", 0, {MAPF(0, 4, 1, 2, 1, 0), PROTECT(0, 2, 3), PROTECT(0, 2, 1), END}},
    {"mprotect: RLIMIT_DATA",
     0,
     {MAP(0, 6, 1, AF), LIMIT(LIMIT_DATA, 2), PROTECT(0, 2, 3), PROTECT(2, 1, 3), END}},
    {"mprotect: growsdown",
     0,
     {MAP(4, 6, 3, AF | 0x100), PROTECT(7, 1, 0x01000001), PROTECT(4, 1, 0x02000003), END}},
    {"mprotect: growsdown of what does not",
     0,
     {MAP(4, 6, 3, AF), PROTECT(7, 1, 0x01000001), PROTECT(12, 1, 0x01000001), END}},
    {"mprotect: write-only, exec-only",
     0,
     {MAP(0, 2, 2, AF), WRITE(0), READ(0), PROTECT(0, 2, 4), READ(0), WRITE(1), PROTECT(0, 2, 0), READ(0),
      WRITE(0), END}},
    {"mprotect: locked becomes writable", 0, {MAP(0, 3, 1, AF), LOCK(0, 3, 0), PROTECT(0, 2, 3), END}},
    {"mprotect: shared file",
     0,
     {MAPF(0, 4, 3, 1, 1, 0), WRITE(0), READ(1), PROTECT(0, 4, 1), WRITE(0), PROTECT(0, 4, 3), WRITE(1),
      END}},
    /* --- mremap ----------------------------------------------------------------------------------------- */
    {"mremap: arguments",
     0,
     {MAP(0, 4, 3, AF),
      REMAP(0, 4, 0, 1, 0),
      {OP_MREMAP, {P(0) + 1, N(1), N(1), 1}},
      REMAP(0, 1, 1, 2, 8),
      REMAP(0, 1, 1, 4, 8),
      REMAP(0, 1, 1, 8, 8),
      {OP_MREMAP, {P(0), N(1), N(1), 3, P(8) + 1}},
      REMAP(0, 2, 3, 5, 8),
      REMAP(0, 2, 2, 3, 1),
      REMAP(9, 1, 1, 1, 0),
      REMAP(9, 1, 1, 3, 12),
      {OP_MREMAP, {P(0), N(1), UINT64_C(1) << 47, 1}},
      END}},
    {"mremap: huge lengths",
     0,
     {MAP(0, 4, 3, AF),
      {OP_MREMAP, {P(0), N(1), UINT64_MAX, 1}},
      {OP_MREMAP, {P(0), UINT64_MAX, N(1), 1}},
      {OP_MREMAP, {P(0), UINT64_MAX - N(3), N(1), 3, P(20)}},
      {OP_MREMAP, {P(0), N(1), N(1), 3, UINT64_C(0x7ffffffff000)}},
      END}},
    {"mremap: same size beyond the vma",
     0,
     {MAP(0, 2, 3, AF), REMAP(0, 4, 4, 0, 0), REMAP(1, 4, 4, 1, 0), END}},
    {"mremap: shrink across vmas", 0, {MAP(0, 2, 3, AF), MAP(2, 3, 1, AF), REMAP(0, 5, 1, 0, 0), END}},
    {"mremap: shrink to another place",
     0,
     {MAP(0, 5, 3, AF), WRITE(0), WRITE(4), REMAP(0, 5, 2, 3, 10), READ(10), END}},
    {"mremap: grow in place", 0, {MAP(0, 2, 3, AF), WRITE(0), REMAP(0, 2, 5, 0, 0), WRITE(4), END}},
    {"mremap: grow and join", 0, {MAP(0, 2, 3, AF), MAP(4, 2, 3, AF), REMAP(0, 2, 4, 0, 0), END}},
    {"mremap: grow against a wall",
     0,
     {MAP(0, 2, 3, AF), MAP(3, 1, 3, AF), REMAP(0, 2, 5, 0, 0), REMAP(0, 2, 5, 1, 0), END}},
    {"mremap: grow a part", 0, {MAP(0, 4, 3, AF), REMAP(0, 2, 5, 0, 0), REMAP(2, 2, 4, 0, 0), END}},
    {"mremap: grow beyond the vma", 0, {MAP(0, 2, 3, AF), MAP(2, 2, 1, AF), REMAP(0, 3, 5, 1, 0), END}},
    {"mremap: move a faulted part",
     0,
     {MAP(0, 5, 3, AF), WRITE(0), WRITE(2), WRITE(4), REMAP(2, 1, 1, 3, 10), READ(10), READ(2), END}},
    {"mremap: move untouched beside itself", 0, {MAP(4, 2, 3, AF), REMAP(4, 2, 2, 3, 2), END}},
    {"mremap: move a part beside itself", 0, {MAP(4, 4, 3, AF), REMAP(6, 2, 2, 3, 2), END}},
    {"mremap: move a touched one beside itself", 0, {MAP(4, 2, 3, AF), WRITE(4), REMAP(4, 2, 2, 3, 2), END}},
    {"mremap: move and back",
     0,
     {MAP(0, 6, 3, AF), WRITE(0), WRITE(2), REMAP(2, 2, 2, 3, 10), REMAP(10, 2, 2, 3, 2), READ(2), END}},
    {"mremap: move over something",
     0,
     {MAP(0, 2, 3, AF), WRITE(0), MAP(8, 6, 1, AF), READ(9), REMAP(0, 2, 2, 3, 10), READ(10), END}},
    {"mremap: move and grow",
     0,
     {MAP(0, 2, 3, AF), WRITE(1), REMAP(0, 2, 5, 3, 10), READ(11), WRITE(14), END}},
    {"mremap: several vmas",
     0,
     {MAP(0, 2, 3, AF), MAP(2, 2, 1, AF), MAP(5, 1, 3, AF), WRITE(1), WRITE(5), REMAP(0, 7, 7, 3, 10),
      READ(11), READ(15), END}},
    {"mremap: several vmas, one part each",
     0,
     {MAP(0, 3, 3, AF), MAP(3, 3, 1, AF), WRITE(1), REMAP(1, 4, 4, 3, 10), END}},
    {"mremap: several vmas, gap first",
     0,
     {MAP(2, 2, 3, AF), MAP(4, 2, 1, AF), REMAP(0, 6, 6, 3, 10), REMAP(1, 6, 6, 3, 10), END}},
    {"mremap: several vmas, other size",
     0,
     {MAP(0, 2, 3, AF), MAP(2, 2, 1, AF), REMAP(0, 4, 5, 3, 10), REMAP(0, 4, 3, 3, 10), END}},
    {"mremap: several vmas, dontunmap",
     0,
     {MAP(0, 2, 3, AF), MAP(2, 2, 1, AF), WRITE(0), REMAP(0, 4, 4, 7, 10), READ(0), END}},
    {"mremap: dontunmap",
     0,
     {MAP(0, 4, 3, AF), WRITE(0), WRITE(2), REMAP(0, 2, 2, 7, 10), READ(10), READ(0), END}},
    {"mremap: dontunmap whole, hint", 0, {MAP(0, 2, 3, AF), WRITE(0), REMAP(0, 2, 2, 5, 10), READ(0), END}},
    /* Linux up to 6.18 keeps counting what DONTUNMAP left unlocked behind; the library does not. */
    {"mremap: dontunmap locked",
     0,
     {MAP(0, 2, 3, AF), LOCK(0, 2, 0), REMAP(0, 2, 2, 7, 10), UNLOCK(10, 2), END}},
    {"mremap: dontunmap shared",
     0,
     {MAP(0, 2, 3, SHARED), WRITE(0), REMAP(0, 2, 2, 7, 10), READ(10), READ(0), END}},
    {"mremap: length 0 of shared",
     0,
     {MAP(0, 2, 3, SHARED), WRITE(0), REMAP(0, 0, 2, 3, 10), READ(10), REMAP(0, 0, 1, 1, 0),
      REMAP(0, 0, 1, 0, 0), END}},
    {"mremap: length 0 of private", 0, {MAP(0, 2, 3, AF), REMAP(0, 0, 2, 3, 10), REMAP(0, 0, 2, 1, 0), END}},
    {"mremap: length 0 at the end", 0, {MAP(0, 2, 3, SHARED), REMAP(2, 0, 2, 3, 10), END}},
    {"mremap: limits",
     0,
     {MAP(0, 2, 3, AF), LIMIT(LIMIT_AS, 2), REMAP(0, 2, 5, 1, 0), REMAP(0, 2, 4, 0, 0), REMAP(0, 1, 1, 7, 10),
      END}},
    {"mremap: lock limit",
     0,
     {MAP(0, 2, 3, AF), LOCK(0, 2, 0), DROP, LIMIT(LIMIT_LOCK, 3), REMAP(0, 2, 4, 0, 0), REMAP(0, 2, 3, 0, 0),
      END}},
    {"mremap: to a low address", 0, {MAP(0, 2, 3, AF), DROP, {OP_MREMAP, {P(0), N(2), N(2), 3, 0}}, END}},
    {"mremap: file grows",
     0,
     {MAPF(0, 2, 3, 1, 1, 4), READ(0), REMAP(0, 2, 4, 0, 0), READ(3), REMAP(1, 2, 2, 3, 10), READ(10), END}},
    {"mremap: in a child",
     0,
     {MAP(0, 4, 3, AF), WRITE(0), CHILD, REMAP(0, 4, 6, 0, 0), REMAP(2, 2, 2, 3, 10), MAP(12, 2, 3, AF),
      END}},
    /* --- brk -------------------------------------------------------------------------------------------- */
    {"brk: grow, shrink",
     1,
     {BRK(0), BRK(100), BRK(N(3)), {OP_WRITE, {P(HEAP_AT), 1}}, BRK(N(1) + 1), BRK(N(0)), BRK(-N(1)), END}},
    {"brk: a wall", 1, {MAP(HEAP_AT + 4, 1, 3, AF), BRK(N(2)), BRK(N(3)), BRK(N(4)), END}},
    {"brk: a stack above", 1, {MAP(HEAP_AT + 12, 2, 3, AF | 0x100), BRK(N(2)), END}},
    {"brk: RLIMIT_DATA", 1, {BRK(N(2)), LIMIT(LIMIT_DATA, 2), BRK(N(4)), BRK(N(5)), END}},
    {"brk: in a child",
     1,
     {BRK(N(2)),
      {OP_WRITE, {P(HEAP_AT), 1}},
      CHILD,
      BRK(N(4)),
      {OP_WRITE, {P(HEAP_AT + 3), 1}},
      BRK(N(5)),
      END}},
    {"brk: hole inside", 1, {BRK(N(6)), UNMAP(HEAP_AT + 2, 2), BRK(N(3)), BRK(N(5)), BRK(N(1)), END}},
    {"brk: protected",
     1,
     {BRK(N(4)), PROTECT(HEAP_AT + 2, 2, 1), BRK(N(6)), PROTECT(HEAP_AT + 2, 2, 3), END}},
    /* --- madvise ---------------------------------------------------------------------------------------- */
    {"madvise: arguments",
     0,
     {MAP(0, 4, 3, AF),
      ADVISE(0, 0, 4),
      ADVISE(0, 0, 99),
      ADVISE(0, 1, 99),
      {OP_MADVISE, {P(0) + 1, N(1), 4}},
      {OP_MADVISE, {P(0), UINT64_MAX, 4}},
      {OP_MADVISE, {P(0), UINT64_MAX - N(2), 4}},
      ADVISE(0, 1, 5),
      ADVISE(0, 1, 25),
      ADVISE(0, 1, 21),
      END}},
    {"madvise: holes",
     0,
     {MAP(1, 1, 3, AF), MAP(3, 1, 3, AF), WRITE(1), WRITE(3), ADVISE(0, 5, 4), ADVISE(0, 4, 16),
      ADVISE(4, 2, 4), ADVISE(3, 2, 10), END}},
    {"madvise: dontneed", 0, {MAP(0, 4, 3, AF), WRITE(0), WRITE(2), ADVISE(0, 2, 4), READ(0), READ(2), END}},
    {"madvise: dontneed locked",
     0,
     {MAP(0, 4, 3, AF), LOCK(1, 2, 0), WRITE(0), ADVISE(0, 4, 4), ADVISE(0, 4, 24), ADVISE(1, 1, 8),
      ADVISE(1, 1, 20), END}},
    {"madvise: dontneed shared", 0, {MAP(0, 2, 3, SHARED), WRITE(0), ADVISE(0, 2, 4), READ(0), END}},
    {"madvise: free",
     0,
     {MAP(0, 4, 3, AF), WRITE(0), WRITE(1), READ(2), ADVISE(0, 4, 8), WRITE(1), READ(0), END}},
    {"madvise: free after fork", 0, {MAP(0, 4, 3, AF), WRITE(0), WRITE(1), PARENT, ADVISE(0, 4, 8), END}},
    {"madvise: free of a file",
     0,
     {MAPF(0, 2, 3, 2, 1, 0), ADVISE(0, 2, 8), MAP(4, 2, 3, SHARED), ADVISE(4, 2, 8), END}},
    {"madvise: remove",
     0,
     {MAP(0, 2, 3, SHARED), WRITE(0), WRITE(1), ADVISE(0, 1, 9), READ(0), READ(1), MAP(4, 2, 3, AF),
      ADVISE(4, 1, 9), MAPF(6, 2, 3, 2, 1, 0), ADVISE(6, 1, 9), MAPF(8, 2, 1, 1, 2, 0), ADVISE(8, 1, 9),
      END}},
    {"madvise: remove locked", 0, {MAP(0, 2, 3, SHARED), LOCK(0, 2, 0), ADVISE(0, 1, 9), END}},
    {"madvise: remove read-only protected",
     0,
     {MAP(0, 2, 3, SHARED), WRITE(0), PROTECT(0, 2, 1), ADVISE(0, 1, 9), READ(0), END}},
    {"madvise: dontfork",
     0,
     {MAP(0, 4, 3, AF), WRITE(0), WRITE(2), ADVISE(0, 2, 10), CHILD, READ(2), READ(0), END}},
    {"madvise: dofork",
     0,
     {MAP(0, 4, 3, AF), WRITE(0), ADVISE(0, 2, 10), ADVISE(0, 4, 11), CHILD, READ(0), END}},
    {"madvise: wipeonfork",
     0,
     {MAP(0, 4, 3, AF), WRITE(0), WRITE(2), ADVISE(0, 2, 18), CHILD, READ(0), READ(2), ADVISE(0, 4, 19),
      END}},
    {"madvise: wipeonfork refused",
     0,
     {MAP(0, 2, 3, SHARED), ADVISE(0, 1, 18), MAPF(4, 2, 3, 2, 1, 0), ADVISE(4, 1, 18), END}},
    {"madvise: flags join",
     0,
     {MAP(0, 6, 3, AF), ADVISE(2, 2, 2), ADVISE(4, 2, 2), ADVISE(0, 6, 1), ADVISE(0, 6, 0), ADVISE(1, 1, 16),
      ADVISE(1, 1, 17), END}},
    {"madvise: hugepage, mergeable",
     0,
     {MAP(0, 8, 3, AF), ADVISE(1, 1, 14), ADVISE(3, 1, 15), ADVISE(5, 1, 12), ADVISE(5, 1, 13),
      MAP(10, 2, 3, SHARED), ADVISE(10, 1, 12), END}},
    {"madvise: populate",
     0,
     {MAP(0, 3, 3, AF), MAP(3, 2, 1, AF), MAP(5, 2, 0, AF), ADVISE(0, 2, 22), ADVISE(1, 2, 23),
      ADVISE(2, 2, 23), ADVISE(3, 3, 22), ADVISE(0, 12, 22), END}},
    {"madvise: populate beyond the end",
     0,
     {MAPF(0, 4, 3, 1, 1, 10), ADVISE(0, 4, 22), ADVISE(0, 4, 23), END}},
    {"madvise: willneed",
     0,
     {MAP(0, 2, 3, AF), ADVISE(0, 2, 3), ADVISE(0, 4, 3), MAPF(4, 2, 3, 1, 1, 0), ADVISE(4, 2, 3), END}},
    /* --- mincore, mlock, msync -------------------------------------------------------------------------- */
    {"mincore: cases",
     0,
     {MAP(0, 4, 3, AF),
      WRITE(1),
      READ(2),
      {OP_MINCORE, {P(0), N(4)}},
      {OP_MINCORE, {P(0), N(5)}},
      {OP_MINCORE, {P(0) + 1, N(1)}},
      {OP_MINCORE, {P(0), 0}},
      {OP_MINCORE, {P(0), N(1) + 1}},
      {OP_MINCORE, {P(9), 0}},
      {OP_MINCORE, {P(9), 1}},
      END}},
    {"mincore: files",
     0,
     {MAPF(0, 4, 3, 1, 1, 10),
      MAP(4, 4, 3, SHARED),
      WRITE(5),
      {OP_MINCORE, {P(0), N(8)}},
      MAPF(0, 4, 3, 2, 1, 10),
      {OP_MINCORE, {P(0), N(8)}},
      PROTECT(4, 4, 0),
      {OP_MINCORE, {P(0), N(8)}},
      END}},
    {"mlock: arguments",
     0,
     {MAP(0, 4, 3, AF),
      {OP_MLOCK, {P(0) + 5, 1, 0}},
      {OP_MLOCK, {P(0), 0, 0}},
      {OP_MLOCK, {P(0), N(1), 2}},
      {OP_MLOCK, {P(0), UINT64_MAX - N(1), 0}},
      {OP_MLOCK, {P(0), UINT64_MAX, 0}},
      {OP_MUNLOCK, {P(0) + 5, 1}},
      {OP_MUNLOCK, {P(0), UINT64_MAX - N(1)}},
      LOCK(9, 1, 0),
      UNLOCK(9, 1),
      END}},
    {"mlock: holes", 0, {MAP(0, 2, 3, AF), MAP(3, 2, 3, AF), LOCK(1, 4, 0), UNLOCK(0, 5), END}},
    {"mlock: kinds",
     0,
     {MAP(0, 2, 3, AF), MAP(2, 2, 1, AF), MAP(4, 2, 3, SHARED), MAPF(6, 2, 3, 2, 1, 0),
      MAPF(8, 2, 3, 1, 1, 0), LOCK(0, 10, 0), UNLOCK(1, 2), END}},
    {"mlock: no access", 0, {MAP(0, 2, 3, AF), MAP(2, 2, 0, AF), LOCK(0, 4, 0), LOCK(0, 4, 1), END}},
    {"mlock: beyond the end", 0, {MAPF(0, 4, 3, 1, 1, 10), LOCK(0, 4, 0), END}},
    {"mlock: on fault", 0, {MAP(0, 4, 3, AF), LOCK(0, 2, 1), LOCK(1, 2, 0), WRITE(0), UNLOCK(0, 4), END}},
    {"mlock: limit",
     0,
     {DROP, LIMIT(LIMIT_LOCK, 3), MAP(0, 6, 3, AF), LOCK(0, 2, 0), LOCK(1, 2, 0), LOCK(3, 1, 0),
      LOCK(2, 2, 0), UNLOCK(0, 1), LOCK(3, 1, 0), END}},
    {"mlock: limit 0",
     0,
     {DROP, LIMIT(LIMIT_LOCK, 0), MAP(0, 6, 3, AF), LOCK(0, 2, 0), UNLOCK(0, 2), {OP_MLOCKALL, {2}}, END}},
    {"mlock: not inherited",
     0,
     {MAP(0, 4, 3, AF), LOCK(0, 2, 0), WRITE(3), CHILD, WRITE(0), MAP(5, 1, 3, AF), END}},
    {"mlockall: arguments",
     0,
     {{OP_MLOCKALL, {0}}, {OP_MLOCKALL, {4}}, {OP_MLOCKALL, {8}}, {OP_MLOCKALL, {3 | 8}}, END}},
    {"mlockall: future",
     0,
     {MAP(0, 2, 3, AF),
      {OP_MLOCKALL, {2}},
      MAP(2, 2, 3, AF),
      MAP(8, 1, 0, AF),
      {OP_MUNLOCKALL, {0}},
      MAP(4, 2, 3, AF),
      END}},
    {"mlockall: future on fault",
     0,
     {{OP_MLOCKALL, {6}}, MAP(2, 2, 3, AF), WRITE(2), CHILD, MAP(4, 2, 3, AF), END}},
    {"mlockall: current",
     0,
     {MAP(0, 2, 3, AF), MAP(2, 2, 1, AF), {OP_MLOCKALL, {1}}, MAP(4, 2, 3, AF), {OP_MUNLOCKALL, {0}}, END}},
    {"mlockall: future above the limit",
     0,
     {DROP,
      LIMIT(LIMIT_LOCK, 2),
      {OP_MLOCKALL, {2}},
      MAP(0, 2, 3, AF),
      MAP(2, 1, 3, AF),
      REMAP(0, 2, 3, 0, 0),
      END}},
    {"brk: mlockall future above the limit",
     1,
     {DROP, LIMIT(LIMIT_LOCK, 2), {OP_MLOCKALL, {2}}, BRK(N(2)), BRK(N(3)), END}},
    {"msync: arguments",
     0,
     {MAP(0, 2, 3, AF),
      {OP_MSYNC, {P(0), N(2), 8}},
      {OP_MSYNC, {P(0) + 1, N(2), 4}},
      {OP_MSYNC, {P(0), N(2), 5}},
      {OP_MSYNC, {P(0), UINT64_MAX - N(2), 4}},
      {OP_MSYNC, {P(0), 0, 4}},
      {OP_MSYNC, {P(8), 0, 4}},
      {OP_MSYNC, {P(0), N(2), 0}},
      {OP_MSYNC, {P(0), UINT64_MAX, 4}},
      END}},
    {"msync: holes",
     0,
     {MAP(1, 1, 3, AF),
      MAP(3, 1, 3, SHARED),
      {OP_MSYNC, {P(0), N(4), 4}},
      {OP_MSYNC, {P(0), N(4), 1}},
      {OP_MSYNC, {P(1), N(1), 4}},
      {OP_MSYNC, {P(1), N(5), 2}},
      {OP_MSYNC, {P(3), N(1), 4}},
      END}},
    {"msync: invalidate locked",
     0,
     {MAP(0, 2, 3, SHARED),
      LOCK(1, 1, 0),
      {OP_MSYNC, {P(0), N(1), 2}},
      {OP_MSYNC, {P(0), N(2), 2}},
      {OP_MSYNC, {P(0), N(2), 6}},
      {OP_MSYNC, {P(0), N(2), 4}},
      END}},
    /* --- growing ---------------------------------------------------------------------------------------- */
    {"stack: grows", 0, {MAP(20, 2, 3, AF | 0x100), WRITE(19), WRITE(15), READ(12), END}},
    {"stack: guard", 0, {MAP(20, 2, 3, AF | 0x100), MAP(10, 2, 3, AF), WRITE(19), WRITE(12), END}},
    {"stack: next to no access",
     0,
     {MAP(20, 2, 3, AF | 0x100), MAP(10, 2, 0, AF), WRITE(15), WRITE(12), WRITE(11), END}},
    {"stack: two",
     0,
     {MAP(20, 2, 3, AF | 0x100), MAP(10, 2, 3, AF | 0x100), WRITE(19), WRITE(12), WRITE(5), END}},
    {"stack: grown ones join",
     0,
     {MAP(20, 2, 3, AF | 0x100), MAP(16, 2, 3, AF | 0x100), WRITE(18), WRITE(19), END}},
    {"stack: RLIMIT_STACK", 0, {MAP(20, 2, 3, AF | 0x100), LIMIT(1, 4), WRITE(18), WRITE(17), END}},
    {"stack: in a child", 0, {MAP(20, 2, 3, AF | 0x100), WRITE(18), CHILD, WRITE(15), END}},
    /* --- fork ------------------------------------------------------------------------------------------- */
    {"fork: joins",
     0,
     {MAP(0, 4, 3, AF), WRITE(0), CHILD, MAP(4, 2, 3, AF), WRITE(4), MAP(6, 2, 3, AF), END}},
    {"fork: of a child",
     0,
     {MAP(0, 4, 3, AF), WRITE(0), CHILD, WRITE(1), CHILD, MAP(4, 2, 3, AF), WRITE(0), PROTECT(1, 1, 1),
      PROTECT(1, 1, 3), END}},
    {"fork: untouched joins",
     0,
     {MAP(0, 4, 3, AF), CHILD, MAP(4, 2, 3, AF), WRITE(0), PROTECT(1, 1, 1), PROTECT(1, 1, 3), END}},
    {"fork: parent goes on",
     0,
     {MAP(0, 4, 3, AF), WRITE(0), PARENT, MAP(4, 2, 3, AF), WRITE(0), WRITE(4), END}},
    {"fork: shared and files",
     0,
     {MAP(0, 2, 3, SHARED), WRITE(0), MAPF(2, 4, 3, 2, 1, 0), WRITE(2), READ(3), MAPF(6, 4, 1, 2, 1, 4),
      READ(6), CHILD, READ(0), READ(2), END}},
};

#endif
