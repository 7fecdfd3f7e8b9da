/* SPDX-License-Identifier: MIT */
/* How the program died: the signal's name, and the line of the kernel's log that says why. */
#include "run.h"

#include <inttypes.h>
#include <string.h>

/* Names by Linux's numbers on this machine's architectures; sigabbrev_np() is younger than some C libraries. */
static const char *const signal_names[] = {
    NULL,        "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGBUS",
    "SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",  "SIGPIPE", "SIGALRM", "SIGTERM",
    "SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP",  "SIGTTIN", "SIGTTOU", "SIGURG",
    "SIGXCPU",   "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",   "SIGPWR",  "SIGSYS",
};

const char *run_signal_name(int signal)
{
	return signal > 0 && (size_t)signal < sizeof(signal_names) / sizeof(signal_names[0])
		   ? signal_names[signal]
		   : NULL;
}

/* The last line of each kind is kept: it is about the process that died last. */
void death_note(struct run_death *death, const char *line)
{
	static const char hungry[] = "out of memory: killed process ";
	const char *found = strstr(line, hungry);

	if (found)
		snprintf(death->hungry, sizeof(death->hungry), "%s", found);
	else if (strstr(line, ": segfault at ") || strstr(line, " bus error "))
		snprintf(death->fault, sizeof(death->fault), "%s", line);
}

void death_print(const struct run_report *report, const char *program)
{
	const struct run_death *death = &report->death;
	const char *name = run_signal_name(report->signal);

	if (report->signal && name)
		run_error("%s was killed by %s", program, name);
	else if (report->signal)
		run_error("%s was killed by signal %d", program, report->signal);
	/* With the log, the line has been shown. */
	if (report->signal && death->fault[0] && !report->show_log)
		run_error("the kernel said: %s", death->fault);
	if (death->hungry[0])
		run_error("the guest ran %s; %s gives it more", death->hungry,
			  strstr(death->hungry, "CONSTRAINT_MEMCG") ? "--mem-limit" : "--mem");
}
