/* SPDX-License-Identifier: MIT */
/* Functions of the guest's programs: their files are this machine's. What was found once is kept. */
#include "run.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../explain/explain.h"

enum {
	PLACES = 4096, /* a power of two; a place has one entry, the last one */
	FILES = 256
};

struct entry {
	const char *file; /* one of `files`; NULL: empty */
	uint64_t offset;
	struct run_symbol symbol;
};

struct trace_symbols {
	struct ex_symbols *open;
	struct {
		char *guest, *host; /* host: NULL when this machine has no such file */
	} file[FILES];
	size_t file_count;
	struct entry entry[PLACES];
};

/* Where the guest's file came from. */
static char *host_of(const struct run_options *options, const char *guest)
{
	char path[PATH_MAX];
	struct stat st;

	for (size_t i = 0; i < options->file_count; i++)
		if (options->files[i].guest && strcmp(options->files[i].guest, guest) == 0)
			return strdup(options->files[i].host);
	snprintf(path, sizeof(path), "%s%s", options->root ? options->root : "", guest);
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? strdup(path) : NULL;
}

/* The number of the file in the table; FILES: there is no room. */
static size_t file_of(struct trace_symbols *symbols, const struct run_options *options, const char *guest)
{
	size_t at = 0;

	while (at < symbols->file_count && strcmp(symbols->file[at].guest, guest) != 0)
		at++;
	if (at < symbols->file_count || at == FILES)
		return at;
	symbols->file[at].guest = strdup(guest);
	if (!symbols->file[at].guest)
		return FILES;
	symbols->file[at].host = host_of(options, guest);
	symbols->file_count++;
	return at;
}

static void look_up(struct trace_symbols *symbols, struct entry *entry)
{
	struct ex_source source;
	const char *slash;

	memset(&entry->symbol, 0, sizeof(entry->symbol));
	if (!ex_symbol_of(&symbols->open, entry->file, entry->offset, &source))
		return;
	snprintf(entry->symbol.name, sizeof(entry->symbol.name), "%s+0x%" PRIx64, source.function,
		 source.offset);
	slash = strrchr(source.file, '/');
	if (source.file[0])
		snprintf(entry->symbol.source, sizeof(entry->symbol.source), "%s:%d",
			 slash ? slash + 1 : source.file, source.line);
}

const struct run_symbol *symbol_of(struct trace_symbols **symbols, const struct run_options *options,
				   const char *guest, uint64_t offset)
{
	struct entry *entry;
	const char *host;
	size_t file;

	if (!*symbols)
		*symbols = calloc(1, sizeof(**symbols));
	if (!*symbols)
		return NULL;
	file = file_of(*symbols, options, guest);
	host = file < FILES ? (*symbols)->file[file].host : NULL;
	if (!host)
		return NULL;
	entry = &(*symbols)->entry[(offset ^ offset >> 12 ^ file * 977) % PLACES];
	if (entry->file != host || entry->offset != offset) {
		entry->file = host;
		entry->offset = offset;
		look_up(*symbols, entry);
	}
	return entry->symbol.name[0] ? &entry->symbol : NULL;
}

void symbols_free(struct trace_symbols *symbols)
{
	if (!symbols)
		return;
	ex_symbols_close(symbols->open);
	for (size_t i = 0; i < symbols->file_count; i++) {
		free(symbols->file[i].guest);
		free(symbols->file[i].host);
	}
	free(symbols);
}
