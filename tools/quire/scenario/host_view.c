/* SPDX-License-Identifier: MIT */
/* Reads an address space from the kernel (/proc/self/maps, pagemap, mincore) and places the arena. */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

enum {
	TEXT_BYTES = 1 << 18
};
static char text[TEXT_BYTES];

/* A line of /proc/self/maps. */
struct line {
	uint64_t start, end, offset, inode;
	char perms[5];
	const char *path;
};

/* Reads the whole file into `text`; the mappings cannot change meanwhile. Returns its length or -errno. */
static int read_maps(void)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)n;
	close(fd);
	text[used] = 0;
	return n < 0 || used == sizeof(text) - 1 ? -EIO : (int)used;
}

static uint64_t scan_number(const char **at, unsigned base)
{
	uint64_t n = 0;

	for (;; (*at)++) {
		char c = **at;
		unsigned digit = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
				 : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
							: 99;

		if (digit >= base)
			return n;
		n = n * base + digit;
	}
}

static const char *scan_line(const char *at, struct line *out)
{
	out->start = scan_number(&at, 16);
	at++;
	out->end = scan_number(&at, 16);
	at++;
	memcpy(out->perms, at, 4);
	out->perms[4] = 0;
	at += 5;
	out->offset = scan_number(&at, 16);
	at++;
	scan_number(&at, 16); /* major */
	at++;
	scan_number(&at, 16); /* minor */
	at++;
	out->inode = scan_number(&at, 10);
	while (*at == ' ')
		at++;
	out->path = at;
	while (*at && *at != '\n')
		at++;
	return *at ? at + 1 : at;
}

static void fill_row(const struct scn_host *host, const struct line *line, uint64_t start, uint64_t end,
		     struct scn_row *out)
{
	memset(out, 0, sizeof(*out));
	out->start = line->start > start ? line->start : start;
	out->end = line->end < end ? line->end : end;
	out->prot =
	    (uint8_t)((line->perms[0] == 'r') | (line->perms[1] == 'w') << 1 | (line->perms[2] == 'x') << 2);
	out->shared = line->perms[3] == 's';
	if (line->inode == 0)
		return;
	out->offset = line->offset + (out->start - line->start);
	if (strncmp(line->path, "/dev/zero", 9) == 0) {
		out->kind = SCN_KIND_SHARED_ANON;
		return;
	}
	out->kind = SCN_KIND_FILE;
	out->file = SCN_NONE;
	for (unsigned i = 0; i < host->shared->program.file_count; i++)
		if (host->files.inode[i] == line->inode)
			out->file = (uint8_t)i;
}

int host_layout(void *context, unsigned proc, uint64_t start, uint64_t end, struct scn_row *out, unsigned max)
{
	const struct scn_host *host = context;
	const char *at = text;
	unsigned count = 0;
	int error = read_maps();

	if (error < 0)
		return error;
	while (*at && count < max) {
		struct line line;

		at = scan_line(at, &line);
		if (line.end > start && line.start < end)
			fill_row(host, &line, start, end, &out[count++]);
	}
	return (int)count;
}

int host_resident(void *context, unsigned proc, uint64_t addr, unsigned pages, uint8_t *out)
{
	const struct scn_host *host = context;
	uint64_t page = host->shared->backend.page_size;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry[64];
	unsigned done = 0;

	if (fd < 0)
		return -errno;
	while (done < pages) {
		unsigned n = pages - done < 64 ? pages - done : 64;
		ssize_t got = pread(fd, entry, n * 8, (off_t)((addr / page + done) * 8));

		if (got != (ssize_t)(n * 8))
			break;
		for (unsigned i = 0; i < n; i++) {
			uint8_t state = entry[i] >> 63 ? SCN_PAGE_PRESENT : 0;

			if (state && entry[i] >> 61 & 1)
				state |= SCN_PAGE_FILE;
			if (state && entry[i] >> 56 & 1)
				state |= SCN_PAGE_ALONE;
			out[done + i] = state;
		}
		done += n;
	}
	close(fd);
	return done == pages ? 0 : -EIO;
}

