/* SPDX-License-Identifier: MIT */
/* Packs the guest's file system: the program with what it needs, the files named, and the boot record. */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOST_ARCH "x86_64"

extern char **environ;

/* --- where the program is -------------------------------------------------------------------------- */

/* 0: it can be run; RUN_NOT_PROGRAM: it is there; else `absent`. A link below a root is the guest's to
 * follow: what it names is looked at when it is packed. */
static int state_of(const char *base, const char *host, int absent)
{
	struct stat st;

	if (base[0] && !lstat(host, &st) && S_ISLNK(st.st_mode))
		return 0;
	if (stat(host, &st))
		return absent;
	return S_ISREG(st.st_mode) && !access(host, X_OK) ? 0 : RUN_NOT_PROGRAM;
}

/* Looks for a name without a slash along PATH below `base`. Returns 0, RUN_NOT_FOUND or RUN_NOT_PROGRAM. */
static int search_path(const char *base, const char *name, char out[PATH_MAX])
{
	const char *path = getenv("PATH");
	int result = RUN_NOT_FOUND;

	if (!path || !*path)
		path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
	while (*path) {
		size_t length = strcspn(path, ":");
		char host[PATH_MAX * 2];

		if (length && path[0] == '/' && length + strlen(name) + 2 < PATH_MAX) {
			sprintf(out, "%.*s/%s", (int)length, path, name);
			snprintf(host, sizeof(host), "%s%s", base, out);
			result = state_of(base, host, result);
			if (!result)
				return 0;
		}
		path += length + (path[length] == ':');
	}
	return result;
}

static int find_program(const char *base, const char *name, char out[PATH_MAX])
{
	char host[PATH_MAX * 2];
	int result;

	if (!strchr(name, '/')) {
		result = search_path(base, name, out);
	} else {
		char cwd[PATH_MAX] = "";

		if (name[0] != '/' && !base[0] && !getcwd(cwd, sizeof(cwd))) {
			run_error("the working directory: %s", strerror(errno));
			return RUN_FAILED;
		}
		if (snprintf(out, PATH_MAX, "%s%s%s", cwd, name[0] == '/' ? "" : "/", name) >= PATH_MAX) {
			run_error("%s: the path is too long", name);
			return RUN_FAILED;
		}
		snprintf(host, sizeof(host), "%s%s", base, out);
		result = state_of(base, host, RUN_NOT_FOUND);
	}
	if (result == RUN_NOT_FOUND)
		run_error("%s: not found", name);
	if (result == RUN_NOT_PROGRAM)
		run_error("%s: not an executable file", name);
	return result;
}

/* --- the boot record ------------------------------------------------------------------------------- */

struct record {
	char *text;
	size_t length, room;
	bool failed;
};

/* Strings "key=value", each ended by a NUL: values may hold any other byte. */
static void record_put(struct record *record, const char *key, const char *value)
{
	size_t need = strlen(key) + strlen(value) + 2;

	if (record->length + need > record->room) {
		size_t room = (record->length + need) * 2;
		char *more = realloc(record->text, room);

		if (!more) {
			record->failed = true;
			return;
		}
		record->text = more;
		record->room = room;
	}
	record->length += (size_t)sprintf(record->text + record->length, "%s=%s", key, value) + 1;
}

/* What would name files of the host that the guest does not have, or is for this process alone. */
static bool is_private_variable(const char *variable)
{
	static const char *const names[] = {
	    "LD_PRELOAD=",   "LD_AUDIT=",     "ASAN_OPTIONS=", "UBSAN_OPTIONS=",
	    "LSAN_OPTIONS=", "TSAN_OPTIONS=", "QUIRE_KERNEL=", "QUIRE_QEMU="};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(variable, names[i], strlen(names[i])))
			return true;
	return false;
}

/* A regular file goes with the archive: the guest can seek in it, and no serial line slows it down. */
bool run_input_is_packed(const struct run_options *options)
{
	struct stat st;

	return !fstat(0, &st) && S_ISREG(st.st_mode) && !lseek(0, 0, SEEK_CUR) &&
	       (uint64_t)st.st_size < (options->mem_mib << 20) / 4;
}

static void record_terminal(struct record *record, const struct run_options *options)
{
	struct winsize size = {0};
	char kinds[4], number[16];

	for (int fd = 0; fd < 3; fd++)
		kinds[fd] = isatty(fd) ? 't' : 'p';
	if (run_input_is_packed(options))
		kinds[0] = 'f';
	kinds[3] = 0;
	record_put(record, "stdio", kinds);
	for (int fd = 0; fd < 3; fd++)
		if (!ioctl(fd, TIOCGWINSZ, &size) && size.ws_row && size.ws_col)
			break;
	snprintf(number, sizeof(number), "%u", size.ws_row ? size.ws_row : 24u);
	record_put(record, "rows", number);
	snprintf(number, sizeof(number), "%u", size.ws_col ? size.ws_col : 80u);
	record_put(record, "columns", number);
}

