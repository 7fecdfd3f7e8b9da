/* SPDX-License-Identifier: MIT */
/* The disk that the guest swaps to: a file of the host, or one that is made for the run. */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096u

/* The header of a swap area, as mkswap(8) writes it: the version, the last page and the number of bad ones at byte
 * 1024, and the magic at the end of the page. */
static int write_header(int fd, uint64_t pages)
{
	unsigned char page[PAGE] = {0};
	const uint32_t words[3] = {1, (uint32_t)(pages - 1), 0};

	memcpy(page + 1024, words, sizeof(words));
	memcpy(page + PAGE - 10, "SWAPSPACE2", 10);
	return ftruncate(fd, (off_t)(pages * PAGE)) || pwrite(fd, page, PAGE, 0) != PAGE ? -1 : 0;
}

/* Without a name: it goes with the last descriptor. */
static int make_file(uint64_t mib)
{
	const char *directory = getenv("TMPDIR");
	int fd = open(directory && *directory ? directory : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 || write_header(fd, mib << 8)) {
		run_error("--swap: a file of %llu MiB: %s", (unsigned long long)mib, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

int run_swap_open(const struct run_options *options)
{
	int fd;

	if (options->swap_mib)
		return make_file(options->swap_mib);
	fd = open(options->swap, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		run_error("--swap %s: %s", options->swap, strerror(errno));
	return fd;
}
