/* SPDX-License-Identifier: MIT */
/* /proc/PID/maps, smaps, pagemap, mem: what the library says of an address space, as Linux prints it. */
#include "fs/proc.h"
#include "port/system.h"

enum {
	NAME_COLUMN = 73
};

static char letter(bool on, char c)
{
	return on ? c : '-';
}

static void region_name(const struct quire_region *region, struct text *text, char *path)
{
	if (region->file)
		quire_file_path(region->file, path, PATH_SIZE);
	else if (region->flags & QUIRE_REGION_HEAP)
		strlcpy(path, "[heap]", PATH_SIZE);
	else if (region->flags & QUIRE_REGION_STACK)
		strlcpy(path, "[stack]", PATH_SIZE);
	else
		path[0] = 0;
}

/* Shared anonymous memory is a file of the library's own. Its number has to be its own too, and to tell no
 * address: the address times an odd factor of this boot, by which no two become equal. */
static unsigned long anonymous_ino(const struct quire_file *file)
{
	static uint32_t factor;
	uint32_t now = __atomic_load_n(&factor, __ATOMIC_RELAXED), unset = 0;

	if (!now) {
		random_bytes(&now, sizeof(now));
		now |= 1;
		if (!__atomic_compare_exchange_n(&factor, &unset, now, false, __ATOMIC_RELAXED,
						 __ATOMIC_RELAXED))
			now = unset;
	}
	return (uint32_t)((uintptr_t)file / _Alignof(uint64_t)) * now;
}

static uint64_t region_ino(const struct quire_region *region)
{
	const struct inode *inode = region->file ? quire_file_context(region->file) : NULL;

	if (!region->file)
		return 0;
	return inode ? inode->ino : anonymous_ino(region->file);
}

static void region_line(const struct quire_region *region, struct text *text, char *path)
{
	struct inode *inode = region->file ? quire_file_context(region->file) : NULL;
	size_t start = text->length, column;

	text_add(text, "%08" PRIx64 "-%08" PRIx64 " %c%c%c%c %08" PRIx64 " 00:%02x %" PRIu64 " ",
		 (uint64_t)region->start, (uint64_t)region->end, letter(region->prot & QUIRE_PROT_READ, 'r'),
		 letter(region->prot & QUIRE_PROT_WRITE, 'w'), letter(region->prot & QUIRE_PROT_EXEC, 'x'),
		 region->flags & QUIRE_REGION_SHARED ? 's' : 'p', region->file ? region->offset : 0,
		 inode          ? (unsigned)inode->dev
		 : region->file ? 1u
				: 0u,
		 region_ino(region));
	region_name(region, text, path);
	column = text->length - start;
	if (path[0])
		text_add(text, "%*s%s", (int)(column < NAME_COLUMN ? NAME_COLUMN - column : 0), "", path);
	text_add(text, "\n");
}

/* Calls `visit` for the regions from text->cursor on, for about a page of text. */
static void each_region(struct process *process, struct text *text,
			void (*visit)(struct quire_mm *mm, const struct quire_region *region,
				      struct text *text, char *path))
{
	struct quire_mm *mm = process_mm(process);
	char *path = kmalloc(PATH_SIZE);
	size_t enough = text->length + PAGE_SIZE;
	struct quire_region region;

	while (mm && path && !text->failed && !text->more &&
	       quire_mm_region_get(mm, text->cursor, &region) == QUIRE_OK) {
		visit(mm, &region, text, path);
		if (region.file)
			quire_file_put(region.file);
		text->cursor = region.end;
		text->more = text->length >= enough;
	}
	text->failed |= !path;
	kfree(path);
	if (mm)
		quire_mm_put(mm);
}

static void visit_maps(struct quire_mm *mm, const struct quire_region *region, struct text *text, char *path)
{
	region_line(region, text, path);
}

void proc_maps(struct process *process, struct text *text)
{
	each_region(process, text, visit_maps);
}

static void kib(struct text *text, const char *name, uint64_t value)
{
	text_add(text, "%-16s%8" PRIu64 " kB\n", name, value);
}

static void smaps_counts(struct text *text, const struct quire_smaps *smaps)
{
	kib(text, "Rss:", smaps->rss * 4);
	kib(text, "Pss:", smaps->pss / 1024);
	kib(text, "Pss_Dirty:", smaps->pss_dirty / 1024);
	kib(text, "Shared_Clean:", smaps->shared_clean * 4);
	kib(text, "Shared_Dirty:", smaps->shared_dirty * 4);
	kib(text, "Private_Clean:", smaps->private_clean * 4);
	kib(text, "Private_Dirty:", smaps->private_dirty * 4);
	kib(text, "Referenced:", smaps->referenced * 4);
	kib(text, "Anonymous:", smaps->anonymous * 4);
	kib(text, "LazyFree:", smaps->lazyfree * 4);
	kib(text, "AnonHugePages:", 0);
	kib(text, "ShmemPmdMapped:", 0);
	kib(text, "FilePmdMapped:", 0);
	kib(text, "Shared_Hugetlb:", 0);
	kib(text, "Private_Hugetlb:", 0);
	kib(text, "Swap:", smaps->swap * 4);
	kib(text, "SwapPss:", smaps->swap * 4);
	kib(text, "Locked:", smaps->locked * 4);
}

