/* SPDX-License-Identifier: MIT */
/* The sentences that text and JSON share. */
#ifndef EXPLAIN_WORDS_H
#define EXPLAIN_WORDS_H

#include "explain.h"

/* Why the hardware refused, as a sentence without a full stop. */
const char *ex_cause_words(enum quire_cause cause);
/* What became of it, as a sentence without a full stop. */
void ex_end_words(const struct ex_finding *finding, char *out, size_t size);

#endif
