/* SPDX-License-Identifier: MIT */
/* Reports that say the same are one. */
#ifndef EXPLAIN_GROUP_H
#define EXPLAIN_GROUP_H

#include "report.h"

typedef void ex_group_sink(void *context, const struct ex_report *report, unsigned times);

struct ex_groups;

/* NULL when memory ran out. */
struct ex_groups *ex_groups_open(ex_group_sink *sink, void *context);
void ex_groups_add(struct ex_groups *groups, const struct ex_report *report);
/* Hands out what is held, in the order of the log. */
void ex_groups_flush(struct ex_groups *groups);
void ex_groups_close(struct ex_groups *groups);

#endif
