/* SPDX-License-Identifier: MIT */
/* What a program needs to start: its interpreter, and the libraries that the interpreter will look for.
 *
 * The program is not run: the dynamic section is read, and every name is looked for where the dynamic
 * loader of its C library looks (ld.so(8)): DT_RPATH when there is no DT_RUNPATH, LD_LIBRARY_PATH,
 * DT_RUNPATH, the cache /etc/ld.so.cache, the default directories. musl's loader has a path file
 * (/etc/ld-musl-ARCH.path) and is itself the C library. */
#include "run.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	MAX_OBJECTS = 512
};

struct object {
	char *path;  /* in the guest */
	char *rpath; /* "" when none; of DT_RUNPATH too when `runpath` */
	bool runpath;
	size_t parent; /* who asked for it; its own number for the program */
};

struct loader {
	struct archive *archive;
	const char *base;
	bool musl;
	unsigned char class; /* ELFCLASS* and e_machine that every library must have */
	GElf_Half machine;
	struct object object[MAX_OBJECTS];
	size_t count;
	const char *cache; /* /etc/ld.so.cache, mapped; NULL: none */
	size_t cache_length;
};

static const struct {
	GElf_Half machine;
	const char *name;
	uint32_t cache_flags; /* of an entry in /etc/ld.so.cache */
	const char *triplet;
} machines[] = {
    {EM_X86_64, "x86_64", 0x0303, "x86_64-linux-gnu"},  {EM_386, "i386", 0x0003, "i386-linux-gnu"},
    {EM_AARCH64, "arm64", 0x0a03, "aarch64-linux-gnu"}, {EM_ARM, "arm", 0x0903, "arm-linux-gnueabihf"},
    {EM_RISCV, "riscv64", 0x1003, "riscv64-linux-gnu"},
};

static int machine_index(GElf_Half machine)
{
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		if (machines[i].machine == machine)
			return (int)i;
	return -1;
}

static Elf *elf_open(const char *path, int *out_fd, GElf_Ehdr *head)
{
	Elf *elf;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, head)) {
		elf_end(elf);
		close(fd);
		return NULL;
	}
	*out_fd = fd;
	return elf;
}

const char *elf_machine(const char *path)
{
	GElf_Ehdr head;
	int fd, at;
	Elf *elf = elf_open(path, &fd, &head);

	if (!elf)
		return NULL;
	at = machine_index(head.e_machine);
	elf_end(elf);
	close(fd);
	return at < 0 ? NULL : machines[at].name;
}

/* The first of `path` that is an ELF file of the same kind, added with the links on its way. */
static bool fits(const struct loader *loader, const char *path)
{
	char host[PATH_MAX * 2];
	GElf_Ehdr head;
	bool ok;
	Elf *elf;
	int fd;

	snprintf(host, sizeof(host), "%s%s", loader->base, path);
	elf = elf_open(host, &fd, &head);
	if (!elf)
		return false;
	ok = head.e_ident[EI_CLASS] == loader->class && head.e_machine == loader->machine &&
	     head.e_type == ET_DYN;
	elf_end(elf);
	close(fd);
	return ok;
}

/* One directory of a search path, with $ORIGIN and $LIB resolved, and the name behind it. */
static bool join(const struct object *origin, const char *directory, size_t length, const char *name,
		 char out[PATH_MAX])
{
	const char *slash = strrchr(origin->path, '/');
	size_t fill = 0;

	for (size_t i = 0; i < length;) {
		size_t skip = !strncmp(directory + i, "${ORIGIN}", 9) ? 9
			      : !strncmp(directory + i, "$ORIGIN", 7) ? 7
								      : 0;

		if (skip && i + skip <= length) {
			size_t dir = (size_t)(slash - origin->path);

			if (fill + dir >= PATH_MAX)
				return false;
			memcpy(out + fill, origin->path, dir);
			fill += dir;
			i += skip;
			continue;
		}
		if (fill + 1 >= PATH_MAX)
			return false;
		out[fill++] = directory[i++];
	}
	if (!fill || out[0] != '/' || fill + strlen(name) + 2 > PATH_MAX)
		return false;
	sprintf(out + fill, "/%s", name);
	return true;
}

