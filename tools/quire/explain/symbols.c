/* SPDX-License-Identifier: MIT */
/* Functions and source lines: of a kernel image or module, by elfutils, and of System.map or kallsyms. */
#include "explain.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct symbol {
	const char *name; /* of the module's string table, or of the text */
	uint64_t address;
};

/* One file. An image has a module, a map its text. */
struct source_file {
	struct source_file *next;
	const char *path; /* borrowed */
	Dwfl *dwfl;
	Dwfl_Module *module;
	GElf_Addr bias; /* where libdwfl puts an image that may lie anywhere, less where it was linked */
	/* 1 on ARM, where this bit of a function's symbol says that its code is Thumb; all code is at even addresses (ELF for
	 * the Arm Architecture, 5.5.3). 0 elsewhere. */
	uint64_t thumb;
	char *text;
	struct symbol *by_name, *by_address;
	size_t count;
};

struct ex_symbols {
	struct source_file *files;
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

static int compare_addresses(const void *a, const void *b)
{
	uint64_t left = ((const struct symbol *)a)->address, right = ((const struct symbol *)b)->address;

	return left < right ? -1 : left > right;
}

/* --- reading ------------------------------------------------------------------------------------------------ */

/* All functions, sorted by name: a log names the function, and its own addresses may be shifted (KASLR). */
static bool read_image(struct source_file *file)
{
	int total = dwfl_module_getsymtab(file->module);
	Elf *elf = dwfl_module_getelf(file->module, &file->bias);
	GElf_Ehdr header;

	if (total <= 0 || !elf || !gelf_getehdr(elf, &header))
		return false;
	file->thumb = header.e_machine == EM_ARM;
	file->by_name = calloc((size_t)total, sizeof(file->by_name[0]));
	if (!file->by_name)
		return false;
	for (int i = 0; i < total; i++) {
		GElf_Sym sym;
		GElf_Addr address;
		const char *name = dwfl_module_getsym_info(file->module, i, &sym, &address, NULL, NULL, NULL);

		if (!name || !*name || GELF_ST_TYPE(sym.st_info) != STT_FUNC || sym.st_shndx == SHN_UNDEF)
			continue;
		file->by_name[file->count++] = (struct symbol){name, address & ~file->thumb};
	}
	qsort(file->by_name, file->count, sizeof(file->by_name[0]), compare_names);
	return file->count > 0;
}

static bool load_image(struct source_file *file, const char *path)
{
	file->dwfl = dwfl_begin(&callbacks);
	if (file->dwfl) {
		file->module = dwfl_report_offline(file->dwfl, "kernel", path, -1);
		dwfl_report_end(file->dwfl, NULL, NULL);
	}
	return file->module != NULL;
}

static bool open_image(struct source_file *file, const char *path)
{
	if (!load_image(file, path))
		fprintf(stderr, "quire explain: %s: %s\n", path, dwfl_errmsg(-1));
	else if (!read_image(file))
		fprintf(stderr, "quire explain: %s: no function symbols\n", path);
	else
		return true;
	return false;
}

/* "ffffffff81000000 T name", of text alone: what is no function does not fault. */
static bool map_line(char *line, struct symbol *out_symbol)
{
	char *end, *name;

	out_symbol->address = strtoull(line, &end, 16);
	if (end == line || end[0] != ' ' || !end[1] || !strchr("tTwW", end[1]) || end[2] != ' ')
		return false;
	name = end + 3;
	name[strcspn(name, " \t\r")] = '\0';
	out_symbol->name = name;
	return *name && out_symbol->address;
}

static bool read_map(struct source_file *file, size_t lines)
{
	file->by_name = calloc(lines, sizeof(file->by_name[0]));
	file->by_address = calloc(lines, sizeof(file->by_address[0]));
	if (!file->by_name || !file->by_address)
		return false;
	for (char *line = strtok(file->text, "\n"); line; line = strtok(NULL, "\n"))
		file->count += map_line(line, &file->by_name[file->count]);
	memcpy(file->by_address, file->by_name, file->count * sizeof(file->by_name[0]));
	qsort(file->by_name, file->count, sizeof(file->by_name[0]), compare_names);
	qsort(file->by_address, file->count, sizeof(file->by_address[0]), compare_addresses);
	return file->count > 0;
}

static bool open_map(struct source_file *file, FILE *in, const char *path)
{
	size_t lines = 1;
	ssize_t size;
	size_t room = 0;

	/* No byte is 0 in a map: all of it is one "line". */
	size = getdelim(&file->text, &room, '\0', in);
	for (ssize_t i = 0; i < size; i++)
		lines += file->text[i] == '\n';
	if (size > 0 && read_map(file, lines))
		return true;
	fprintf(stderr, "quire explain: %s: no function symbols\n", path);
	return false;
}

static void close_file(struct source_file *file)
{
	free(file->by_name);
	free(file->by_address);
	free(file->text);
	if (file->dwfl)
		dwfl_end(file->dwfl);
	free(file);
}

static struct source_file *open_file(const char *path)
{
	struct source_file *file = calloc(1, sizeof(*file));
	FILE *in = fopen(path, "rb");
	char magic[4] = "";
	bool good = false;

