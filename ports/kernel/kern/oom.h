/* SPDX-License-Identifier: MIT */
/* The OOM killer. */
#ifndef KERNEL_OOM_H
#define KERNEL_OOM_H

#include "kern/kernel.h"
#include "kern/task.h"

/* Limits of /proc/PID/oom_score_adj: per mille of all memory; the least one means never. */
enum {
	OOM_SCORE_ADJ_MIN = -1000,
	OOM_SCORE_ADJ_MAX = 1000
};

/* A fault ended out of memory by this rule: QUIRE_STEP_GROUP_LIMIT where the group of the calling task is full. Kills the
 * process with the most memory, of the group or of all, by Linux's rule; takes its memory, and gives it time to exit.
 * May sleep. */
void out_of_memory(enum quire_step rule);

/* As /proc/PID/oom_score shows it: 666 and more with memory; 0 for a process that is never chosen. */
unsigned oom_score(struct process *process);

#endif