static bool search(const struct loader *loader, const struct object *origin, const char *path,
		   const char *name, char out[PATH_MAX])
{
	while (path && *path) {
		size_t length = strcspn(path, ":;\n");

		if (length && join(origin, path, length, name, out) && fits(loader, out))
			return true;
		path += length + (path[length] != 0);
	}
	return false;
}

/* glibc's cache, format 1.1 (perhaps behind one of the old format): 48 bytes of header - 20 of magic and
 * version, the number of entries, the length of the strings - then entries of 24 bytes: flags, offset of
 * the name, offset of the path, OS version, hardware capabilities. */
static bool search_cache(const struct loader *loader, const char *name, char out[PATH_MAX])
{
	static const char magic[] = "glibc-ld.so.cache1.1";
	int at = machine_index(loader->machine);
	const char *start, *end = loader->cache + loader->cache_length;
	uint32_t count;

	if (!loader->cache || at < 0)
		return false;
	start = memmem(loader->cache, loader->cache_length, magic, sizeof(magic) - 1);
	if (!start || end - start < 48)
		return false;
	memcpy(&count, start + 20, 4);
	if (count > (size_t)(end - start - 48) / 24)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		const char *entry = start + 48 + (size_t)i * 24;
		uint32_t word[3]; /* flags, key, value */
		size_t room = (size_t)(end - start);

		memcpy(word, entry, sizeof(word));
		if (word[0] != machines[at].cache_flags || word[1] >= room || word[2] >= room ||
		    !memchr(start + word[1], 0, room - word[1]) ||
		    !memchr(start + word[2], 0, room - word[2]))
			continue;
		if (strcmp(start + word[1], name) || strlen(start + word[2]) >= PATH_MAX)
			continue;
		strcpy(out, start + word[2]);
		if (fits(loader, out))
			return true;
	}
	return false;
}

static bool search_defaults(const struct loader *loader, const struct object *origin, const char *name,
			    char out[PATH_MAX])
{
	static const char *const glibc = "/lib:/usr/lib:/lib64:/usr/lib64";
	int at = machine_index(loader->machine);
	char first[256];

	if (loader->musl)
		return search(loader, origin, "/lib:/usr/local/lib:/usr/lib", name, out);
	snprintf(first, sizeof(first), "/lib/%s:/usr/lib/%s", machines[at].triplet, machines[at].triplet);
	return search(loader, origin, first, name, out) || search(loader, origin, glibc, name, out);
}

static bool search_musl_paths(const struct loader *loader, const struct object *origin, const char *name,
			      char out[PATH_MAX])
{
	char file[PATH_MAX * 2], text[4096];
	size_t length = 0;
	FILE *in;

	snprintf(file, sizeof(file), "%s/etc/ld-musl-%s.path", loader->base,
		 loader->machine == EM_AARCH64 ? "aarch64" : machines[machine_index(loader->machine)].name);
	in = fopen(file, "re");
	if (in) {
		length = fread(text, 1, sizeof(text) - 1, in);
		fclose(in);
	}
	text[length] = 0;
	return search(loader, origin, text, name, out);
}

static bool find_library(const struct loader *loader, size_t number, const char *name, char out[PATH_MAX])
{
	const struct object *origin = &loader->object[number];

	if (strchr(name, '/')) {
		if (name[0] != '/' || strlen(name) >= PATH_MAX)
			return false;
		strcpy(out, name);
		return fits(loader, out);
	}
	/* DT_RPATH counts for what the object's libraries need as well; DT_RUNPATH for its own only. */
	if (!origin->runpath)
		for (size_t i = number;; i = loader->object[i].parent) {
			const struct object *from = &loader->object[i];

			if (!from->runpath && search(loader, from, from->rpath, name, out))
				return true;
			if (from->parent == i)
				break;
		}
	if (search(loader, origin, getenv("LD_LIBRARY_PATH"), name, out))
		return true;
	if (origin->runpath && search(loader, origin, origin->rpath, name, out))
		return true;
	if (loader->musl && search_musl_paths(loader, origin, name, out))
		return true;
	return search_cache(loader, name, out) || search_defaults(loader, origin, name, out);
}

