/* SPDX-License-Identifier: MIT */
/* Faults and signals of files: of memory (/t, /r, and /., the root) and of a disk (/e). */
#include "facts.h"

#define FILE_PAGES 32

#define MAPFILE(pages, prot, flags)                              \
	{                                                        \
		FACTS_DO_MAPFILE, 0, pages, 0, prot, flags, NULL \
	}
#define READ(page, fact)                              \
	{                                             \
		FACTS_DO_READ, 0, page, 1, 0, 0, fact \
	}
#define READ_MANY(page, pages, fact)                      \
	{                                                 \
		FACTS_DO_READ, 0, page, pages, 0, 0, fact \
	}
#define WRITE(page, fact)                              \
	{                                              \
		FACTS_DO_WRITE, 0, page, 1, 0, 0, fact \
	}
#define PROTECT(prot)                                             \
	{                                                         \
		FACTS_DO_PROTECT, 0, 0, FILE_PAGES, prot, 0, NULL \
	}
#define RW      FACTS_RW
#define PRIVATE FACTS_PRIVATE
#define SHARED  FACTS_SHARED

static const struct facts_step kinds[] = {
    MAPFILE(32, RW, PRIVATE),
    READ(0, "priv read cached"),
    WRITE(0, "priv write after read"),
    MAPFILE(32, RW, PRIVATE),
    WRITE(1, "priv write first"),
    READ(1, "priv read after write"),
    MAPFILE(32, RW, SHARED),
    READ(0, "shared read"),
    WRITE(0, "shared write after read"),
    WRITE(0, "shared write again"),
    MAPFILE(32, RW, SHARED),
    WRITE(16, "shared write first"),
    READ(16, "shared read after write"),
    MAPFILE(32, FACTS_R, PRIVATE),
    READ_MANY(0, 16, "read 16 pages first pass"),
    READ_MANY(0, 16, "read 16 pages second pass"),
    READ_MANY(16, 16, "read pages 16..31"),
    MAPFILE(32, RW, SHARED),
    {FACTS_DO_WRITE, 0, 0, 16, 0, 0, "shared write 16 pages mapped already elsewhere"},
    MAPFILE(32, RW, PRIVATE),
    READ(5, "priv rw read page5 fresh map"),
};

static const struct facts_step histories[] = {
    MAPFILE(32, RW, PRIVATE),
    READ(7, "priv read page 7 (fresh)"),
    READ(0, "priv then read page 0"),
    WRITE(8, "priv write page 8 after around"),
    WRITE(15, "priv write page 15"),
    READ(16, "priv read page 16"),
    MAPFILE(32, RW, SHARED),
    READ(3, "shared read page 3 b"),
    PROTECT(FACTS_R),
    PROTECT(RW),
    WRITE(3, "shared write after mprotect r,rw (clean)"),
    PROTECT(FACTS_R),
    PROTECT(RW),
    WRITE(3, "shared write after mprotect r,rw (dirty)"),
    {FACTS_DO_SYNC, 0, 0, 32, 0, 4, NULL},
    WRITE(3, "shared write after msync SYNC"),
    MAPFILE(32, FACTS_R, SHARED),
    READ(20, "shared ro read"),
    PROTECT(RW),
    WRITE(20, "shared ro read, mprotect rw, write"),
    MAPFILE(32, RW, SHARED | FACTS_POPULATE),
    READ(21, "shared POPULATE read"),
    WRITE(21, "shared POPULATE write"),
};

#define CHILD(verb, page, fact)              \
	{                                    \
		verb, 1, page, 1, 0, 0, fact \
	}
#define FORK                                       \
	{                                          \
		FACTS_DO_FORK, 0, 1, 0, 0, 0, NULL \
	}

static const struct facts_step fork_clean[] = {
    MAPFILE(32, RW, PRIVATE),
    READ_MANY(0, 16, NULL),
    FORK,
    CHILD(FACTS_DO_READ, 0, "fork: child reads priv file page mapped by parent (no anon)"),
    CHILD(FACTS_DO_READ, 1, "fork: child reads next page"),
    CHILD(FACTS_DO_WRITE, 0, "fork: child writes priv"),
};

static const struct facts_step fork_written[] = {
    MAPFILE(32, RW, PRIVATE),
    READ_MANY(0, 16, NULL),
    WRITE(2, NULL),
    FORK,
    CHILD(FACTS_DO_READ, 0, "fork: priv with anon page: child reads clean page"),
    CHILD(FACTS_DO_READ, 1, NULL),
    CHILD(FACTS_DO_READ, 2, "fork: priv with anon page: child reads anon page"),
};

static const struct facts_step fork_shared[] = {
    MAPFILE(32, RW, SHARED),
    READ_MANY(0, 16, NULL),
    FORK,
    CHILD(FACTS_DO_READ, 0, "fork: child reads shared file page mapped by parent"),
    CHILD(FACTS_DO_READ, 1, NULL),
    CHILD(FACTS_DO_READ, 2, NULL),
    CHILD(FACTS_DO_WRITE, 0, "fork: child writes shared"),
};

static const struct facts_step uncached[] = {
    MAPFILE(32, RW, PRIVATE),
    READ(4, "uncached file: read page 4"),
    READ(5, "uncached file: read page 5"),
    READ(20, "uncached file: read page 20"),
    WRITE(21, "uncached file: priv write page 21"),
};

struct folder {
	const char *name;
	enum facts_fs fs;
	unsigned around;
	char count[32], signal[32];
};

/* A fresh process with a fresh file. */
static void begin(struct facts *f, const struct folder *folder, bool cached)
{
	int file = f->machine->file(f->machine->context, folder->fs, FILE_PAGES, cached);

	facts_begin(f);
	f->file = file;
	f->file_at = FACTS_HOLE + folder->around * FACTS_PAGE;
}

