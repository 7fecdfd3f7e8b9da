/* SPDX-License-Identifier: MIT */
/* The callers of an interrupted place, by .eh_frame. */
#include "arch/common/trace.h"

#include "kern/task.h"

static bool in_library(const struct unwind_image *image, uint64_t pc)
{
	return pc >= image->library && pc < image->library_end;
}

void trace_calls(struct unwind *from, bool user, struct call_trace *out)
{
	const struct task *task = current;
	enum unwind_result result;

	*out = (struct call_trace){.library = in_library(from->image, from->pc)};
	if (!task || !task->stack)
		return;
	if (user) {
		out->whole = true; /* a program's own fault: nothing of the kernel was running */
		return;
	}
	from->stack = task->stack;
	from->stack_end = task->stack + KERNEL_STACK_PAGES * PAGE_SIZE;
	while ((result = unwind_step(from)) == UNWIND_CALLER && out->count < CALL_TRACE_MOST) {
		out->pc[out->count++] = from->pc;
		out->library |= in_library(from->image, from->pc);
	}
	out->whole = result == UNWIND_END;
}
