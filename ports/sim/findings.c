/* SPDX-License-Identifier: MIT */
/* Findings: what the machine saw that must not be. */
#include <stdarg.h>

#include "machine.h"

void sim_find(struct sim *sim, enum sim_finding_kind kind, const char *format, ...)
{
	va_list arguments;

	pthread_mutex_lock(&sim->shared);
	if (sim->findings < SIM_KEPT) {
		struct sim_finding *finding = &sim->finding[sim->findings];

		finding->kind = kind;
		va_start(arguments, format);
		vsnprintf(finding->text, sizeof(finding->text), format, arguments);
		va_end(arguments);
	}
	sim->findings++;
	pthread_mutex_unlock(&sim->shared);
}

unsigned sim_finding_count(const struct sim *sim)
{
	return sim->findings;
}

const struct sim_finding *sim_finding_at(const struct sim *sim, unsigned index)
{
	return index < sim->findings && index < SIM_KEPT ? &sim->finding[index] : NULL;
}

void sim_findings_clear(struct sim *sim)
{
	sim->findings = 0;
}

const char *sim_finding_name(enum sim_finding_kind kind)
{
	static const char *const name[SIM_FINDINGS] = {
	    [SIM_STALE_RIGHTS] = "stale-rights",
	    [SIM_STALE_FRAME] = "stale-frame",
	    [SIM_STALE_FREED] = "stale-freed",
	    [SIM_STALE_DIRTY] = "stale-dirty",
	    [SIM_STALE_TABLE] = "stale-table",
	    [SIM_LOCK_ORDER] = "lock-order",
	    [SIM_LOCK_AGAIN] = "lock-again",
	    [SIM_LOCK_SLEEP] = "lock-sleep",
	    [SIM_LOCK_LEFT] = "lock-left",
	    [SIM_LOCK_TRANSFER] = "lock-transfer",
	    [SIM_FLUSH_SET] = "flush-set",
	    [SIM_WINDOW] = "window",
	    [SIM_DEADLOCK] = "deadlock",
	    [SIM_LIVELOCK] = "livelock",
	    [SIM_FAULT_LOOP] = "fault-loop",
	    [SIM_BUS] = "bus",
	    [SIM_NOT_REPEATABLE] = "not-repeatable",
	    [SIM_CHECK] = "check",
	    [SIM_LEAK] = "leak",
	    [SIM_LIBRARY_PANIC] = "library-panic",
	};

	return (unsigned)kind < SIM_FINDINGS ? name[kind] : "?";
}

const char *sim_end_name(enum sim_end end)
{
	switch (end) {
	case SIM_DONE:
		return "done";
	case SIM_SIGNALLED:
		return "signal";
	case SIM_KILLED:
		return "killed";
	case SIM_FIXED_UP:
		return "fixup";
	case SIM_OOPSED:
		return "oops";
	case SIM_PANICKED:
		return "panic";
	case SIM_NOT_TAKEN:
		return "not-taken";
	case SIM_STUCK:
		return "stuck";
	}
	return "?";
}
