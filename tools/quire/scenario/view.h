/* SPDX-License-Identifier: MIT */
/* The views of a scenario: each writes its records into the run and their hash into the result. */
#ifndef QUIRE_SCENARIO_VIEW_H
#define QUIRE_SCENARIO_VIEW_H

#include "scenario.h"

void scn_view_layout(struct scn_run *run, const struct scn_op *op, struct scn_result *r);
void scn_view_resident(struct scn_run *run, const struct scn_op *op, struct scn_result *r);
void scn_view_mincore(struct scn_run *run, const struct scn_op *op, struct scn_result *r);
/* A digest of each page, read as the process would read it. */
void scn_view_memory(struct scn_run *run, unsigned proc, struct scn_result *r);

#endif
