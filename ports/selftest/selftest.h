/* SPDX-License-Identifier: MIT */
/* A port proves itself: the conformance suite, its host contract, and a program's faults, at boot or hosted.
 */
#ifndef QUIRE_PORT_SELFTEST_H
#define QUIRE_PORT_SELFTEST_H

#include <quire/quire.h>

#ifdef __cplusplus
extern "C" {
#endif

struct quire_selftest {
	struct quire_system *system;   /* nothing else runs in it meanwhile */
	const struct quire_host *host; /* the one the system was made with */
	void *host_context;
	unsigned cpus;   /* of the system; 0: 1 */
	uint64_t seed;   /* the same seed does the same */
	unsigned rounds; /* of random entries and operations, in thousands; 0: 20 */
	void (*say)(void *context, const char *line); /* failures, and one line for each part */
	void *context;
};

/* Runs four parts, none of which may lose a frame:
 *   conformance   the codec's laws, and the geometry (conformance/)
 *   host          the functions of the host contract that can be seen from outside to be wrong
 *   program       an address space: map, fault in, copy on write, unmap
 *   tables        random operations on an address space, and page tables beside a model
 * Returns the number of failures. Context: a thread that may sleep, on one CPU. */
unsigned quire_port_selftest(const struct quire_selftest *test);

#ifdef __cplusplus
}
#endif
#endif
