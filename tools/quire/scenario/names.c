/* SPDX-License-Identifier: MIT */
/* The tables of words that the parser and the printer share: verbs, flags, advice, signals, errors. */
#include "names.h"

#include <string.h>

const struct scn_syntax scn_syntax[SCN_VERBS] = {
    [SCN_MAP] = {"map", "lpm"},         [SCN_UNMAP] = {"unmap", "al"},
    [SCN_PROTECT] = {"protect", "alp"}, [SCN_REMAP] = {"remap", "alnr"},
    [SCN_BRK] = {"brk", "a"},           [SCN_ADVISE] = {"advise", "alA"},
    [SCN_LOCK] = {"lock", "alK"},       [SCN_UNLOCK] = {"unlock", "al"},
    [SCN_SYNC] = {"sync", "alS"},       [SCN_MINCORE] = {"mincore", "al"},
    [SCN_LIMIT] = {"limit", "Ll"},      [SCN_FORK] = {"fork", "N"},
    [SCN_EXIT] = {"exit", ""},          [SCN_READ] = {"read", "ax"},
    [SCN_WRITE] = {"write", "axv"},     [SCN_EXEC] = {"exec", "a"},
    [SCN_KREAD] = {"kread", "a"},       [SCN_KWRITE] = {"kwrite", "av"},
    [SCN_KZERO] = {"kzero", "al"},      [SCN_PEEK] = {"peek", "Pa"},
    [SCN_POKE] = {"poke", "Pav"},       [SCN_FREAD] = {"fread", "fo"},
    [SCN_FWRITE] = {"fwrite", "folv"},  [SCN_TRUNCATE] = {"truncate", "fl"},
    [SCN_PUNCH] = {"punch", "fol"},     [SCN_SP] = {"sp", "a"},
    [SCN_LAYOUT] = {"layout", "w"},     [SCN_RESIDENT] = {"resident", "al"},
    [SCN_MEMORY] = {"memory", ""},      [SCN_EVICT] = {"evict", "al"},
    [SCN_SWAPOFF] = {"swapoff", ""},    [SCN_STORE] = {"store", "F"},
    [SCN_PRESSURE] = {"pressure", "l"},
};

const struct scn_word scn_map_words[] = {
    {"growsdown", SCN_MAP_GROWSDOWN},
    {"locked", SCN_MAP_LOCKED},
    {"noreserve", SCN_MAP_NORESERVE},
    {"populate", SCN_MAP_POPULATE},
    {"stack", SCN_MAP_STACK},
    {"nonblock", 0x10000},
    {"denywrite", 0x800},
    {"hugetlb", 0x40000},
    {NULL, 0},
};

const struct scn_word scn_remap_words[] = {
    {"maymove", SCN_REMAP_MAYMOVE},
    {"dontunmap", SCN_REMAP_DONTUNMAP},
    {NULL, 0},
};

const struct scn_word scn_sync_words[] = {{"async", 1}, {"invalidate", 2}, {"sync", 4}, {NULL, 0}};
const struct scn_word scn_store_words[] = {
    {"fail-read", SCN_STORE_FAIL_READ}, {"fail-write", SCN_STORE_FAIL_WRITE}, {NULL, 0}};
const struct scn_word scn_lock_words[] = {{"onfault", 1}, {NULL, 0}};

const struct scn_word scn_advice_words[] = {
    {"normal", SCN_ADV_NORMAL},
    {"random", SCN_ADV_RANDOM},
    {"sequential", SCN_ADV_SEQUENTIAL},
    {"willneed", SCN_ADV_WILLNEED},
    {"dontneed", SCN_ADV_DONTNEED},
    {"free", SCN_ADV_FREE},
    {"remove", SCN_ADV_REMOVE},
    {"dontfork", SCN_ADV_DONTFORK},
    {"dofork", SCN_ADV_DOFORK},
    {"mergeable", 12},
    {"unmergeable", 13},
    {"hugepage", 14},
    {"nohugepage", 15},
    {"dontdump", SCN_ADV_DONTDUMP},
    {"dodump", SCN_ADV_DODUMP},
    {"wipeonfork", SCN_ADV_WIPEONFORK},
    {"keeponfork", SCN_ADV_KEEPONFORK},
    {"cold", SCN_ADV_COLD},
    {"pageout", SCN_ADV_PAGEOUT},
    {"populate-read", SCN_ADV_POPULATE_READ},
    {"populate-write", SCN_ADV_POPULATE_WRITE},
    {"dontneed-locked", SCN_ADV_DONTNEED_LOCKED},
    {"guard-install", SCN_ADV_GUARD_INSTALL},
    {"guard-remove", SCN_ADV_GUARD_REMOVE},
    {NULL, 0},
};

