/* SPDX-License-Identifier: MIT */
/* The end of a failed assertion. */
#include "base/assert.h"

#include "base/system.h"

void qr_panic(const struct quire_system *system, const char *text)
{
	system->host->panic(system->host_context, text);
	/* The contract says that it does not return; going on would be worse than standing still. */
	for (;;)
		;
}
