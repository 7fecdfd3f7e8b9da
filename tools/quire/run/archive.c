/* SPDX-License-Identifier: MIT */
/* A cpio archive ("newc") in the making: a set of guest paths with where their content comes from. */
#include "run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct entry {
	char *guest;   /* absolute, without a slash at the end */
	char *host;    /* file whose content it is; NULL: `data` */
	char *data;    /* content of a made file, target of a link */
	size_t length; /* of data */
	struct stat st;
	size_t same; /* the entry that is the same file (hard link), or its own number */
};

struct archive {
	struct entry *entry;
	size_t count, room;
	size_t *bucket; /* of entry numbers + 1, open addressing; a power of two, at most half full */
	size_t buckets;
};

enum {
	MAX_LINKS = 40
};

struct archive *archive_create(void)
{
	struct archive *archive = calloc(1, sizeof(*archive));

	if (!archive)
		run_error("out of memory");
	return archive;
}

void archive_free(struct archive *archive)
{
	if (!archive)
		return;
	for (size_t i = 0; i < archive->count; i++) {
		free(archive->entry[i].guest);
		free(archive->entry[i].host);
		free(archive->entry[i].data);
	}
	free(archive->entry);
	free(archive->bucket);
	free(archive);
}

static size_t hash_text(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return (size_t)(hash ^ hash >> 29);
}

static struct entry *find(const struct archive *archive, const char *guest)
{
	size_t at;

	if (!archive->buckets)
		return NULL;
	for (at = hash_text(guest);; at++) {
		size_t number = archive->bucket[at & (archive->buckets - 1)];

		if (!number)
			return NULL;
		if (!strcmp(archive->entry[number - 1].guest, guest))
			return &archive->entry[number - 1];
	}
}

bool archive_has(const struct archive *archive, const char *guest)
{
	return find(archive, guest) != NULL;
}

static int rehash(struct archive *archive)
{
	size_t buckets = archive->buckets ? archive->buckets * 2 : 256;
	size_t *bucket = calloc(buckets, sizeof(*bucket));

	if (!bucket)
		return -1;
	for (size_t i = 0; i < archive->count; i++) {
		size_t at = hash_text(archive->entry[i].guest);

		while (bucket[at & (buckets - 1)])
			at++;
		bucket[at & (buckets - 1)] = i + 1;
	}
	free(archive->bucket);
	archive->bucket = bucket;
	archive->buckets = buckets;
	return 0;
}

/* Adds one entry; what is there already stays. Takes `host` and `data`, which may be NULL. */
static int insert(struct archive *archive, const char *guest, const struct stat *st, char *host, char *data,
		  size_t length)
{
	struct entry *entry;
	size_t at;

	if (find(archive, guest)) {
		free(host);
		free(data);
		return 0;
	}
	if (archive->count == archive->room) {
		size_t room = archive->room ? archive->room * 2 : 128;
		struct entry *more = reallocarray(archive->entry, room, sizeof(*more));

		if (!more)
			goto no_memory;
		archive->entry = more;
		archive->room = room;
	}
	if ((archive->count + 1) * 2 > archive->buckets && rehash(archive))
		goto no_memory;
	entry = &archive->entry[archive->count];
	*entry =
	    (struct entry){.host = host, .data = data, .length = length, .st = *st, .same = archive->count};
	entry->guest = strdup(guest);
	if (!entry->guest)
		goto no_memory;
	if (S_ISREG(st->st_mode) && st->st_nlink > 1 && host)
		for (size_t i = 0; i < archive->count; i++)
			if (archive->entry[i].st.st_ino == st->st_ino &&
			    archive->entry[i].st.st_dev == st->st_dev && archive->entry[i].host) {
				entry->same = i;
				break;
			}
	for (at = hash_text(guest); archive->bucket[at & (archive->buckets - 1)];)
		at++;
	archive->bucket[at & (archive->buckets - 1)] = ++archive->count;
	return 0;
no_memory:
	free(host);
	free(data);
	run_error("out of memory");
	return -1;
}