int host_mincore(void *context, unsigned proc, uint64_t addr, uint64_t length, uint8_t *out)
{
	return syscall(SYS_mincore, (uintptr_t)addr, (size_t)length, out) == 0 ? 0 : -errno;
}

uint64_t host_digest(void *context, unsigned proc, uint64_t addr)
{
	const struct scn_host *host = context;

	return scn_hash(0, (const void *)(uintptr_t)addr, (size_t)host->shared->backend.page_size);
}

/* --- Placing the arena --- */

static bool take(uint64_t start, uint64_t end)
{
	return mmap((void *)(uintptr_t)start, (size_t)(end - start), PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0) != MAP_FAILED;
}

/* Fills the gaps between mappings above `from`, but leaves room for the main stack to grow. */
static bool take_gaps(struct scn_host *host, uint64_t from)
{
	const uint64_t stack_room = 64u << 20;
	uint64_t gap[256][2];
	unsigned gaps = 0;
	uint64_t last = from;
	const char *at = text;

	if (read_maps() < 0)
		return false;
	while (*at && gaps < 256) {
		struct line line;
		uint64_t end;

		at = scan_line(at, &line);
		/* ARM lists the kernel's page, far above what a program may map. */
		if (line.start >= host->task_end || strncmp(line.path, "[vectors]", 9) == 0)
			break;
		end = strncmp(line.path, "[stack]", 7) == 0 ? line.start - stack_room : line.start;
		if (end > last && line.start >= from) {
			gap[gaps][0] = last;
			gap[gaps++][1] = end;
		}
		if (line.end > last)
			last = line.end;
	}
	for (unsigned i = 0; i < gaps; i++)
		if (!take(gap[i][0], gap[i][1]))
			return false;
	return true;
}

bool host_room(void *context, unsigned proc, bool open)
{
	const struct scn_backend *b = &((struct scn_host *)context)->shared->backend;
	uint64_t start = b->arena + b->arena_bytes, bytes = SCN_ROOM_PAGES * b->page_size;

	return open ? munmap((void *)(uintptr_t)start, (size_t)bytes) == 0 : take(start, start + bytes);
}

bool host_place_arena(struct scn_host *host)
{
	/* The second is for programs under AddressSanitizer, which uses the first range itself. */
	static const uint64_t candidate[] = {0x600000000000, 0x6a0000000000, 0x100000000000,
					     0x3000000000,   0x60000000,     0x50000000};
	struct scn_backend *b = &host->shared->backend;

	for (unsigned i = 0; i < sizeof(candidate) / sizeof(candidate[0]); i++) {
		/* Offset by half a table, so that the addresses of a program cross a page-table boundary. */
		uint64_t place = candidate[i] + 256 * b->page_size;
		uint64_t room = SCN_ROOM_PAGES * b->page_size;
		void *got;

		if (place != (uintptr_t)place || place < b->heap + SCN_HEAP_BYTES)
			continue;
		got = mmap((void *)(uintptr_t)place, (size_t)(b->arena_bytes + room), PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
		if (got == MAP_FAILED)
			continue;
		if ((uintptr_t)got != place) {
			munmap(got, (size_t)(b->arena_bytes + room));
			continue;
		}
		b->arena = place;
		/* Above this is at most a page of the kernel's. Of 64 bits a program has the lower half at most:
		 * up to bit 48 on ARM64, up to bit 47 elsewhere, less with smaller tables. */
		host->task_end = sizeof(void *) == 8 ? (uint64_t)1 << 63 : 0xffffe000u;
		return take_gaps(host, place + b->arena_bytes + room) &&
		       munmap(got, (size_t)b->arena_bytes) == 0;
	}
	return false;
}