static void steps(struct facts *f, const struct folder *folder, const struct facts_step *step, unsigned count)
{
	begin(f, folder, true);
	facts_steps(f, folder->count, step, count);
	facts_end(f);
}
#define STEPS(f, folder, table) steps(f, folder, table, sizeof(table) / sizeof((table)[0]))

/* A read fault in the middle, then every page in order: which were mapped already. */
static void around(struct facts *f, const struct folder *folder, unsigned offset)
{
	struct facts_access first;
	uint64_t at = FACTS_HOLE + offset * FACTS_PAGE;
	uint32_t free_pages = 0;

	begin(f, folder, true);
	(void)facts_map(f, at, FILE_PAGES * FACTS_PAGE, FACTS_R, FACTS_PRIVATE | FACTS_FIXED, f->file);
	first = facts_access(f, FACTS_READ, at + 4 * FACTS_PAGE, 0);
	for (unsigned i = 0; i < FILE_PAGES; i++) {
		struct facts_access next = facts_access(f, FACTS_READ, at + i * FACTS_PAGE, 0);

		if (!next.counts.minor && !next.counts.major)
			free_pages |= 1u << i;
	}
	facts_name(f, "%svma at 64K+%up: read page 4 then pages 0..31 in order: first fault, free pages",
		   folder->count, offset);
	facts_value(f, "m%uM%u 0x%x", first.counts.minor, first.counts.major, free_pages);
	facts_end(f);
}

/* How an access to a file's page ends: the mapping, the page, and what was done to it before. */
struct probe {
	const char *fact;
	uint8_t shared, prot, kind, touched;
	uint16_t page, byte;
	uint32_t truncate; /* bytes; 0: not */
};

static const struct probe probes[] = {
    {"shared read beyond EOF", 1, RW, FACTS_READ, 0, 32, 5, 0},
    {"shared write beyond EOF", 1, RW, FACTS_WRITE, 0, 32, 5, 0},
    {"exec of absent r-- page with ret", 0, FACTS_R, FACTS_EXEC, 0, 0, 0, 0},
    {"exec of present r-- page with ret", 0, FACTS_R, FACTS_EXEC, 1, 1, 0, 0},
    {"write of r-- private file page", 0, FACTS_R, FACTS_WRITE, 0, 2, 1, 0},
    {"exec of r-x page", 0, FACTS_R | FACTS_X, FACTS_EXEC, 0, 0, 0, 0},
    {"read of --x absent page", 0, FACTS_X, FACTS_READ, 0, 0, 0, 0},
    {"exec of --x absent page", 0, FACTS_X, FACTS_EXEC, 0, 2, 0, 0},
    {"read of -w- absent page", 1, FACTS_W, FACTS_READ, 0, 0, 0, 0},
    {"exec of -w- absent page", 1, FACTS_W, FACTS_EXEC, 0, 1, 0, 0},
    {"read truncated page", 1, RW, FACTS_READ, 0, 17, 0, 16 * 4096 + 100},
    {"read tail of last page", 1, RW, FACTS_READ, 0, 16, 200, 16 * 4096 + 100},
    {"read after truncate below", 1, RW, FACTS_READ, 0, 15, 0, 16 * 4096 + 100},
};

static void signals(struct facts *f, const struct folder *folder)
{
	for (unsigned i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		const struct probe *p = &probes[i];
		uint64_t at = FACTS_HOLE, addr = at + p->page * FACTS_PAGE + p->byte;

		begin(f, folder, true);
		(void)facts_map(f, at, 40 * FACTS_PAGE, p->prot, FACTS_FIXED | (p->shared ? SHARED : PRIVATE),
				f->file);
		if (p->touched)
			(void)facts_access(f, FACTS_READ, addr, 0);
		if (p->truncate)
			(void)facts_call(f, FACTS_FTRUNCATE, (uint64_t)f->file, p->truncate, 0);
		facts_probe(f, folder->signal, p->fact, (enum facts_kind)p->kind, addr);
		facts_end(f);
	}
}

static void folder_facts(struct facts *f, struct folder *folder)
{
	static const unsigned offset[] = {0, 1, 3, 8, 12};

	snprintf(folder->count, sizeof(folder->count), "count.file:%s ", folder->name);
	snprintf(folder->signal, sizeof(folder->signal), "sig.file:%s ", folder->name);
	STEPS(f, folder, kinds);
	STEPS(f, folder, histories);
	for (unsigned i = 0; i < sizeof(offset) / sizeof(offset[0]); i++)
		around(f, folder, offset[i]);
	STEPS(f, folder, fork_clean);
	STEPS(f, folder, fork_written);
	STEPS(f, folder, fork_shared);
	signals(f, folder);
}

/* Whether the machine has such files. */
static bool has(struct facts *f, enum facts_fs fs)
{
	bool made = f->machine->file(f->machine->context, fs, 1, true) >= 0;

	f->machine->end(f->machine->context);
	return made;
}

void facts_of_files(struct facts *f)
{
	unsigned odd = (f->column->around + 8) % 16;
	struct folder folders[] = {
	    {"/t", FACTS_MEMORY, f->column->around, "", ""},
	    {"/r", f->column->ramfs, odd, "", ""},
	    {"/.", FACTS_MEMORY, f->column->around, "", ""},
	    {"/e", FACTS_DISK, odd, "", ""},
	};
	struct folder disk = {"", FACTS_DISK, f->column->around, "", ""};

	if (has(f, FACTS_DISK)) {
		begin(f, &disk, false);
		FACTS_STEPS(f, "count.", uncached);
		facts_end(f);
	}
	for (unsigned i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (has(f, folders[i].fs))
			folder_facts(f, &folders[i]);
}
