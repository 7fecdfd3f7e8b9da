/* SPDX-License-Identifier: MIT */
/* The references of a run: the plugin for QEMU, which is a part of this program, and what it has seen. */
#include "run.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../report/fault.h"
#include "../report/report.h"
#include "references.h"

#include "plugin_bytes.h"

static int memory_of(const char *name, uint64_t bytes)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd >= 0 && ftruncate(fd, (off_t)bytes) == 0)
		return fd;
	run_error("--references: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int references_open(struct run_references *references)
{
	const size_t bytes = sizeof(plugin_bytes) - 1;

	references->plugin = memory_of("quire-plugin", 0);
	references->fd = memory_of("quire-references", REFERENCES_BYTES);
	if (references->plugin < 0 || references->fd < 0)
		return -1;
	references->map = mmap(NULL, REFERENCES_BYTES, PROT_READ, MAP_SHARED, references->fd, 0);
	if (references->map == MAP_FAILED)
		references->map = NULL;
	if (references->map && write(references->plugin, plugin_bytes, bytes) == (ssize_t)bytes)
		return 0;
	run_error("--references: %s", strerror(errno));
	return -1;
}

bool references_began(const struct run_references *references)
{
	return references->map && references->map->magic == REFERENCES_MAGIC;
}

json_t *references_json(const struct run_references *references)
{
	const struct references_head *head = references->map;
	const uint64_t *keys = (const void *)(head + 1);
	const uint64_t page = (UINT64_C(1) << REFERENCES_PAGE_BITS) - 1;
	struct replay_pages pages = {0};
	json_t *curve = NULL;
	bool good = head->kept <= REFERENCES_MOST && head->every <= INT32_MAX;

	for (uint64_t i = 0; good && i < head->kept; i++)
		good = replay_add(&pages, keys[i] >> REFERENCES_PAGE_BITS, keys[i] & page);
	if (good)
		curve = curve_make(&pages.trace, "plugin", head->seen, (unsigned)head->every);
	replay_free(&pages);
	return curve ? json_pack("{s:i,s:o}", "version", FAULT_SCHEMA_VERSION, "references", curve) : NULL;
}

void references_close(struct run_references *references)
{
	if (references->map)
		munmap((void *)(uintptr_t)references->map, REFERENCES_BYTES);
	if (references->fd >= 0)
		close(references->fd);
	if (references->plugin >= 0)
		close(references->plugin);
}