/* A directory that the host has at the same place keeps its mode: /tmp is sticky in the guest too. */
static int insert_dir(struct archive *archive, const char *path, unsigned mode)
{
	struct stat st = {.st_mode = S_IFDIR | mode, .st_nlink = 2}, host;

	if (!stat(path, &host) && S_ISDIR(host.st_mode))
		st.st_mode = host.st_mode;
	return insert(archive, path, &st, NULL, NULL, 0);
}

int archive_add_dir(struct archive *archive, const char *guest, unsigned mode)
{
	char path[PATH_MAX];
	size_t length = strlen(guest);

	if (guest[0] != '/' || length >= sizeof(path)) {
		run_error("not an absolute path: %s", guest);
		return -1;
	}
	for (size_t i = 1; i < length; i++)
		if (guest[i] == '/' && guest[i - 1] != '/') {
			memcpy(path, guest, i);
			path[i] = 0;
			if (insert_dir(archive, path, 0755))
				return -1;
		}
	memcpy(path, guest, length + 1);
	while (length > 1 && path[length - 1] == '/')
		path[--length] = 0;
	return length > 1 ? insert_dir(archive, path, mode) : 0;
}

static int add_parents(struct archive *archive, const char *guest)
{
	const char *slash = strrchr(guest, '/');
	char path[PATH_MAX];

	if (!slash || (size_t)(slash - guest) >= sizeof(path)) {
		run_error("not an absolute path: %s", guest);
		return -1;
	}
	if (slash == guest)
		return 0;
	memcpy(path, guest, (size_t)(slash - guest));
	path[slash - guest] = 0;
	return archive_add_dir(archive, path, 0755);
}

int archive_add_data(struct archive *archive, const char *guest, unsigned mode, const void *data,
		     size_t length)
{
	struct stat st = {.st_mode = S_IFREG | mode, .st_nlink = 1, .st_size = (off_t)length};
	char *copy = malloc(length + 1);

	if (!copy) {
		run_error("out of memory");
		return -1;
	}
	memcpy(copy, data, length);
	if (add_parents(archive, guest)) {
		free(copy);
		return -1;
	}
	return insert(archive, guest, &st, NULL, copy, length);
}

/* One host file, whatever its kind but a directory's content. */
static int insert_host(struct archive *archive, const char *host, const char *guest, const struct stat *st)
{
	char target[PATH_MAX];
	char *copy;
	ssize_t length;

	if (S_ISREG(st->st_mode)) {
		copy = strdup(host);
		if (!copy) {
			run_error("out of memory");
			return -1;
		}
		return insert(archive, guest, st, copy, NULL, 0);
	}
	if (S_ISLNK(st->st_mode)) {
		length = readlink(host, target, sizeof(target) - 1);
		if (length < 0) {
			run_error("%s: %s", host, strerror(errno));
			return -1;
		}
		target[length] = 0;
		copy = strdup(target);
		if (!copy) {
			run_error("out of memory");
			return -1;
		}
		return insert(archive, guest, st, NULL, copy, (size_t)length);
	}
	if (S_ISSOCK(st->st_mode))
		return 0;
	return insert(archive, guest, st, NULL, NULL, 0);
}

int archive_add_as(struct archive *archive, const char *host, const char *guest)
{
	struct stat st;

	if (stat(host, &st)) {
		run_error("%s: %s", host, strerror(errno));
		return -1;
	}
	if (S_ISDIR(st.st_mode))
		return archive_add_tree(archive, host, guest);
	return add_parents(archive, guest) ? -1 : insert_host(archive, host, guest, &st);
}

/* Replaces the link at path[0..end) by its target, in front of what is left of the path. */
static int follow(char path[PATH_MAX], size_t end, const char *target)
{
	char next[PATH_MAX];
	int length;

	if (target[0] == '/') {
		length = snprintf(next, sizeof(next), "%s%s", target, path + end);
	} else {
		size_t above = end;

		while (above > 0 && path[above - 1] != '/')
			above--;
		length = snprintf(next, sizeof(next), "%.*s%s%s", (int)above, path, target, path + end);
	}
	if (length < 0 || length >= PATH_MAX)
		return -1;
	memcpy(path, next, (size_t)length + 1);
	return 0;
}

