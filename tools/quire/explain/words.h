/* SPDX-License-Identifier: MIT */
/* The sentences that text and JSON share. */
#ifndef EXPLAIN_WORDS_H
#define EXPLAIN_WORDS_H

#include "explain.h"

/* Why the hardware refused, as a sentence without a full stop. */
const char *ex_cause_words(enum quire_cause cause);

#endif
