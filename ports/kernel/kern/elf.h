/* SPDX-License-Identifier: MIT */
/* ELF files of this architecture's programs, as exec needs them (System V ABI, chapters 4 and 5). */
#ifndef KERNEL_ELF_H
#define KERNEL_ELF_H

#include "kern/kernel.h"

struct file;

struct elf_header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_segment {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

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
#define ELF_MAX_SEGMENTS 64

/* One ELF file, read and checked; then mapped. */
struct elf_image {
	struct file *file;
	struct elf_header header;
	struct elf_segment segment[ELF_MAX_SEGMENTS];
	uint64_t low, high; /* addresses of the PT_LOADs, page-aligned, before the bias */
	uint64_t bias;      /* set by elf_map */
	uint64_t phdr;      /* where the program headers are in memory */
	uint64_t end_data;  /* end of the last bss, with the bias */
	uint64_t code_start, code_end;
	bool stack_exec;
};

/* Reads the headers of image->file. 0, -ENOEXEC, -EIO, ... */
long elf_read(struct elf_image *image);
/* The path in PT_INTERP: 1 when there is one, 0 when not, or an error. */
long elf_interpreter(const struct elf_image *image, char *path, size_t size);
/* Maps the segments into `mm`; ELF_DYN at `hint`, or anywhere when that is 0. */
long elf_map(struct elf_image *image, struct quire_mm *mm, uint64_t hint);

#endif
