/* SPDX-License-Identifier: MIT */
/* What the files of the way (fault.c, oops.c, trace.c) say to each other. */
#ifndef QR_WAYS_H
#define QR_WAYS_H

#include "fault/fault.h"

void qr_trace_begin(struct quire_trace *trace, const struct quire_fault *fault);
/* Completes the record: outcome, and what the address maps to now. => no lock held. */
void qr_trace_end(struct quire_trace *trace, struct quire_mm *mm, const struct quire_outcome *outcome);

/* Where the exception table continues; 0: nowhere. */
quire_va qr_search_exception_table(struct qr_fault_ctx *fc);

/* Kernel bug: oops, or panic where the context cannot be ended. */
struct quire_outcome qr_die(struct qr_fault_ctx *fc);

/* A signal to the user with the fault's address. */
struct quire_outcome qr_signal(struct qr_fault_ctx *fc, unsigned signal, unsigned code);

/* Nobody handles the code: the row's signal to a user; the kernel dies. */
struct quire_outcome qr_unhandled(struct qr_fault_ctx *fc);

/* cow.c: tells the file that its page at fc->va becomes writable. => referenced, not LOCKED. QR_DONE: it is
 * LOCKED now and still the file's; QR_CHANGED: truncated meanwhile; QR_SIGBUS: the file refused. */
enum qr_result qr_page_mkwrite(struct qr_fault_ctx *fc, struct qr_page *page);

#endif
