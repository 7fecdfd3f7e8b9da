/* SPDX-License-Identifier: MIT */
/* A configuration: its defaults, and whether a system can be made from it. */
#ifndef QR_CONFIG_CHECK_H
#define QR_CONFIG_CHECK_H

#include "base/system.h"
#include "base/text.h"

/* `given` with its defaults filled in, to `out`. Returns whether a system can be made from it; if not, `why` has
 * what is wrong. */
bool qr_config_complete(const struct quire_config *given, struct quire_config *out, struct qr_text *why);

#endif