static int add_object(struct loader *loader, const char *path, size_t parent)
{
	struct object *object = &loader->object[loader->count];

	for (size_t i = 0; i < loader->count; i++)
		if (!strcmp(loader->object[i].path, path))
			return 0;
	if (loader->count == MAX_OBJECTS) {
		run_error("%s: more than %d libraries", loader->object[0].path, MAX_OBJECTS);
		return -1;
	}
	object->path = strdup(path);
	object->rpath = NULL;
	object->runpath = false;
	object->parent = parent;
	if (!object->path) {
		run_error("out of memory");
		return -1;
	}
	loader->count++;
	return parent == loader->count - 1 ? 0 : archive_add_path(loader->archive, loader->base, path, NULL);
}

static int read_needed(struct loader *loader, size_t number, Elf *elf, Elf_Scn *section,
		       const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);
	struct object *object = &loader->object[number];
	size_t entries = data && header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
	const char *rpath = NULL, *runpath = NULL;
	GElf_Dyn dyn;

	for (size_t i = 0; i < entries && gelf_getdyn(data, (int)i, &dyn) && dyn.d_tag != DT_NULL; i++) {
		if (dyn.d_tag == DT_RPATH)
			rpath = elf_strptr(elf, header->sh_link, dyn.d_un.d_val);
		if (dyn.d_tag == DT_RUNPATH)
			runpath = elf_strptr(elf, header->sh_link, dyn.d_un.d_val);
	}
	object->runpath = runpath != NULL;
	object->rpath = strdup(runpath ? runpath : rpath ? rpath : "");
	if (!object->rpath) {
		run_error("out of memory");
		return -1;
	}
	for (size_t i = 0; i < entries && gelf_getdyn(data, (int)i, &dyn) && dyn.d_tag != DT_NULL; i++) {
		char found[PATH_MAX];
		const char *name;

		if (dyn.d_tag != DT_NEEDED)
			continue;
		name = elf_strptr(elf, header->sh_link, dyn.d_un.d_val);
		if (!name || (loader->musl && (!strcmp(name, "libc.so") || !strncmp(name, "libc.musl-", 10))))
			continue;
		if (!find_library(loader, number, name, found)) {
			run_error("%s needs %s, which is not found", object->path, name);
			return -1;
		}
		if (add_object(loader, found, number))
			return -1;
	}
	return 0;
}

static int read_object(struct loader *loader, size_t number)
{
	char host[PATH_MAX * 2];
	Elf_Scn *section = NULL;
	GElf_Ehdr head;
	int fd, result = 0;
	Elf *elf;

	snprintf(host, sizeof(host), "%s%s", loader->base, loader->object[number].path);
	elf = elf_open(host, &fd, &head);
	if (!elf) {
		run_error("%s: cannot be read as ELF", host);
		return -1;
	}
	while (!result && (section = elf_nextscn(elf, section))) {
		GElf_Shdr header;

		if (gelf_getshdr(section, &header) && header.sh_type == SHT_DYNAMIC)
			result = read_needed(loader, number, elf, section, &header);
	}
	elf_end(elf);
	close(fd);
	return result;
}

