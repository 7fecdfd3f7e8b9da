/* SPDX-License-Identifier: MIT */
/* What the library says to people: the end of a failed assertion, a line for the log. */
#include "base/assert.h"

#include "base/system.h"

void qr_panic(const struct quire_system *system, const char *text)
{
	system->host->panic(system->host_context, text);
	/* The contract says that it does not return; to continue would be worse than to stand still. */
	for (;;)
		;
}

void qr_log(const struct quire_system *system, const char *text)
{
	if (system->host->log)
		system->host->log(system->host_context, text);
}
