/* SPDX-License-Identifier: MIT */
/* The words that the cases of the oracle are written in: one an operation, places and lengths in pages. */
#ifndef ORACLE_WORDS_H
#define ORACLE_WORDS_H

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

#endif
