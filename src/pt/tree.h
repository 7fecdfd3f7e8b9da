/* SPDX-License-Identifier: MIT */
/* What walking asks of the tree: a table where there was none. */
#ifndef QR_PT_TREE_H
#define QR_PT_TREE_H

#include "pt/pt.h"

/* The table below `entry` of `level` > 0, made if there is none (then ++*made); NULL: no frame, or a
 * leaf is in the way. Locks: PT. */
char *qr_pt_make_table(struct qr_pt *pt, unsigned level, char *entry, quire_va va, unsigned *made);

#endif