static void vm_flags(struct text *text, const struct quire_region *region)
{
	static const struct {
		uint32_t flag;
		char name[3];
	} flags[] = {
	    {QUIRE_REGION_SHARED, "sh"},      {QUIRE_REGION_MAYREAD, "mr"},   {QUIRE_REGION_MAYWRITE, "mw"},
	    {QUIRE_REGION_MAYEXEC, "me"},     {QUIRE_REGION_GROWSDOWN, "gd"}, {QUIRE_REGION_LOCKED, "lo"},
	    {QUIRE_REGION_SEQUENTIAL, "sr"},  {QUIRE_REGION_RANDOM, "rr"},    {QUIRE_REGION_DONTFORK, "dc"},
	    {QUIRE_REGION_LOCKONFAULT, "lf"}, {QUIRE_REGION_ACCOUNT, "ac"},   {QUIRE_REGION_NORESERVE, "nr"},
	    {QUIRE_REGION_WIPEONFORK, "wf"},  {QUIRE_REGION_DONTDUMP, "dd"},  {QUIRE_REGION_SEALED, "sl"},
	};

	text_add(text, "VmFlags: %s%s%s", region->prot & QUIRE_PROT_READ ? "rd " : "",
		 region->prot & QUIRE_PROT_WRITE ? "wr " : "", region->prot & QUIRE_PROT_EXEC ? "ex " : "");
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (region->flags & flags[i].flag)
			text_add(text, "%s ", flags[i].name);
	text_add(text, "\n");
}

static void visit_smaps(struct quire_mm *mm, const struct quire_region *region, struct text *text, char *path)
{
	struct quire_smaps smaps;

	if (quire_mm_smaps(mm, region->start, region->end, &smaps) != QUIRE_OK) {
		text->failed = true;
		return;
	}
	region_line(region, text, path);
	kib(text, "Size:", (region->end - region->start) / 1024);
	kib(text, "KernelPageSize:", 4);
	kib(text, "MMUPageSize:", 4);
	smaps_counts(text, &smaps);
	text_add(text, "THPeligible:    %8u\n", 0u);
	vm_flags(text, region);
}

void proc_smaps(struct process *process, struct text *text)
{
	each_region(process, text, visit_smaps);
}

void proc_smaps_rollup(struct process *process, struct text *text)
{
	struct quire_mm *mm = process_mm(process);
	struct quire_region region;
	struct quire_smaps smaps;
	quire_va start = 0, end = 0;

	if (!mm)
		return;
	if (quire_mm_region(mm, 0, &region) == QUIRE_OK)
		for (start = region.start; quire_mm_region(mm, end, &region) == QUIRE_OK;)
			end = region.end;
	if (end && quire_mm_smaps(mm, start, end, &smaps) == QUIRE_OK) {
		text_add(text, "%08" PRIx64 "-%08" PRIx64 " ---p 00000000 00:00 0 %*s[rollup]\n",
			 (uint64_t)start, (uint64_t)end, 0, "");
		smaps_counts(text, &smaps);
	}
	quire_mm_put(mm);
}

/* Entries of eight bytes: position and length are whole entries, as Linux wants them. */
long proc_pagemap(struct process *process, char *to, size_t n, uint64_t pos)
{
	struct quire_mm *mm;
	size_t done = 0;

	if (pos % 8 || n % 8)
		return -EINVAL;
	mm = process_mm(process);
	if (!mm)
		return 0;
	for (; done < n && (pos + done) / 8 < user_end / PAGE_SIZE; done += 8) {
		uint64_t entry = quire_mm_pagemap(mm, (pos + done) / 8 * PAGE_SIZE);

		memcpy(to + done, &entry, 8);
	}
	quire_mm_put(mm);
	return (long)done;
}

long proc_mem(struct process *process, void *buffer, size_t n, uint64_t pos, bool write)
{
	struct quire_mm *mm = process_mm(process);
	enum quire_status status;
	size_t done = 0;

	if (!mm)
		return 0;
	if (pos >= user_end) {
		quire_mm_put(mm);
		return -EIO;
	}
	status = quire_mm_access(mm, (quire_va)pos, buffer, MIN(n, (size_t)(user_end - pos)),
				 QUIRE_REMOTE_FORCE | (write ? QUIRE_REMOTE_WRITE : 0), &done);
	quire_mm_put(mm);
	return done ? (long)done : status == QUIRE_OK ? 0 : -EIO;
}