static int add_record(struct archive *archive, const struct run_options *options, const char *program)
{
	struct record record = {0};
	char cwd[PATH_MAX] = "/";
	int result = -1;

	if (!options->root && (!getcwd(cwd, sizeof(cwd)) || cwd[0] != '/'))
		strcpy(cwd, "/");
	if (strcmp(cwd, "/") && archive_add_dir(archive, cwd, 0755))
		return -1;
	record_put(&record, "quire-boot", "1");
	record_put(&record, "path", program);
	record_put(&record, "cwd", cwd);
	record_terminal(&record, options);
	for (char **arg = options->argv; *arg; arg++)
		record_put(&record, "arg", *arg);
	for (char **variable = environ; *variable; variable++)
		if (strchr(*variable, '=') && !is_private_variable(*variable))
			record_put(&record, "env", *variable);
	if (record.failed)
		run_error("out of memory");
	else if (!run_input_is_packed(options) ||
		 !archive_add_as(archive, "/proc/self/fd/0", "/.quire/stdin"))
		result = archive_add_data(archive, "/.quire/boot", 0600, record.text, record.length);
	free(record.text);
	return result;
}

/* --- everything ------------------------------------------------------------------------------------ */

static int add_file(struct archive *archive, const struct run_file *file)
{
	char path[PATH_MAX], real[PATH_MAX];
	struct stat st;
	int result;

	if (stat(file->host, &st)) {
		run_error("--file %s: %s", file->host, strerror(errno));
		return -1;
	}
	if (file->guest) {
		if (archive_add_as(archive, file->host, file->guest))
			return -1;
		if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111) || !realpath(file->host, path))
			return 0;
		/* Its libraries are looked for where it is on the host. */
		result = libraries_add(archive, "", path);
		return result < 0 ? -1 : 0;
	}
	if (file->host[0] == '/') {
		strcpy(path, file->host);
	} else {
		char cwd[PATH_MAX];

		if (!getcwd(cwd, sizeof(cwd)) ||
		    snprintf(path, sizeof(path), "%s/%s", cwd, file->host) >= (int)sizeof(path)) {
			run_error("--file %s: the path is too long", file->host);
			return -1;
		}
	}
	if (archive_add_path(archive, "", path, real))
		return -1;
	if (S_ISDIR(st.st_mode))
		return archive_add_tree(archive, real, real);
	if (!(st.st_mode & 0111))
		return 0;
	return libraries_add(archive, "", real) < 0 ? -1 : 0;
}

static int add_all(struct archive *archive, struct run_options *options)
{
	const char *base = options->root ? options->root : "";
	char program[PATH_MAX], real[PATH_MAX], host[PATH_MAX * 2];
	const char *machine;
	struct stat st;
	int result;

	if (options->root && archive_add_tree(archive, options->root, "/"))
		return RUN_FAILED;
	for (size_t i = 0; i < options->file_count; i++)
		if (add_file(archive, &options->files[i]))
			return RUN_FAILED;
	if (options->selftest) {
		if (!options->arch)
			options->arch = HOST_ARCH;
		return 0;
	}
	result = find_program(base, options->argv[0], program);
	if (result)
		return result;
	if (archive_add_path(archive, base, program, real))
		return RUN_FAILED;
	snprintf(host, sizeof(host), "%s%s", base, real);
	if (stat(host, &st) || !S_ISREG(st.st_mode) || access(host, X_OK)) {
		run_error("%s: not an executable file", program);
		return RUN_NOT_PROGRAM;
	}
	machine = elf_machine(host);
	if (!options->arch)
		options->arch = machine ? machine : HOST_ARCH; /* a script's interpreter is this machine's */
	if (machine && strcmp(machine, options->arch)) {
		run_error("%s is a program for %s, the guest is %s", program, machine, options->arch);
		return RUN_NOT_PROGRAM;
	}
	result = libraries_add(archive, base, real);
	if (result > 0) {
		run_error("%s: neither an ELF program nor a script", program);
		return RUN_NOT_PROGRAM;
	}
	return result < 0 || add_record(archive, options, program) ? RUN_FAILED : 0;
}

int run_pack(struct run_options *options, int *out_fd, uint64_t *out_length)
{
	struct archive *archive = archive_create();
	int result, fd = -1;
	int64_t length;

	if (!archive)
		return RUN_FAILED;
	result = add_all(archive, options);
	if (!result) {
		fd = options->pack ? open(options->pack, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)
				   : memfd_create("quire-initramfs", MFD_CLOEXEC);
		if (fd < 0) {
			run_error("%s: %s", options->pack ? options->pack : "memory for the archive",
				  strerror(errno));
			result = RUN_FAILED;
		}
	}
	if (!result) {
		length = archive_write(archive, fd);
		if (length < 0) {
			close(fd);
			result = RUN_FAILED;
		} else {
			*out_fd = fd;
			*out_length = (uint64_t)length;
		}
	}
	archive_free(archive);
	return result;
}
