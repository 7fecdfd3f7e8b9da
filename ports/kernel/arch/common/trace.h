/* SPDX-License-Identifier: MIT */
/* What arch_call_trace() is made of on a machine whose compiler writes .eh_frame. */
#ifndef KERNEL_TRACE_H
#define KERNEL_TRACE_H

#include "extras/unwind.h"
#include "kern/oops.h"

/* `from`: the image, and pc and reg[] of the interrupted place; the rest 0. `user`: a program was running there. */
void trace_calls(struct unwind *from, bool user, struct call_trace *out);

#endif