/* Takes "//", "/./" and "/../" out of an absolute path whose part before `end` has no links. */
static size_t clean(char *path, size_t from)
{
	char *slash = path + from;

	for (;;) {
		size_t left = strlen(slash);

		if (slash[0] == '/' && slash[1] == '/') {
			memmove(slash, slash + 1, left);
		} else if (!strncmp(slash, "/./", 3) || !strcmp(slash, "/.")) {
			memmove(slash, slash + 2, left - 1);
		} else if (!strncmp(slash, "/../", 4) || !strcmp(slash, "/..")) {
			char *above = slash;

			while (above > path && *--above != '/')
				;
			memmove(above, slash + 3, left - 2);
			slash = above;
		} else {
			return (size_t)(slash - path);
		}
	}
}

int archive_add_path(struct archive *archive, const char *base, const char *given, char *out_real)
{
	char path[PATH_MAX], part[PATH_MAX], host[PATH_MAX * 2];
	size_t at = 0;
	unsigned links = 0;

	if (given[0] != '/' || strlen(given) >= sizeof(path)) {
		run_error("not an absolute path: %s", given);
		return -1;
	}
	strcpy(path, given);
	for (;;) {
		const struct entry *known;
		struct stat st;
		size_t end;

		at = clean(path, at);
		if (!path[at] || !path[at + 1]) {
			path[at] = 0;
			if (out_real)
				strcpy(out_real, at ? path : "/");
			return 0;
		}
		end = at + 1 + strcspn(path + at + 1, "/");
		memcpy(part, path, end);
		part[end] = 0;
		snprintf(host, sizeof(host), "%s%s", base, part);
		if (lstat(host, &st)) {
			run_error("%s: %s", host, strerror(errno));
			return -1;
		}
		if (insert_host(archive, host, part, &st))
			return -1;
		known = find(archive, part);
		if (!known || !S_ISLNK(known->st.st_mode)) {
			at = end;
			continue;
		}
		if (++links > MAX_LINKS || follow(path, end, known->data)) {
			run_error("%s: too many symbolic links", given);
			return -1;
		}
		at = 0;
	}
}

static int add_children(struct archive *archive, char *host, char *guest, unsigned depth);

static int add_node(struct archive *archive, char *host, char *guest, unsigned depth)
{
	struct stat st;

	if (lstat(host, &st)) {
		run_error("%s: %s", host, strerror(errno));
		return -1;
	}
	if (guest[0] && strcmp(guest, "/") && insert_host(archive, host, guest, &st))
		return -1;
	return S_ISDIR(st.st_mode) ? add_children(archive, host, guest, depth + 1) : 0;
}

static int add_children(struct archive *archive, char *host, char *guest, unsigned depth)
{
	size_t host_end = strlen(host), guest_end = strlen(guest);
	struct dirent **names;
	int count = scandir(host, &names, NULL, alphasort), result = 0;

	if (count < 0) {
		run_error("%s: %s", host, strerror(errno));
		return -1;
	}
	if (depth > 64) {
		run_error("%s: too many directories in one another", host);
		result = -1;
	}
	for (int i = 0; i < count; i++) {
		const char *name = names[i]->d_name;

		if (!result && strcmp(name, ".") && strcmp(name, "..")) {
			if (host_end + strlen(name) + 2 > PATH_MAX ||
			    guest_end + strlen(name) + 2 > PATH_MAX) {
				run_error("%s/%s: the path is too long", host, name);
				result = -1;
			} else {
				sprintf(host + host_end, "/%s", name);
				sprintf(guest + guest_end, "%s%s", guest_end == 1 ? "" : "/", name);
				result = add_node(archive, host, guest, depth);
				host[host_end] = guest[guest_end] = 0;
			}
		}
		free(names[i]);
	}
	free(names);
	return result;
}

int archive_add_tree(struct archive *archive, const char *host, const char *guest)
{
	char from[PATH_MAX], to[PATH_MAX];

	if (strlen(host) >= sizeof(from) || strlen(guest) >= sizeof(to) || guest[0] != '/') {
		run_error("%s: the path is too long or not absolute", host);
		return -1;
	}
	strcpy(from, host);
	strcpy(to, guest);
	if (strcmp(to, "/") && add_parents(archive, to))
		return -1;
	return add_node(archive, from, to, 0);
}

