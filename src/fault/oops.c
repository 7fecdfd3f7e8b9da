/* SPDX-License-Identifier: MIT */
/* A fault in kernel mode that cannot be resumed: no_context, on ARM __do_kernel_fault.
 *
 * fixup_exception continues where the exception table says (search_exception_table in 2.4); without an entry
 * the kernel dies with a report. The port prints it, and ends the task, do_exit with SIGKILL, or the machine. */
#include "fault/fault.h"

/* search_exception_table in 2.4 */
quire_va qr_search_exception_tables(struct qr_fault_ctx *fc)
{
	const struct quire_host *host = fc->system->host;

	qr_step(fc, QUIRE_STEP_SEARCH_EXCEPTION_TABLE);
	return host->fixup ? host->fixup(fc->system->host_context, fc->pc) : 0;
}

/* The kernel's report is the host's to print (quire_fault_describe), and do_exit(SIGKILL) to call: a context that
 * cannot be ended panics. */
void qr_die(struct qr_fault_ctx *fc)
{
	fc->outcome = (struct quire_outcome){
	    .kind = QUIRE_OOPS, .rule = QUIRE_STEP_OOPS, .signal = QUIRE_SIGKILL, .va = fc->request.address};
	qr_step(fc, QUIRE_STEP_OOPS);
	if (fc->context & QUIRE_CTX_PERSISTENT) {
		qr_step(fc, QUIRE_STEP_PANIC);
		fc->outcome.kind = QUIRE_PANIC;
		fc->outcome.rule = QUIRE_STEP_PANIC;
	}
}

/* Sets the outcome to the fixup of the instruction. False: it has none. */
static bool fixup_exception(struct qr_fault_ctx *fc)
{
	quire_va pc = qr_search_exception_tables(fc);

	if (!pc)
		return false;
	qr_step(fc, QUIRE_STEP_FIXUP_EXCEPTION);
	fc->outcome =
	    (struct quire_outcome){.kind = QUIRE_FIXUP, .pc = pc, .rule = QUIRE_STEP_FIXUP_EXCEPTION};
	return true;
}

/* no_context on x86 and RISC-V, __do_kernel_fault on ARM and ARM64. */
void qr_no_context(struct qr_fault_ctx *fc)
{
	qr_step(fc, qr_fault_is_arm(fc) ? QUIRE_STEP_DO_KERNEL_FAULT : QUIRE_STEP_NO_CONTEXT);
	if (!fixup_exception(fc))
		qr_die(fc);
}
