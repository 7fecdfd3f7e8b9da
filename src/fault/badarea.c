/* SPDX-License-Identifier: MIT */
/* Faults that end in a signal to the program: bad areas, SIGBUS, no frame, codes without a handler.
 * In kernel mode each of them goes to the exception table instead (oops.c). */
#include "fault/fault.h"

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

/* A signal to the program, with the address of the fault. `rule`: what decided. */
static void force_sig_info(struct qr_fault_ctx *fc, unsigned signal, unsigned code, enum quire_step rule)
{
	fc->outcome = (struct quire_outcome){.kind = QUIRE_SIGNAL,
					     .signal = (uint8_t)signal,
					     .code = (uint8_t)code,
					     .rule = (uint8_t)rule,
					     .va = fc->request.address};
	qr_step(fc, signal_step(signal, code));
}

/* The end of a bad area, by user_mode: __do_user_fault or __do_kernel_fault on ARM. Its do_bad_area, which the
 * entry calls without a look-up, is arch/arm/fault.c's. */
static void end_bad_area(struct qr_fault_ctx *fc, unsigned signal, unsigned code, enum quire_step rule)
{
	if (!qr_fault_is_user(fc)) {
		qr_no_context(fc);
		return;
	}
	if (qr_fault_is_arm(fc))
		qr_step(fc, QUIRE_STEP_DO_USER_FAULT);
	force_sig_info(fc, signal, code, rule);
}

void qr_bad_area(struct qr_fault_ctx *fc, unsigned code)
{
	/* bad_area_access_error is 2.6.30's, of x86. */
	bool access_error = code == QUIRE_SEGV_ACCERR && qr_arch(fc->system)->family == QUIRE_FAMILY_X86 &&
			    fc->system->profile->release >= QUIRE_LINUX_2_6;

	if (!qr_fault_is_arm(fc))
		qr_step(fc, access_error ? QUIRE_STEP_BAD_AREA_ACCESS_ERROR : QUIRE_STEP_BAD_AREA);
	end_bad_area(fc, QUIRE_SIGSEGV, code, fc->outcome.rule);
}

void qr_bad_area_nosemaphore(struct qr_fault_ctx *fc, unsigned code)
{
	const struct quire_fault *fault = fc->fault;
	unsigned signal = fault->signal ? fault->signal : QUIRE_SIGSEGV;

	if (fault->signal)
		code = fault->code;
	if (qr_arch(fc->system)->family == QUIRE_FAMILY_X86)
		qr_step(fc, QUIRE_STEP_BAD_AREA_NOSEMAPHORE);
	end_bad_area(fc, signal, code, signal_step(signal, code));
}

void qr_do_sigbus(struct qr_fault_ctx *fc)
{
	if (qr_fault_is_user(fc))
		force_sig_info(fc, QUIRE_SIGBUS, QUIRE_BUS_ADRERR, fc->outcome.rule);
	else
		qr_no_context(fc);
}

/* The rule says whether there is no frame, or a group's limit refuses one. The first releases end the faulting process:
 * do_exit in 2.4, do_group_exit in 2.6. Later ones leave it to the policy of the host. */
void qr_out_of_memory(struct qr_fault_ctx *fc)
{
	qr_step(fc, (enum quire_step)fc->outcome.rule);
	if (!qr_fault_is_user(fc)) {
		qr_no_context(fc);
		return;
	}
	fc->outcome = (struct quire_outcome){
	    .kind = QUIRE_OOM_KILL, .rule = fc->outcome.rule, .va = fc->request.address};
	if (fc->system->profile->oom_rule == QUIRE_OOM_KILL_SELF) {
		qr_step(fc, QUIRE_STEP_OOM_KILL_TASK);
		fc->outcome.signal = QUIRE_SIGKILL;
		fc->outcome.rule = QUIRE_STEP_OOM_KILL_TASK;
	}
}

void qr_kill(struct qr_fault_ctx *fc)
{
	if (qr_fault_is_user(fc))
		force_sig_info(fc, QUIRE_SIGKILL, 0, fc->outcome.rule);
	else
		qr_no_context(fc);
}

void qr_notify_die(struct qr_fault_ctx *fc)
{
	const struct quire_fault *fault = fc->fault;
	unsigned signal = fault->signal ? fault->signal : QUIRE_SIGKILL;
	unsigned family = qr_arch(fc->system)->family;

	if (family == QUIRE_FAMILY_ARM)
		qr_step(fc, QUIRE_STEP_ARM_NOTIFY_DIE);
	if (family == QUIRE_FAMILY_ARM64)
		qr_step(fc, QUIRE_STEP_ARM64_NOTIFY_DIE);
	if (qr_fault_is_user(fc))
		force_sig_info(fc, signal, fault->code, signal_step(signal, fault->code));
	else if (qr_fault_is_arm(fc))
		qr_die(fc);
	else
		qr_no_context(fc);
}
