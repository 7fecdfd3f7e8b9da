/* SPDX-License-Identifier: MIT */
/* Functions and source lines of a kernel image, by elfutils. */
#include "explain.h"

#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include <stdlib.h>
#include <string.h>

struct symbol {
	const char *name; /* of the module's string table */
	uint64_t address;
};

struct ex_symbols {
	Dwfl *dwfl;
	Dwfl_Module *module;
	GElf_Addr bias; /* where libdwfl puts an image that may lie anywhere, less where it was linked */
	struct symbol *by_name;
	size_t count;
};

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .section_address = dwfl_offline_section_address,
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct symbol *)a)->name, ((const struct symbol *)b)->name);
}

/* All functions, sorted by name: a log names the function, and its own addresses may be shifted (KASLR). */
static bool read_symbols(struct ex_symbols *symbols)
{
	int total = dwfl_module_getsymtab(symbols->module);

	if (total <= 0 || !dwfl_module_getelf(symbols->module, &symbols->bias))
		return false;
	symbols->by_name = calloc((size_t)total, sizeof(symbols->by_name[0]));
	if (!symbols->by_name)
		return false;
	for (int i = 0; i < total; i++) {
		GElf_Sym sym;
		GElf_Addr address;
		const char *name =
		    dwfl_module_getsym_info(symbols->module, i, &sym, &address, NULL, NULL, NULL);

		if (!name || !*name || GELF_ST_TYPE(sym.st_info) != STT_FUNC || sym.st_shndx == SHN_UNDEF)
			continue;
		symbols->by_name[symbols->count++] = (struct symbol){name, address};
	}
	qsort(symbols->by_name, symbols->count, sizeof(symbols->by_name[0]), compare_names);
	return symbols->count > 0;
}

struct ex_symbols *ex_symbols_open(const char *path)
{
	struct ex_symbols *symbols = calloc(1, sizeof(*symbols));

	if (!symbols) {
		fprintf(stderr, "quire explain: out of memory\n");
		return NULL;
	}
	symbols->dwfl = dwfl_begin(&callbacks);
	if (symbols->dwfl) {
		symbols->module = dwfl_report_offline(symbols->dwfl, "kernel", path, -1);
		dwfl_report_end(symbols->dwfl, NULL, NULL);
	}
	if (!symbols->module) {
		fprintf(stderr, "quire explain: %s: %s\n", path, dwfl_errmsg(-1));
	} else if (!read_symbols(symbols)) {
		fprintf(stderr, "quire explain: %s: no function symbols\n", path);
	} else {
		return symbols;
	}
	ex_symbols_close(symbols);
	return NULL;
}

void ex_symbols_close(struct ex_symbols *symbols)
{
	if (!symbols)
		return;
	free(symbols->by_name);
	if (symbols->dwfl)
		dwfl_end(symbols->dwfl);
	free(symbols);
}

/* "name+0x12/0x40" to the address in the image; constant suffixes such as ".isra.0" are part of the name. */
static bool find_place(const struct ex_symbols *symbols, const char *place, uint64_t *out_address)
{
	char name[sizeof(((struct ex_report *)NULL)->place)];
	const struct symbol *found;
	struct ex_cursor cursor;
	struct symbol key;
	const char *plus = strrchr(place, '+');
	uint64_t offset;

	if (!plus)
		return false;
	memcpy(name, place, (size_t)(plus - place));
	name[plus - place] = '\0';
	cursor = (struct ex_cursor){plus + 1, place + strlen(place)};
	if (!ex_hex(&cursor, &offset, NULL))
		return false;
	key = (struct symbol){name, 0};
	found = bsearch(&key, symbols->by_name, symbols->count, sizeof(key), compare_names);
	if (!found)
		return false;
	*out_address = found->address + offset;
	return true;
}

/* By the compilation unit's own ranges: clang writes no table of addresses (.debug_aranges), without
 * which dwfl_module_getsrc() finds nothing. */
static void search_units(Dwfl_Module *module, uint64_t address, struct ex_source *source)
{
	Dwarf_Die *unit = NULL;
	Dwarf_Addr bias;

	while ((unit = dwfl_module_nextcu(module, unit, &bias)) != NULL) {
		const char *file;
		Dwarf_Line *line;

		if (dwarf_haspc(unit, address - bias) <= 0)
			continue;
		line = dwarf_getsrc_die(unit, address - bias);
		file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;
		if (!file)
			continue;
		dwarf_lineno(line, &source->line);
		snprintf(source->file, sizeof(source->file), "%s", file);
		return;
	}
}

static void find_line(Dwfl_Module *module, uint64_t address, struct ex_source *source)
{
	Dwfl_Line *line = dwfl_module_getsrc(module, address);
	const char *file = line ? dwfl_lineinfo(line, NULL, &source->line, NULL, NULL, NULL) : NULL;

	if (file)
		snprintf(source->file, sizeof(source->file), "%s", file);
	else
		search_units(module, address, source);
}

void ex_symbolize(struct ex_symbols *symbols, struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;
	struct ex_source *source = &finding->source;
	const char *name;
	uint64_t address;
	GElf_Off offset;
	GElf_Sym sym;

	if (!report->place[0] || !find_place(symbols, report->place, &address)) {
		if (!report->has_pc || finding->fault.mode == QUIRE_MODE_USER)
			return;
		address = report->pc + symbols->bias;
	}
	name = dwfl_module_addrinfo(symbols->module, address, &offset, &sym, NULL, NULL, NULL);
	if (!name)
		return;
	source->found = true;
	source->offset = offset;
	snprintf(source->function, sizeof(source->function), "%s", name);
	find_line(symbols->module, address, source);
}
