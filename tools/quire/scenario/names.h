/* SPDX-License-Identifier: MIT */
/* The words of the scenario language and Linux's numbers for them. */
#ifndef QUIRE_SCENARIO_NAMES_H
#define QUIRE_SCENARIO_NAMES_H

#include "scenario.h"

struct scn_word {
	const char *name;
	uint32_t number;
};

/* How an operation is written, one letter per operand:
 *   a address      l length        n new length   o file offset   f file
 *   p protection   m map words     r remap words  A advice        K lock flags   S sync flags
 *   v = value      x xN            P process      N new process   L limit        w optional window */
struct scn_syntax {
	const char *name;
	const char *operands;
};

extern const struct scn_syntax scn_syntax[SCN_VERBS];

/* Each list ends with a NULL name. */
extern const struct scn_word scn_map_words[];
extern const struct scn_word scn_remap_words[];
extern const struct scn_word scn_sync_words[];
extern const struct scn_word scn_store_words[];
extern const struct scn_word scn_lock_words[];
extern const struct scn_word scn_advice_words[];
extern const struct scn_word scn_limit_words[];
extern const struct scn_word scn_signal_words[];
extern const struct scn_word scn_code_words[]; /* signal << 8 | code */
extern const struct scn_word scn_errno_words[];
extern const struct scn_word scn_profile_words[]; /* index in scn_condition */
extern const struct scn_word scn_arch_words[];    /* bits in scn_condition; each family follows its members */

const char *scn_word_name(const struct scn_word *words, uint32_t number);
bool scn_word_number(const struct scn_word *words, const char *name, uint32_t *out);

/* Linux's numbers that the interpreter needs. */
enum {
	SCN_MAP_SHARED = 1,
	SCN_MAP_PRIVATE = 2,
	SCN_MAP_TYPE = 15,
	SCN_MAP_FIXED = 0x10,
	SCN_MAP_ANONYMOUS = 0x20,
	SCN_MAP_GROWSDOWN = 0x100,
	SCN_MAP_LOCKED = 0x2000,
	SCN_MAP_NORESERVE = 0x4000,
	SCN_MAP_POPULATE = 0x8000,
	SCN_MAP_STACK = 0x20000,
	SCN_MAP_NOREPLACE = 0x100000,
	SCN_REMAP_MAYMOVE = 1,
	SCN_REMAP_FIXED = 2,
	SCN_REMAP_DONTUNMAP = 4,
	SCN_PROT_GROWSDOWN = 0x01000000,
	SCN_PROT_GROWSUP = 0x02000000,
	SCN_SIGILL = 4,
	SCN_SIGTRAP = 5,
	SCN_SIGBUS = 7,
	SCN_SIGKILL = 9,
	SCN_SIGSEGV = 11
};

enum {
	SCN_EPERM = 1,
	SCN_ENOENT = 2,
	SCN_ESRCH = 3,
	SCN_EIO = 5,
	SCN_EBADF = 9,
	SCN_EAGAIN = 11,
	SCN_ENOMEM = 12,
	SCN_EACCES = 13,
	SCN_EFAULT = 14,
	SCN_EINVAL = 22,
	SCN_EFBIG = 27,
	SCN_ENOSYS = 38
};

/* Advice values that the generator and the version table use. */
enum {
	SCN_ADV_NORMAL = 0,
	SCN_ADV_RANDOM = 1,
	SCN_ADV_SEQUENTIAL = 2,
	SCN_ADV_WILLNEED = 3,
	SCN_ADV_DONTNEED = 4,
	SCN_ADV_FREE = 8,
	SCN_ADV_REMOVE = 9,
	SCN_ADV_DONTFORK = 10,
	SCN_ADV_DOFORK = 11,
	SCN_ADV_DONTDUMP = 16,
	SCN_ADV_DODUMP = 17,
	SCN_ADV_WIPEONFORK = 18,
	SCN_ADV_KEEPONFORK = 19,
	SCN_ADV_COLD = 20,
	SCN_ADV_PAGEOUT = 21,
	SCN_ADV_POPULATE_READ = 22,
	SCN_ADV_POPULATE_WRITE = 23,
	SCN_ADV_DONTNEED_LOCKED = 24,
	SCN_ADV_GUARD_INSTALL = 102,
	SCN_ADV_GUARD_REMOVE = 103
};

#endif