const struct scn_word scn_limit_words[] = {
    {"stack", SCN_LIMIT_STACK},
    {"memlock", SCN_LIMIT_MEMLOCK},
    {"data", SCN_LIMIT_DATA},
    {"as", SCN_LIMIT_AS},
    {NULL, 0},
};

const struct scn_word scn_signal_words[] = {
    {"SIGILL", SCN_SIGILL},
    {"SIGTRAP", SCN_SIGTRAP},
    {"SIGBUS", SCN_SIGBUS},
    {"SIGSEGV", SCN_SIGSEGV},
    {NULL, 0},
};

const struct scn_word scn_code_words[] = {
    {"MAPERR", SCN_SIGSEGV << 8 | 1},
    {"ACCERR", SCN_SIGSEGV << 8 | 2},
    {"PKUERR", SCN_SIGSEGV << 8 | 4},
    {"ADRALN", SCN_SIGBUS << 8 | 1},
    {"ADRERR", SCN_SIGBUS << 8 | 2},
    {"OBJERR", SCN_SIGBUS << 8 | 3},
    {NULL, 0},
};

const struct scn_word scn_errno_words[] = {
    {"EPERM", 1},   {"ENOENT", 2},  {"ESRCH", 3},   {"EINTR", 4},      {"EIO", 5},         {"ENXIO", 6},
    {"EBADF", 9},   {"EAGAIN", 11}, {"ENOMEM", 12}, {"EACCES", 13},    {"EFAULT", 14},     {"EBUSY", 16},
    {"EEXIST", 17}, {"ENODEV", 19}, {"EINVAL", 22}, {"ENFILE", 23},    {"ETXTBSY", 26},    {"EFBIG", 27},
    {"ENOSPC", 28}, {"ERANGE", 34}, {"ENOSYS", 38}, {"EOVERFLOW", 75}, {"EOPNOTSUPP", 95}, {NULL, 0},
};

const struct scn_word scn_profile_words[] = {
    {"linux-2.4", 0}, {"linux-2.6", 1}, {"linux-4.14", 2}, {"linux-6", 3}, {NULL, 0},
};

/* "arm64" and "riscv64" name both a machine and its family. In a condition they mean the family; the
 * single machines are arm64_48 and riscv64_sv39. riscv64_svadu is a host only: its CPUs set young and dirty. */
const struct scn_word scn_arch_words[] = {
    {"i386", 1 << 0},
    {"x86_64", 1 << 1},
    {"x86_64_la57", 1 << 2},
    {"arm", 1 << 3},
    {"arm64_48", 1 << 4},
    {"arm64_39", 1 << 5},
    {"arm64_16k", 1 << 6},
    {"arm64_64k", 1 << 7},
    {"riscv64_sv39", 1 << 8},
    {"riscv64_sv48", 1 << 9},
    {"toy", 1 << 10},
    {"riscv64_svadu", 1 << 11},
    {"x86", 1 << 0 | 1 << 1 | 1 << 2},
    {"arm64", 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7},
    {"riscv64", 1 << 8 | 1 << 9 | 1 << 11},
    {NULL, 0},
};

const char *scn_word_name(const struct scn_word *words, uint32_t number)
{
	for (; words->name; words++)
		if (words->number == number)
			return words->name;
	return NULL;
}

bool scn_word_number(const struct scn_word *words, const char *name, uint32_t *out)
{
	for (; words->name; words++) {
		if (strcmp(words->name, name) == 0) {
			*out = words->number;
			return true;
		}
	}
	return false;
}

const char *scn_errno_name(int error, char room[24])
{
	const char *name = error == 0 ? "ok" : scn_word_name(scn_errno_words, (uint32_t)error);

	if (!name) {
		snprintf(room, 24, "errno-%d", error);
		name = room;
	}
	return name;
}

int scn_errno_number(const char *name)
{
	uint32_t number;

	return scn_word_number(scn_errno_words, name, &number) ? (int)number : -1;
}
