/* SPDX-License-Identifier: MIT */
/* ELF files (System V ABI, chapters 4 and 5), and what exec tells a program. */
#ifndef ABI_ELF_H
#define ABI_ELF_H

#include "abi/abi.h"

struct elf_header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	abi_ulong entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

#if ABI_LONG_BYTES == 8
#define ELF_CLASS 2
struct elf_segment {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
#else
#define ELF_CLASS 1
struct elf_segment {
	uint32_t type, offset, vaddr, paddr, filesz, memsz, flags, align;
};
#endif

enum {
	ELF_EXEC = 2,
	ELF_DYN = 3
};
enum {
	PT_LOAD = 1,
	PT_INTERP = 3,
	PT_PHDR = 6,
	PT_GNU_STACK = 0x6474e551
};
enum {
	PF_X = 1,
	PF_W = 2,
	PF_R = 4
};

/* The auxiliary vector. */
enum {
	AT_PHDR = 3,
	AT_PHENT,
	AT_PHNUM,
	AT_PAGESZ,
	AT_BASE,
	AT_FLAGS,
	AT_ENTRY,
	AT_UID = 11,
	AT_EUID,
	AT_GID,
	AT_EGID,
	AT_PLATFORM,
	AT_HWCAP,
	AT_CLKTCK,
	AT_SECURE = 23,
	AT_RANDOM = 25,
	AT_HWCAP2,
	AT_EXECFN = 31,
	AT_MINSIGSTKSZ = 51
};

#define READ_IMPLIES_EXEC 0x0400000 /* of personality() */
#define ADDR_NO_RANDOMIZE 0x0040000 /* of personality() */
#define UNAME26           0x0020000
#define STICKY_TIMEOUTS   0x4000000

#endif
