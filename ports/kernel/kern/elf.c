/* SPDX-License-Identifier: MIT */
/* Reads ELF files and maps their segments. Pages come later, by faults. */
#include "kern/elf.h"
#include "arch.h"
#include "fs/vfs.h"
#include "port/system.h"

static bool is_ours(const struct elf_header *h)
{
	static const uint8_t ident[6] = {0x7f, 'E', 'L', 'F', ELF_CLASS, 1}; /* little-endian */

	return !memcmp(h->ident, ident, sizeof(ident)) && h->machine == ABI_ELF_MACHINE &&
	       (h->type == ELF_EXEC || h->type == ELF_DYN) && h->phentsize == sizeof(struct elf_segment) &&
	       h->phnum >= 1 && h->phnum <= ELF_MAX_SEGMENTS;
}

static bool is_sound(const struct elf_segment *s)
{
	return s->filesz <= s->memsz && s->memsz < user_end && s->vaddr < user_end - s->memsz &&
	       s->offset < (uint64_t)INT64_MAX - s->filesz && ((s->vaddr ^ s->offset) & PAGE_MASK) == 0;
}

long elf_read(struct elf_image *image)
{
	struct elf_header *h = &image->header;
	size_t bytes;
	long n = file_pread(image->file, h, sizeof(*h), 0);

	if (n < 0)
		return n;
	if (n != sizeof(*h) || !is_ours(h))
		return -ENOEXEC;
	bytes = h->phnum * sizeof(struct elf_segment);
	n = file_pread(image->file, image->segment, bytes, h->phoff);
	if (n != (long)bytes)
		return n < 0 ? n : -ENOEXEC;
	image->low = UINT64_MAX;
	image->high = 0;
	for (unsigned i = 0; i < h->phnum; i++) {
		const struct elf_segment *s = &image->segment[i];

		if (s->type == PT_GNU_STACK)
			image->stack_exec = s->flags & PF_X;
		if (s->type != PT_LOAD)
			continue;
		if (!is_sound(s))
			return -ENOEXEC;
		image->low = MIN(image->low, ALIGN_DOWN(s->vaddr, PAGE_SIZE));
		image->high = MAX(image->high, ALIGN_UP(s->vaddr + s->memsz, PAGE_SIZE));
	}
	return image->low < image->high ? 0 : -ENOEXEC;
}

long elf_interpreter(const struct elf_image *image, char *path, size_t size)
{
	for (unsigned i = 0; i < image->header.phnum; i++) {
		const struct elf_segment *s = &image->segment[i];
		long n;

		if (s->type != PT_INTERP)
			continue;
		if (s->filesz < 2 || s->filesz > size)
			return -ENOEXEC;
		n = file_pread(image->file, path, s->filesz, s->offset);
		if (n != (long)s->filesz || path[n - 1] != '\0')
			return n < 0 ? n : -ENOEXEC;
		return 1;
	}
	return 0;
}

static quire_prot prot_of(const struct elf_segment *s)
{
	return (s->flags & PF_R ? QUIRE_PROT_READ : 0) | (s->flags & PF_W ? QUIRE_PROT_WRITE : 0) |
	       (s->flags & PF_X ? QUIRE_PROT_EXEC : 0);
}

static long map_file_part(const struct elf_image *image, struct quire_mm *mm, const struct elf_segment *s)
{
	uint64_t start = ALIGN_DOWN(image->bias + s->vaddr, PAGE_SIZE);
	struct quire_mapping how = {
	    .addr = start,
	    .length = image->bias + s->vaddr + s->filesz - start,
	    .prot = prot_of(s),
	    .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_FIXED,
	    .offset = ALIGN_DOWN(s->offset, PAGE_SIZE),
	};
	quire_va at;
	long result = file_mappable(image->file, how.prot, how.flags, &how.file_prot, &how.file);

	return result ? result : quire_mmap(mm, &how, &at);
}

/* The rest of the last file page is not the file's: zeroes. Read-only segments keep it, as on Linux. */
static long clear_tail(struct quire_mm *mm, const struct elf_segment *s, uint64_t from)
{
	static const uint8_t zeroes[PAGE_SIZE];
	uint64_t end = ALIGN_UP(from, PAGE_SIZE);
	size_t done;

	while (s->flags & PF_W && from < end) {
		enum quire_status status =
		    quire_mm_access(mm, from, (void *)(uintptr_t)zeroes, MIN(end - from, sizeof(zeroes)),
				    QUIRE_REMOTE_WRITE, &done);

		if (status)
			return status;
		from += done;
	}
	return 0;
}

static long map_bss(const struct elf_image *image, struct quire_mm *mm, const struct elf_segment *s)
{
	uint64_t file_end = image->bias + s->vaddr + s->filesz;
	uint64_t start = ALIGN_UP(file_end, PAGE_SIZE);
	uint64_t end = ALIGN_UP(image->bias + s->vaddr + s->memsz, PAGE_SIZE);
	struct quire_mapping how = {
	    .addr = start,
	    .length = end - start,
	    .prot = prot_of(s),
	    .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_FIXED | QUIRE_MAP_ANONYMOUS,
	};
	quire_va at;
	long result = 0;

	if (s->filesz == s->memsz)
		return 0;
	if (s->filesz)
		result = clear_tail(mm, s, file_end);
	if (!result && end > start)
		result = quire_mmap(mm, &how, &at);
	return result;
}

static long map_segment(struct elf_image *image, struct quire_mm *mm, const struct elf_segment *s)
{
	uint64_t start = image->bias + s->vaddr;
	long result = s->filesz ? map_file_part(image, mm, s) : 0;

	if (!result)
		result = map_bss(image, mm, s);
	if (s->flags & PF_X && start < image->code_start)
		image->code_start = start;
	if (s->flags & PF_X)
		image->code_end = MAX(image->code_end, start + s->filesz);
	image->end_data = MAX(image->end_data, start + s->memsz);
	if (s->offset <= image->header.phoff && image->header.phoff < s->offset + s->filesz)
		image->phdr = start + (image->header.phoff - s->offset);
	return result;
}

/* Finds room for all segments together, so that no other mapping lies in the gaps between them. */
static long find_bias(struct elf_image *image, struct quire_mm *mm, uint64_t hint)
{
	struct quire_mapping how = {
	    .addr = hint,
	    .length = image->high - image->low,
	    .prot = QUIRE_PROT_NONE,
	    .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_NORESERVE,
	};
	quire_va at;
	long result;

	if (image->header.type == ELF_EXEC)
		return 0;
	result = quire_mmap(mm, &how, &at);
	if (result)
		return result;
	image->bias = at - image->low;
	return quire_munmap(mm, at, how.length);
}

long elf_map(struct elf_image *image, struct quire_mm *mm, uint64_t hint)
{
	long result = find_bias(image, mm, hint);

	image->code_start = UINT64_MAX;
	for (unsigned i = 0; !result && i < image->header.phnum; i++) {
		if (image->segment[i].type == PT_LOAD)
			result = map_segment(image, mm, &image->segment[i]);
	}
	return result;
}
