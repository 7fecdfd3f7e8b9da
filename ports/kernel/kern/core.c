/* SPDX-License-Identifier: MIT */
/* core(5): the memory and the registers of a program that a signal ends, as an ELF file for a debugger.
 *
 *   ELF header | program headers | notes: registers, process, auxiliary vector | memory, page by page
 *
 * Written are private pages, shared memory without a file, and of a mapped program file the page with its header;
 * nothing of a range that madvise(MADV_DONTDUMP) names. Pages that were never touched are holes in the file. The thread
 * that died is the only one in it: the others have ended before. */
#include "kern/core.h"

#include "abi/elf.h"
#include "abi/signal.h"
#include "core_regs.h"
#include "fs/fs.h"
#include "fs/proc.h"
#include "kern/process.h"

#define PATTERN_SIZE 128
#define REGIONS_MOST 65000

enum {
	ELF_CORE = 4,
	PT_NOTE = 4,
	NT_PRSTATUS = 1,
	NT_PRPSINFO = 3,
	NT_AUXV = 6,
	NAME_BYTES = 8, /* "CORE" and its NUL, to a multiple of 4 */
	NOTES_ROOM = 2048
};

static char pattern[PATTERN_SIZE] = "core"; /* proc_lock */

struct core_status {
	int32_t signo, code, error;
	int16_t cursig;
	abi_ulong pending, held;
	int32_t pid, ppid, pgrp, sid;
	abi_long times[8];
	abi_ulong reg[CORE_REGISTERS];
	int32_t has_fpu;
};

struct core_process {
	int8_t state, letter, zombie, nice;
	abi_ulong flags;
#if ABI_LONG_BYTES == 8
	uint32_t uid, gid;
#else
	uint16_t uid, gid;
#endif
	int32_t pid, ppid, pgrp, sid;
	char name[16], args[80];
};

struct core {
	struct file *file;
	struct process *process;
	uint64_t limit, end; /* bytes */
	uint8_t *page;
	bool full; /* what comes no longer fits */
};

/* --- the name ---------------------------------------------------------------------------------- */

void proc_make_core_pattern(struct process *process, struct text *text)
{
	char copy[PATTERN_SIZE];

	spin_lock(&proc_lock);
	memcpy(copy, pattern, sizeof(copy));
	spin_unlock(&proc_lock);
	text_add(text, "%s\n", copy);
}

/* A program to give the core to ("|...") would have to be started from here: it is refused. */
int proc_take_core_pattern(struct process *process, const char *value)
{
	if (value[0] == '|' || strlen(value) >= sizeof(pattern))
		return -EINVAL;
	spin_lock(&proc_lock);
	strlcpy(pattern, value, sizeof(pattern));
	spin_unlock(&proc_lock);
	return 0;
}

/* One letter behind a %. */
static void expand(char letter, int signal, char *to, size_t size)
{
	const struct process *process = current->process;

	to[0] = '\0';
	if (letter == 'p' || letter == 'P')
		ksnprintf(to, size, "%d", process->pid);
	else if (letter == 'i' || letter == 'I')
		ksnprintf(to, size, "%d", current->tid);
	else if (letter == 'u')
		ksnprintf(to, size, "%u", process->cred.uid);
	else if (letter == 'g')
		ksnprintf(to, size, "%u", process->cred.gid);
	else if (letter == 's')
		ksnprintf(to, size, "%d", signal);
	else if (letter == 't')
		ksnprintf(to, size, "%" PRIu64, time_realtime() / NSEC_PER_SEC);
	else if (letter == 'e')
		ksnprintf(to, size, "%.15s", process->comm);
	else if (letter == 'h')
		ksnprintf(to, size, "%s", host_name);
	else if (letter == '%')
		ksnprintf(to, size, "%%");
}

static void make_name(int signal, char *path)
{
	char copy[PATTERN_SIZE];
	size_t n = 0;

	spin_lock(&proc_lock);
	memcpy(copy, pattern, sizeof(copy));
	spin_unlock(&proc_lock);
	for (const char *at = copy; *at && n + 1 < PATH_SIZE; at++) {
		if (*at != '%') {
			path[n++] = *at;
			continue;
		}
		if (!*++at)
			break;
		expand(*at, signal, path + n, PATH_SIZE - n);
		n += strlen(path + n);
	}
	path[n] = '\0';
}

/* The program's own file, and no other name of it: it may be written over. */
static struct file *open_core(int signal)
{
	char *path = kmalloc(PATH_SIZE);
	struct file *file = NULL;
	int result = -ENOMEM;

