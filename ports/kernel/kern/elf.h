/* SPDX-License-Identifier: MIT */
/* ELF files of programs, as exec needs them. */
#ifndef KERNEL_ELF_H
#define KERNEL_ELF_H

#include "abi/elf.h"
#include "kern/kernel.h"

struct file;

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