/* The interpreter's path into `out`; "" for a static program. */
static int read_interpreter(struct loader *loader, const char *host, Elf *elf, char out[PATH_MAX])
{
	size_t count, length;
	const char *file;

	out[0] = 0;
	file = elf_rawfile(elf, &length);
	if (!file || elf_getphdrnum(elf, &count)) {
		run_error("%s: %s", host, elf_errmsg(-1));
		return -1;
	}
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr segment;

		if (!gelf_getphdr(elf, (int)i, &segment) || segment.p_type != PT_INTERP)
			continue;
		if (segment.p_offset > length || segment.p_filesz > length - segment.p_offset ||
		    segment.p_filesz < 2 || segment.p_filesz > PATH_MAX ||
		    file[segment.p_offset + segment.p_filesz - 1] || file[segment.p_offset] != '/') {
			run_error("%s: its interpreter cannot be read", host);
			return -1;
		}
		strcpy(out, file + segment.p_offset);
	}
	loader->musl = strstr(out, "ld-musl") != NULL;
	return 0;
}

static void map_cache(struct loader *loader)
{
	char path[PATH_MAX];
	struct stat st;
	void *map;
	int fd;

	snprintf(path, sizeof(path), "%s/etc/ld.so.cache", loader->base);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (!fstat(fd, &st) && st.st_size > 0) {
		map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map != MAP_FAILED) {
			loader->cache = map;
			loader->cache_length = (size_t)st.st_size;
		}
	}
	close(fd);
}

static int add_dynamic(struct archive *archive, const char *base, const char *path, const char *host,
		       Elf *elf, const GElf_Ehdr *head)
{
	struct loader *loader = calloc(1, sizeof(*loader));
	char interpreter[PATH_MAX];
	int result = -1;

	if (!loader) {
		run_error("out of memory");
		return -1;
	}
	*loader = (struct loader){
	    .archive = archive, .base = base, .class = head->e_ident[EI_CLASS], .machine = head->e_machine};
	map_cache(loader);
	if (read_interpreter(loader, host, elf, interpreter))
		goto out;
	if (interpreter[0] && archive_add_path(archive, base, interpreter, NULL))
		goto out;
	if (add_object(loader, path, 0))
		goto out;
	for (size_t i = 0; i < loader->count; i++)
		if (read_object(loader, i))
			goto out;
	/* A file for the loader to find libraries by, when it needed the host's cache. */
	if (interpreter[0] && loader->cache && !archive_has(archive, "/etc/ld.so.cache") &&
	    archive_add_path(archive, base, "/etc/ld.so.cache", NULL))
		goto out;
	result = 0;
out:
	for (size_t i = 0; i < loader->count; i++) {
		free(loader->object[i].path);
		free(loader->object[i].rpath);
	}
	if (loader->cache)
		munmap((void *)(uintptr_t)loader->cache, loader->cache_length);
	free(loader);
	return result;
}

/* "#!interpreter argument" in the first line: out is the interpreter; false when there is none. */
static bool read_script(const char *host, char out[PATH_MAX])
{
	char line[PATH_MAX];
	FILE *in = fopen(host, "re");
	size_t length;
	char *at;

	if (!in)
		return false;
	length = fread(line, 1, sizeof(line) - 1, in);
	fclose(in);
	line[length] = 0;
	if (strncmp(line, "#!", 2))
		return false;
	at = line + 2 + strspn(line + 2, " \t");
	at[strcspn(at, " \t\n")] = 0;
	if (at[0] != '/')
		return false;
	strcpy(out, at);
	return true;
}

int libraries_add(struct archive *archive, const char *base, const char *path)
{
	char next[PATH_MAX], host[PATH_MAX * 2];
	GElf_Ehdr head;
	int fd, result;
	Elf *elf;

	if (strlen(path) >= sizeof(next))
		return 1;
	strcpy(next, path);
	for (unsigned scripts = 0; scripts < 5; scripts++) {
		char interpreter[PATH_MAX];

		snprintf(host, sizeof(host), "%s%s", base, next);
		elf = elf_open(host, &fd, &head);
		if (elf) {
			result = add_dynamic(archive, base, next, host, elf, &head);
			elf_end(elf);
			close(fd);
			return result;
		}
		if (!read_script(host, interpreter))
			return scripts ? 0 : 1;
		if (archive_add_path(archive, base, interpreter, next))
			return -1;
	}
	return 0;
}