	if (path) {
		make_name(signal, path);
		result = vfs_open(path, O_CREAT | O_RDWR | O_NOFOLLOW, 0600, &file);
	}
	kfree(path);
	if (result)
		return NULL;
	if (IS_TYPE(file->inode, S_IFREG) && file->inode->pages && file->inode->nlink == 1 &&
	    file->inode->uid == current->process->cred.fsuid && !inode_truncate(file->inode, 0))
		return file;
	file_put(file);
	return NULL;
}

/* --- what is written --------------------------------------------------------------------------- */

static void put(struct core *core, const void *bytes, size_t n)
{
	uint64_t pos = core->end;
	size_t fits = core->end < core->limit ? (size_t)MIN(n, core->limit - core->end) : 0;

	core->end += n;
	if (core->full)
		return;
	core->full = fits < n || core->file->ops->write(core->file, bytes, fits, &pos, true) != (long)fits;
}

/* How many bytes of the region are in the file. */
static uint64_t dumped(struct core *core, const struct quire_region *region)
{
	uint64_t bytes = region->end - region->start;
	struct inode *inode = region->file ? quire_file_context(region->file) : NULL;
	struct quire_smaps counts;

	if (region->flags & QUIRE_REGION_DONTDUMP)
		return 0;
	if (!region->file)
		return bytes;
	if (region->flags & QUIRE_REGION_SHARED)
		return !inode || !inode->nlink ? bytes : 0;
	if (quire_mm_smaps(core->process->mm, region->start, region->end, &counts) == QUIRE_OK &&
	    counts.anonymous)
		return bytes;
	if (!region->offset && proc_mem(core->process, core->page, PAGE_SIZE, region->start, false) > 4 &&
	    !memcmp(core->page, "\177ELF", 4))
		return PAGE_SIZE;
	return 0;
}

static void put_memory(struct core *core, const struct quire_region *region)
{
	uint64_t end = region->start + dumped(core, region);

	for (uint64_t at = region->start; at < end; at += PAGE_SIZE) {
		bool touched = region->file || quire_mm_pagemap(core->process->mm, (quire_va)at);

		if (core->full)
			return;
		if (touched && proc_mem(core->process, core->page, PAGE_SIZE, at, false) == (long)PAGE_SIZE)
			put(core, core->page, PAGE_SIZE);
		else
			core->end += PAGE_SIZE;
		cond_resched();
	}
}

/* Calls `act` for each region but the kernel's own areas. The count. */
static unsigned each_region(struct core *core,
			    void (*act)(struct core *core, const struct quire_region *region))
{
	struct quire_region region;
	unsigned count = 0;

	for (quire_va at = 0; count < REGIONS_MOST; at = region.end, count++) {
		if (quire_mm_region_get(core->process->mm, at, &region) != QUIRE_OK)
			break;
		if (act)
			act(core, &region);
		quire_file_put(region.file);
	}
	return count;
}

static uint64_t data_at; /* where the next region's bytes are: dump_lock */
static struct mutex dump_lock = MUTEX_INIT(dump_lock);

static void put_header(struct core *core, const struct quire_region *region)
{
	struct elf_segment segment = {
	    .type = PT_LOAD,
	    .flags = (region->prot & QUIRE_PROT_READ ? PF_R : 0) |
		     (region->prot & QUIRE_PROT_WRITE ? PF_W : 0) |
		     (region->prot & QUIRE_PROT_EXEC ? PF_X : 0),
	    .offset = (abi_ulong)data_at,
	    .vaddr = (abi_ulong)region->start,
	    .filesz = (abi_ulong)dumped(core, region),
	    .memsz = (abi_ulong)(region->end - region->start),
	    .align = PAGE_SIZE,
	};

	data_at += segment.filesz;
	put(core, &segment, sizeof(segment));
}

/* --- notes ------------------------------------------------------------------------------------- */

static size_t add_note(uint8_t *notes, size_t at, unsigned type, const void *bytes, size_t n)
{
	const uint32_t head[3] = {5, (uint32_t)n, type};

	memcpy(notes + at, head, sizeof(head));
	memcpy(notes + at + sizeof(head), "CORE\0\0\0", NAME_BYTES);
	memcpy(notes + at + sizeof(head) + NAME_BYTES, bytes, n);
	return at + sizeof(head) + NAME_BYTES + ALIGN_UP(n, (size_t)4);
}

