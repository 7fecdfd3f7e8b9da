/* SPDX-License-Identifier: MIT */
/* Recounting a whole system: what quire_check() looks at, part by part.
 *
 *   check_frames.c   every descriptor by its state; the free lists; the CPU lists
 *   check_trees.c    every table and leaf of every tree, against the pages that they map
 *   check_swap.c     every slot, against the entries and pages that have it
 *   check_groups.c   every group's charges, against the frames and slots that it pays for
 *   check_spaces.c   every address space and file, against their leaves, lists and promises
 *   check.c          the order, and the line that names the first difference
 *
 * Nothing else runs meanwhile, so nothing is locked and every count must be exact. */
#ifndef QR_CHECKER_H
#define QR_CHECKER_H

#include "base/text.h"
#include "page/page.h"

struct qr_checker {
	struct quire_system *system;
	struct qr_text why; /* where the line goes */
	/* Found on the way. */
	uint64_t table_frames; /* in all trees */
	uint64_t leaves;       /* that count as mappings */
	uint64_t promised;     /* pages by vmas and files */
	uint64_t cached;       /* pages in files */
	uint64_t dirty;        /* of them, of files with a device */
};

/* Writes the line: %u a uint64_t, %x the same in hexadecimal, %s a string. Returns false, so that a check
 * ends with `return qr_check_fail(...)`. */
bool qr_check_fail(struct qr_checker *checker, const char *format, ...);

bool qr_check_frames(struct qr_checker *checker); /* last: it compares with what was found */
bool qr_check_lists(struct qr_checker *checker);
bool qr_check_trees(struct qr_checker *checker);
bool qr_check_swap(struct qr_checker *checker);
bool qr_check_groups(struct qr_checker *checker);
bool qr_check_spaces(struct qr_checker *checker);

#endif
