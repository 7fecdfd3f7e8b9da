/* SPDX-License-Identifier: MIT */
/* Ends that are no resumption: a signal to the user; to the kernel a fixup, an oops, a panic. */
#include "fault/fault.h"
#include "fault/ways.h"

static bool arm_words(const struct quire_fault *fault)
{
	return fault->vector == QUIRE_VECTOR_DATA_ABORT || fault->vector == QUIRE_VECTOR_PREFETCH_ABORT ||
	       fault->vector == QUIRE_VECTOR_SYNC;
}

quire_va qr_search_exception_table(struct qr_fault_ctx *fc)
{
	const struct quire_host *host = fc->system->host;

	qr_step(fc, QUIRE_STEP_SEARCH_EXCEPTION_TABLE);
	return host->fixup ? host->fixup(fc->system->host_context, fc->trap->pc) : 0;
}

struct quire_outcome qr_die(struct qr_fault_ctx *fc)
{
	struct quire_outcome outcome = {.kind = QUIRE_OOPS, .rule = QUIRE_STEP_OOPS};

	qr_step(fc, QUIRE_STEP_OOPS);
	if (fc->trap->context & QUIRE_CTX_PERSISTENT) {
		qr_step(fc, QUIRE_STEP_PANIC);
		outcome.kind = QUIRE_PANIC;
		outcome.rule = QUIRE_STEP_PANIC;
	}
	outcome.signal = QUIRE_SIGKILL;
	outcome.va = fc->trap->address;
	return outcome;
}

struct quire_outcome qr_kernel_fault(struct qr_fault_ctx *fc)
{
	quire_va pc;

	qr_step(fc, arm_words(fc->fault) ? QUIRE_STEP_DO_KERNEL_FAULT : QUIRE_STEP_NO_CONTEXT);
	pc = qr_search_exception_table(fc);
	if (!pc)
		return qr_die(fc);
	qr_step(fc, QUIRE_STEP_FIXUP_EXCEPTION);
	return (struct quire_outcome){.kind = QUIRE_FIXUP, .pc = pc, .rule = QUIRE_STEP_FIXUP_EXCEPTION};
}

/* The step that names a signal. */
static enum quire_step signal_step(unsigned signal, unsigned code)
{
	if (signal == QUIRE_SIGBUS)
		return QUIRE_STEP_SIGBUS;
	if (signal == QUIRE_SIGSEGV && code == QUIRE_SEGV_MAPERR)
		return QUIRE_STEP_SIGSEGV_MAPERR;
	if (signal == QUIRE_SIGSEGV && code == QUIRE_SEGV_ACCERR)
		return QUIRE_STEP_SIGSEGV_ACCERR;
	return QUIRE_STEP_SIGNAL_OTHER;
}

struct quire_outcome qr_signal(struct qr_fault_ctx *fc, unsigned signal, unsigned code)
{
	struct quire_outcome outcome = {
	    .kind = QUIRE_SIGNAL, .signal = (uint8_t)signal, .code = (uint8_t)code};

	outcome.va = fc->trap->address;
	outcome.rule = (uint8_t)signal_step(signal, code);
	qr_step(fc, (enum quire_step)outcome.rule);
	return outcome;
}

struct quire_outcome qr_bad_area(struct qr_fault_ctx *fc, unsigned signal, unsigned code)
{
	bool user = fc->fault->mode == QUIRE_MODE_USER;

	if (arm_words(fc->fault))
		qr_step(fc, QUIRE_STEP_DO_BAD_AREA);
	if (!user)
		return qr_kernel_fault(fc);
	if (arm_words(fc->fault))
		qr_step(fc, QUIRE_STEP_DO_USER_FAULT);
	return qr_signal(fc, signal, code);
}

struct quire_outcome qr_unhandled(struct qr_fault_ctx *fc)
{
	const struct quire_fault *fault = fc->fault;

	if (arm_words(fault))
		qr_step(fc, QUIRE_STEP_ARM_NOTIFY_DIE);
	if (fault->mode == QUIRE_MODE_USER)
		return qr_signal(fc, fault->signal ? fault->signal : QUIRE_SIGKILL, fault->code);
	/* ARM dies at once; elsewhere a kernel access may have a fixup. */
	return arm_words(fault) ? qr_die(fc) : qr_kernel_fault(fc);
}