/* Of the arguments what fits, with spaces between them. */
static void copy_args(struct process *process, char *to, size_t size)
{
	size_t wanted = (size_t)MIN(process->arg_end - process->arg_start, (uint64_t)size - 1);
	long got = proc_mem(process, to, wanted, process->arg_start, false);

	for (long i = 0; i + 1 < got; i++)
		if (!to[i])
			to[i] = ' ';
}

static size_t make_notes(struct process *process, int signal, uint8_t *notes)
{
	struct core_status status = {
	    .signo = signal,
	    .cursig = (int16_t)signal,
	    .held = (abi_ulong)current->blocked,
	    .pid = current->tid,
	    .ppid = process->parent ? process->parent->pid : 0,
	    .pgrp = process->pgid,
	    .sid = process->sid,
	};
	struct core_process about = {
	    .letter = 'R',
	    .nice = current->nice,
	    .uid = (typeof(about.uid))process->cred.uid,
	    .gid = (typeof(about.gid))process->cred.gid,
	    .pid = process->pid,
	    .ppid = status.ppid,
	    .pgrp = process->pgid,
	    .sid = process->sid,
	};
	size_t n;

	arch_core_registers(current, status.reg);
	strlcpy(about.name, process->comm, sizeof(about.name));
	copy_args(process, about.args, sizeof(about.args));
	n = add_note(notes, 0, NT_PRSTATUS, &status, sizeof(status));
	n = add_note(notes, n, NT_PRPSINFO, &about, sizeof(about));
	return add_note(notes, n, NT_AUXV, process->auxv,
			MIN((size_t)process->auxv_bytes, sizeof(process->auxv)));
}

/* --- the file ---------------------------------------------------------------------------------- */

static void write_core(struct core *core, int signal, uint8_t *notes)
{
	unsigned regions = each_region(core, NULL);
	size_t bytes = make_notes(core->process, signal, notes);
	struct elf_header header = {
	    .ident = {0x7f, 'E', 'L', 'F', ELF_CLASS, 1, 1},
	    .type = ELF_CORE,
	    .machine = ABI_ELF_MACHINE,
	    .version = 1,
	    .phoff = sizeof(header),
	    .ehsize = sizeof(header),
	    .phentsize = sizeof(struct elf_segment),
	    .phnum = (uint16_t)(regions + 1),
	};
	struct elf_segment note = {.type = PT_NOTE, .filesz = (abi_ulong)bytes};

	note.offset = (abi_ulong)(sizeof(header) + (regions + 1) * sizeof(note));
	data_at = ALIGN_UP(note.offset + bytes, PAGE_SIZE);
	put(core, &header, sizeof(header));
	put(core, &note, sizeof(note));
	each_region(core, put_header);
	put(core, notes, bytes);
	core->end = ALIGN_UP(core->end, PAGE_SIZE);
	each_region(core, put_memory);
	if (!core->full && core->end <= core->limit)
		(void)inode_truncate(core->file->inode, core->end); /* a hole at the end counts */
}

static bool dump(int signal)
{
	struct process *process = current->process;
	struct core core = {.process = process, .limit = process->rlimit[RLIMIT_CORE].soft};
	uint8_t *notes = kzalloc(NOTES_ROOM);

	core.page = page_alloc();
	core.file = notes && core.page ? open_core(signal) : NULL;
	if (core.file) {
		mutex_lock(&dump_lock);
		write_core(&core, signal, notes);
		mutex_unlock(&dump_lock);
		file_put(core.file);
	}
	if (core.page)
		page_free(core.page);
	kfree(notes);
	return core.file != NULL;
}

/* False: the process ends already. */
static bool end_other_threads(int signal)
{
	struct process *process = current->process;
	bool first;

	spin_lock(&proc_lock);
	first = !process->group_exit;
	if (first) {
		process->group_exit = true;
		process->exit_status = signal;
		kill_other_threads_locked(process);
	}
	spin_unlock(&proc_lock);
	while (first && process->thread_count > 1)
		(void)wait_event_mode(&process->child_exit, process->thread_count == 1, WAIT_NO_SIGNAL,
				      time_monotonic() + 1000000);
	return first;
}

int core_dump(int signal)
{
	struct process *process = current->process;

	if (signal >= SIGRTMIN || !(CORE_SIGNALS & SIGNAL_BIT(signal)) || !process->dumpable ||
	    process->rlimit[RLIMIT_CORE].soft < PAGE_SIZE || !end_other_threads(signal))
		return signal;
	if (dump(signal))
		process->exit_status = signal | STATUS_CORE;
	return process->exit_status;
}
