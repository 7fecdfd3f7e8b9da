/* SPDX-License-Identifier: MIT */
/* One line on a terminal while programs are compared: how far, how fast, how long still. */
#ifndef QUIRE_CONFORM_PROGRESS_H
#define QUIRE_CONFORM_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct conform_progress {
	bool on, drawn;
	uint64_t programs; /* to compare */
	uint64_t begin_ns, last_ns;
};

/* `wanted`: false keeps it off; it is off anyway where standard error is no terminal. */
void conform_progress_begin(struct conform_progress *progress, bool wanted, uint64_t programs);
/* Draws the line, at most four times a second. */
void conform_progress_draw(struct conform_progress *progress, uint64_t done, unsigned differences);
/* Takes the line away. */
void conform_progress_clear(struct conform_progress *progress);

#endif