	if (file)
		file->path = path;
	if (!in || !file) {
		fprintf(stderr, "quire explain: %s: %s\n", path, strerror(errno));
	} else {
		bool image = fread(magic, 1, 4, in) == 4 && memcmp(magic, "\177ELF", 4) == 0;

		rewind(in);
		good = image ? open_image(file, path) : open_map(file, in, path);
	}
	if (in)
		fclose(in);
	if (good)
		return file;
	if (file)
		close_file(file);
	return NULL;
}

struct ex_symbols *ex_symbols_open(struct ex_symbols *symbols, const char *path)
{
	struct source_file *file = open_file(path);

	if (!symbols && file)
		symbols = calloc(1, sizeof(*symbols));
	if (!symbols || !file) {
		if (file)
			close_file(file);
		ex_symbols_close(symbols);
		return NULL;
	}
	file->next = symbols->files;
	symbols->files = file;
	return symbols;
}

void ex_symbols_close(struct ex_symbols *symbols)
{
	if (!symbols)
		return;
	while (symbols->files) {
		struct source_file *file = symbols->files;

		symbols->files = file->next;
		close_file(file);
	}
	free(symbols);
}

/* --- looking up --------------------------------------------------------------------------------------------- */

/* "name+0x12/0x40" to the address in the image; constant suffixes such as ".isra.0" are part of the name. */
static bool find_place(const struct source_file *file, const char *place, uint64_t *out_address)
{
	char name[sizeof(((struct ex_report *)NULL)->place)];
	const char *plus = strrchr(place, '+'), *slash = strchr(place, '/');
	const struct symbol *found;
	struct ex_cursor cursor;
	struct symbol key;
	uint64_t offset;

	if (!plus)
		return false;
	memcpy(name, place, (size_t)(plus - place));
	name[plus - place] = '\0';
	cursor = (struct ex_cursor){plus + 1, slash && slash > plus ? slash : place + strlen(place)};
	if (!ex_hex(&cursor, &offset, NULL))
		return false;
	key = (struct symbol){name, 0};
	found = bsearch(&key, file->by_name, file->count, sizeof(key), compare_names);
	if (!found)
		return false;
	*out_address = found->address + offset;
	return true;
}

/* The last function that begins at or below the address. */
static const struct symbol *find_address(const struct source_file *file, uint64_t address)
{
	size_t low = 0, high = file->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (file->by_address[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || low == file->count) /* beyond the last, nothing says where that ends */
		return NULL;
	return &file->by_address[low - 1];
}

/* The compilation unit, by its own ranges: clang writes no table of addresses (.debug_aranges), without which
 * dwfl_module_getsrc() finds nothing. */
static Dwarf_Die *find_unit(Dwfl_Module *module, uint64_t address, Dwarf_Addr *out_bias)
{
	Dwarf_Die *unit = NULL;

	while ((unit = dwfl_module_nextcu(module, unit, out_bias)) != NULL) {
		if (dwarf_haspc(unit, address - *out_bias) > 0)
			return unit;
	}
	return NULL;
}

static void find_inlined(Dwarf_Die *unit, uint64_t address, struct ex_source *source)
{
	Dwarf_Die *scopes = NULL;
	int count = dwarf_getscopes(unit, address, &scopes);

	for (int i = 0; i < count; i++) {
		size_t length = strlen(source->inlined);
		const char *name = dwarf_diename(&scopes[i]);

		if (dwarf_tag(&scopes[i]) == DW_TAG_inlined_subroutine && name)
			snprintf(source->inlined + length, sizeof(source->inlined) - length, "%s%s",
				 length ? " < " : "", name);
	}
	free(scopes);
}

/* The line itself, where the source file lies where it was compiled. */
static void read_source(struct ex_source *source)
{
	FILE *in = source->file[0] == '/' ? fopen(source->file, "r") : NULL;
	char line[512];

	for (int number = 1; in && fgets(line, sizeof(line), in); number++) {
		const char *text = line + strspn(line, " \t");

		if (number != source->line)
			continue;
		snprintf(source->text, sizeof(source->text), "%.*s", (int)strcspn(text, "\r\n"), text);
		break;
	}
	if (in)
		fclose(in);
}

static void find_line(Dwfl_Module *module, uint64_t address, struct ex_source *source)
{
	Dwarf_Addr bias;
	Dwarf_Die *unit = find_unit(module, address, &bias);
	Dwarf_Line *line = unit ? dwarf_getsrc_die(unit, address - bias) : NULL;
	const char *file = line ? dwarf_linesrc(line, NULL, NULL) : NULL;

	if (!file)
		return;
	dwarf_lineno(line, &source->line);
	snprintf(source->file, sizeof(source->file), "%s", file);
	find_inlined(unit, address - bias, source);
	read_source(source);
}

static bool symbolize_image(struct source_file *file, uint64_t address, struct ex_source *source)
{
	GElf_Off offset;
	GElf_Sym sym;
	/* A symbol with the bit lies behind the first instruction of its function. */
	const char *name =
	    dwfl_module_addrinfo(file->module, address | file->thumb, &offset, &sym, NULL, NULL, NULL);

	if (!name)
		return false;
	source->found = true;
	source->offset = offset & ~file->thumb;
	snprintf(source->function, sizeof(source->function), "%s", name);
	find_line(file->module, address, source);
	return true;
}

static bool symbolize_map(const struct source_file *file, uint64_t address, struct ex_source *source)
{
	const struct symbol *symbol = find_address(file, address);

	if (!symbol)
		return false;
	source->found = true;
	source->offset = address - symbol->address;
	snprintf(source->function, sizeof(source->function), "%s", symbol->name);
	return true;
}

/* --- programs and their libraries --------------------------------------------------------------------------- */

/* Whether the file is the one that the log names: by its last component, ".debug" behind it or not. */
static bool is_named(const struct source_file *file, const char *object)
{
	const char *slash = strrchr(file->path, '/'), *name = slash ? slash + 1 : file->path;
	size_t length = strlen(object);

	return strncmp(name, object, length) == 0 && (!name[length] || strcmp(name + length, ".debug") == 0);
}

/* Whether a mapping of `report->object_size` bytes is this segment's, with pages of `page` bytes. */
static bool is_mapping_of(const GElf_Phdr *segment, const struct ex_report *report, uint64_t page)
{
	uint64_t start = segment->p_offset & ~(page - 1);
	uint64_t end = (segment->p_offset + segment->p_filesz + page - 1) & ~(page - 1);

	return end - start == report->object_size && report->object_base % page == 0;
}

/* The instruction's address as the file was linked. The log tells its place in the mapping, and since 6.8 in the file:
 * the mapping is that of a segment with code, by its length. */
static bool find_linked(const struct source_file *file, const struct ex_report *report, uint64_t *out_address)
{
	static const uint64_t pages[] = {4096, 16384, 65536};
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(file->module, &bias);
	GElf_Phdr segment;
	size_t count = 0;

	if (!elf || elf_getphdrnum(elf, &count) != 0)
		return false;
	for (size_t i = 0; i < count * 3; i++) {
		uint64_t page = pages[i / count], offset = report->object_offset;

		if (!gelf_getphdr(elf, (int)(i % count), &segment) || segment.p_type != PT_LOAD ||
		    !(segment.p_flags & PF_X) || !is_mapping_of(&segment, report, page))
			continue;
		if (!report->has_object_offset)
			offset = report->pc - report->object_base + (segment.p_offset & ~(page - 1));
		if (offset < segment.p_offset || offset - segment.p_offset >= segment.p_filesz)
			continue;
		*out_address = offset - segment.p_offset + segment.p_vaddr;
		return true;
	}
	return false;
}

/* The same for an offset in the file. */
static bool find_offset(const struct source_file *file, uint64_t offset, uint64_t *out_address)
{
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(file->module, &bias);
	GElf_Phdr segment;
	size_t count = 0;

	if (!elf || elf_getphdrnum(elf, &count) != 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!gelf_getphdr(elf, (int)i, &segment) || segment.p_type != PT_LOAD ||
		    offset - segment.p_offset >= segment.p_filesz)
			continue;
		*out_address = offset - segment.p_offset + segment.p_vaddr;
		return true;
	}
	return false;
}

bool ex_symbol_of(struct ex_symbols **symbols, const char *path, uint64_t offset,
		  struct ex_source *out_source)
{
	struct source_file *file = *symbols ? (*symbols)->files : NULL;
	uint64_t address;