/* --- writing --------------------------------------------------------------------------------------- */

struct sink {
	int fd;
	int64_t written;
	size_t fill;
	char buffer[65536];
};

static int sink_flush(struct sink *sink)
{
	size_t done = 0;

	while (done < sink->fill) {
		ssize_t n = write(sink->fd, sink->buffer + done, sink->fill - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			run_error("cannot write the archive: %s", strerror(errno));
			return -1;
		}
		done += (size_t)n;
	}
	sink->fill = 0;
	return 0;
}

static int sink_put(struct sink *sink, const void *data, size_t length)
{
	const char *bytes = data;

	while (length) {
		size_t now = sizeof(sink->buffer) - sink->fill;

		if (now > length)
			now = length;
		memcpy(sink->buffer + sink->fill, bytes, now);
		sink->fill += now;
		sink->written += (int64_t)now;
		bytes += now;
		length -= now;
		if (sink->fill == sizeof(sink->buffer) && sink_flush(sink))
			return -1;
	}
	return 0;
}

static int sink_pad(struct sink *sink, unsigned to)
{
	static const char zeroes[512];
	size_t over = (size_t)(sink->written % to);

	return over ? sink_put(sink, zeroes, to - over) : 0;
}

static int put_header(struct sink *sink, const char *name, const struct stat *st, size_t ino, unsigned nlink,
		      uint64_t length)
{
	char head[128];

	/* newc: magic, then ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor
	 * namesize check, eight hexadecimal digits each. Everything belongs to root in the guest. */
	snprintf(head, sizeof(head), "070701%08zX%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08zX%08X", ino,
		 (unsigned)st->st_mode, 0u, 0u, nlink, (unsigned)st->st_mtime, (unsigned)length, 0u, 0u,
		 (unsigned)major(st->st_rdev), (unsigned)minor(st->st_rdev), strlen(name) + 1, 0u);
	return sink_put(sink, head, 110) || sink_put(sink, name, strlen(name) + 1) || sink_pad(sink, 4) ? -1
													: 0;
}

static int put_file(struct sink *sink, const struct entry *entry)
{
	uint64_t left = (uint64_t)entry->st.st_size;
	char block[65536];
	int fd = open(entry->host, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		run_error("%s: %s", entry->host, strerror(errno));
		return -1;
	}
	while (left) {
		ssize_t n = read(fd, block, left < sizeof(block) ? (size_t)left : sizeof(block));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			run_error("%s: %s", entry->host,
				  n ? strerror(errno) : "became shorter while it was packed");
			close(fd);
			return -1;
		}
		if (sink_put(sink, block, (size_t)n)) {
			close(fd);
			return -1;
		}
		left -= (uint64_t)n;
	}
	close(fd);
	return 0;
}

static int put_entry(struct sink *sink, const struct archive *archive, size_t number)
{
	const struct entry *entry = &archive->entry[number];
	bool first = entry->same == number;
	uint64_t length = entry->data            ? entry->length
			  : entry->host && first ? (uint64_t)entry->st.st_size
						 : 0;

	if (length > UINT32_MAX) {
		run_error("%s: too large for the archive", entry->guest);
		return -1;
	}
	if (put_header(sink, entry->guest + 1, &entry->st, entry->same + 1,
		       S_ISREG(entry->st.st_mode) ? (unsigned)entry->st.st_nlink : 1, length))
		return -1;
	if (entry->data ? sink_put(sink, entry->data, length) : length ? put_file(sink, entry) : 0)
		return -1;
	return sink_pad(sink, 4);
}

int64_t archive_write(const struct archive *archive, int fd)
{
	static const struct stat none;
	struct sink *sink = calloc(1, sizeof(*sink));
	int64_t length = -1;

	if (!sink) {
		run_error("out of memory");
		return -1;
	}
	sink->fd = fd;
	for (size_t i = 0; i < archive->count; i++)
		if (put_entry(sink, archive, i))
			goto out;
	if (put_header(sink, "TRAILER!!!", &none, 0, 1, 0) || sink_pad(sink, 512) || sink_flush(sink))
		goto out;
	length = sink->written;
out:
	free(sink);
	return length;
}
