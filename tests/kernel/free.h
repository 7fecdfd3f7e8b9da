/* SPDX-License-Identifier: MIT */
/* Free frames, as /proc/meminfo has them: whether what a program took came back. */
#ifndef FREE_H
#define FREE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SETTLE_MS 2000

static inline long free_kib(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[128];
	long kib = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemFree: %ld kB", &kib) == 1)
			break;
	if (!file || fclose(file) || kib < 0) {
		printf("/proc/meminfo cannot be read\n");
		exit(1);
	}
	return kib;
}

/* What is free once it is as much as `before`, or does not become so: what ended is given back a little later. */
static inline long free_settled(long before)
{
	long now = free_kib();

	for (int ms = 0; ms < SETTLE_MS && now < before; ms += 20) {
		usleep(20000);
		now = free_kib();
	}
	return now;
}

#endif