	while (file && strcmp(file->path, path) != 0)
		file = file->next;
	if (!file) {
		struct ex_symbols *list = *symbols ? *symbols : calloc(1, sizeof(*list));

		*symbols = list;
		file = list ? calloc(1, sizeof(*file)) : NULL;
		if (!file)
			return false;
		/* One that cannot be read stays in the list, so that it is tried once. */
		file->path = path;
		if (load_image(file, path))
			read_image(file);
		file->next = list->files;
		list->files = file;
	}
	memset(out_source, 0, sizeof(*out_source));
	return file->module && find_offset(file, offset, &address) &&
	       symbolize_image(file, address + file->bias, out_source);
}

/* A function of the program or library that the log names, or a note why there is none. */
static void symbolize_program(struct ex_symbols *symbols, struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;
	const char *why = "no file of --symbols has that name", *path = NULL;
	bool built = false;
	uint64_t address;

	if (!report->object[0]) {
		ex_say(finding, EX_PART_NOTE, EX_READ, NULL,
		       "no function is named: the log does not say which file the instruction is in");
		return;
	}
	for (struct source_file *file = symbols->files; file; file = file->next) {
		if (!file->module || !is_named(file, report->object))
			continue;
		path = file->path;
		built = report->object_size
			    ? find_linked(file, report, &address)
			    : report->has_object_offset && find_offset(file, report->object_offset, &address);
		if (built && symbolize_image(file, address + file->bias, &finding->source))
			return;
	}
	if (path)
		why = built ? "it has no function there"
			    : "it has no code of the length that was mapped, so it is another build";
	ex_say(finding, EX_PART_NOTE, EX_DEDUCED, path ? path : "the names of the files",
	       "no function is named: the instruction is in %s, and %s", report->object, why);
}

void ex_symbolize(struct ex_symbols *symbols, struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;
	bool by_pc = report->has_pc && finding->fault.mode != QUIRE_MODE_USER;

	if (report->has_pc && !by_pc && !report->place[0]) {
		symbolize_program(symbols, finding);
		return;
	}
	for (struct source_file *file = symbols->files; file; file = file->next) {
		uint64_t address;

		if (!report->place[0] || !find_place(file, report->place, &address)) {
			if (!by_pc || report->place[0])
				continue;
			address = report->pc - (report->has_slide ? report->slide : 0) + file->bias;
		}
		if (file->module ? symbolize_image(file, address, &finding->source)
				 : symbolize_map(file, address, &finding->source))
			return;
	}
}
