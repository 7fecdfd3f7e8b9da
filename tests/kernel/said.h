/* SPDX-License-Identifier: MIT */
/* Programs that say what their calls return, so that two kernels can be compared line by line. */
#ifndef SAID_H
#define SAID_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The result of a call: its value, or the name of the error. */
static inline void say(const char *what, long result)
{
	if (result < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: %ld\n", what, result);
}
#define SAY(call) say(#call, (long)(call))

/* A new file that holds `text`, open; ends the program when it cannot be had. */
static inline int make(const char *name, const char *text)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
		perror(name);
		exit(1);
	}
	return fd;
}

/* In a new directory, all output by lines. */
static inline void said_begin(char *home)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!mkdtemp(home) || chdir(home)) {
		perror(home);
		exit(1);
	}
}

static inline int said_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static inline int said_end(const char *home)
{
	SAY(chdir("/"));
	SAY(nftw(home, said_remove, 16, FTW_DEPTH | FTW_PHYS));
	printf("== done\n");
	return 0;
}

#endif
