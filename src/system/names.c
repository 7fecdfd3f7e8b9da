/* SPDX-License-Identifier: MIT */
/* Names for people: every enum of types.h, steps.h and fault.h as the manuals and errno(3) spell it. */
#include <quire/fault.h>

#define NAME(prefix, id) \
	case prefix##id: \
		return #id
#define WORD(id, word) \
	case id:       \
		return word

const char *quire_status_name(enum quire_status status)
{
	switch (status) {
		WORD(QUIRE_OK, "OK");
		NAME(QUIRE_, EPERM);
		NAME(QUIRE_, ENOENT);
		NAME(QUIRE_, ESRCH);
		NAME(QUIRE_, EINTR);
		NAME(QUIRE_, EIO);
		NAME(QUIRE_, ENXIO);
		NAME(QUIRE_, EBADF);
		NAME(QUIRE_, EAGAIN);
		NAME(QUIRE_, ENOMEM);
		NAME(QUIRE_, EACCES);
		NAME(QUIRE_, EFAULT);
		NAME(QUIRE_, EBUSY);
		NAME(QUIRE_, EEXIST);
		NAME(QUIRE_, ENODEV);
		NAME(QUIRE_, EINVAL);
		NAME(QUIRE_, ENFILE);
		NAME(QUIRE_, ETXTBSY);
		NAME(QUIRE_, EFBIG);
		NAME(QUIRE_, ENOSPC);
		NAME(QUIRE_, ERANGE);
		NAME(QUIRE_, ENOSYS);
		NAME(QUIRE_, EOVERFLOW);
		NAME(QUIRE_, EOPNOTSUPP);
		NAME(QUIRE_, NO_NX);
		NAME(QUIRE_, NO_EXECONLY);
		NAME(QUIRE_, NO_WRITEONLY);
		NAME(QUIRE_, NO_LEAF);
	}
	return "E?";
}

const char *quire_step_name(enum quire_step step)
{
	switch (step) {
#define STEP_NAME(id, name, text) WORD(QUIRE_STEP_##id, name);
		QUIRE_STEPS(STEP_NAME)
#undef STEP_NAME
	case QUIRE_STEP_COUNT:
		break;
	}
	return "?";
}

const char *quire_step_text(enum quire_step step)
{
	switch (step) {
#define STEP_TEXT(id, name, text) WORD(QUIRE_STEP_##id, text);
		QUIRE_STEPS(STEP_TEXT)
#undef STEP_TEXT
	case QUIRE_STEP_COUNT:
		break;
	}
	return "?";
}

const char *quire_access_name(enum quire_access access)
{
	switch (access) {
		WORD(QUIRE_ACCESS_READ, "read");
		WORD(QUIRE_ACCESS_WRITE, "write");
		WORD(QUIRE_ACCESS_EXEC, "exec");
		WORD(QUIRE_ACCESS_UNKNOWN, "unknown");
	}
	return "?";
}

const char *quire_mode_name(enum quire_mode mode)
{
	switch (mode) {
		WORD(QUIRE_MODE_USER, "user");
		WORD(QUIRE_MODE_KERNEL, "kernel");
		WORD(QUIRE_MODE_UNKNOWN, "unknown");
	}
	return "?";
}

const char *quire_cause_name(enum quire_cause cause)
{
	switch (cause) {
		WORD(QUIRE_CAUSE_UNKNOWN, "unknown");
		WORD(QUIRE_CAUSE_NOT_PRESENT, "not-present");
		WORD(QUIRE_CAUSE_PERMISSION, "permission");
		WORD(QUIRE_CAUSE_ACCESS_FLAG, "access-flag");
		WORD(QUIRE_CAUSE_ADDRESS_SIZE, "address-size");
		WORD(QUIRE_CAUSE_ALIGNMENT, "alignment");
		WORD(QUIRE_CAUSE_DOMAIN, "domain");
		WORD(QUIRE_CAUSE_RESERVED_BIT, "reserved-bit");
		WORD(QUIRE_CAUSE_PROTECTION_KEY, "protection-key");
		WORD(QUIRE_CAUSE_SHADOW_STACK, "shadow-stack");
		WORD(QUIRE_CAUSE_SGX, "sgx");
		WORD(QUIRE_CAUSE_RMP, "rmp");
		WORD(QUIRE_CAUSE_HLAT, "hlat");
		WORD(QUIRE_CAUSE_TAG_CHECK, "tag-check");
		WORD(QUIRE_CAUSE_EXTERNAL_ABORT, "external-abort");
		WORD(QUIRE_CAUSE_WALK_EXTERNAL_ABORT, "walk-external-abort");
		WORD(QUIRE_CAUSE_ASYNC_EXTERNAL_ABORT, "async-external-abort");
		WORD(QUIRE_CAUSE_PARITY, "parity");
		WORD(QUIRE_CAUSE_WALK_PARITY, "walk-parity");
		WORD(QUIRE_CAUSE_ASYNC_PARITY, "async-parity");
		WORD(QUIRE_CAUSE_TLB_CONFLICT, "tlb-conflict");
		WORD(QUIRE_CAUSE_TLB_MAINTENANCE, "tlb-maintenance");
		WORD(QUIRE_CAUSE_ATOMIC, "atomic");
		WORD(QUIRE_CAUSE_DEBUG, "debug");
		WORD(QUIRE_CAUSE_ACCESS_FAULT, "access-fault");
		WORD(QUIRE_CAUSE_MISALIGNED_FETCH, "misaligned-fetch");
		WORD(QUIRE_CAUSE_PAGE_FAULT, "page-fault");
		WORD(QUIRE_CAUSE_IMPLEMENTATION, "implementation");
		WORD(QUIRE_CAUSE_GRANULE, "granule");
		WORD(QUIRE_CAUSE_NOT_A_FAULT, "not-a-fault");
		WORD(QUIRE_CAUSE_RESERVED, "reserved");
	case QUIRE_CAUSE_COUNT:
		break;
	}
	return "?";
}

const char *quire_route_name(enum quire_route route)
{
	switch (route) {
		WORD(QUIRE_ROUTE_PAGE_FAULT, "page-fault");
		WORD(QUIRE_ROUTE_KERNEL_SYNC, "kernel-sync");
		WORD(QUIRE_ROUTE_BAD_AREA, "bad-area");
		WORD(QUIRE_ROUTE_UNHANDLED, "unhandled");
		WORD(QUIRE_ROUTE_IGNORE, "ignore");
	}
	return "?";
}

const char *quire_outcome_name(enum quire_outcome_kind kind)
{
	switch (kind) {
		WORD(QUIRE_RESUME, "resume");
		WORD(QUIRE_SIGNAL, "signal");
		WORD(QUIRE_FIXUP, "fixup");
		WORD(QUIRE_OOPS, "oops");
		WORD(QUIRE_PANIC, "panic");
		WORD(QUIRE_OOM_KILL, "oom-kill");
		WORD(QUIRE_NOT_OURS, "not-ours");
	}
	return "?";
}

const char *quire_resume_page_name(enum quire_resume_page page)
{
	switch (page) {
		WORD(QUIRE_RESUME_NONE, "none");
		WORD(QUIRE_RESUME_ZERO_PAGE, "zero-page");
		WORD(QUIRE_RESUME_FRESH, "fresh");
		WORD(QUIRE_RESUME_COPY, "copy");
		WORD(QUIRE_RESUME_REUSE, "reuse");
		WORD(QUIRE_RESUME_FILE, "file");
		WORD(QUIRE_RESUME_SWAPPED, "swapped");
	}
	return "?";
}

const char *quire_signal_name(unsigned signal)
{
	switch (signal) {
		NAME(QUIRE_, SIGILL);
		NAME(QUIRE_, SIGTRAP);
		NAME(QUIRE_, SIGBUS);
		NAME(QUIRE_, SIGFPE);
		NAME(QUIRE_, SIGKILL);
		NAME(QUIRE_, SIGSEGV);
	}
	return "?";
}

static const char *segv_code(unsigned code)
{
	switch (code) {
		NAME(QUIRE_, SEGV_MAPERR);
		NAME(QUIRE_, SEGV_ACCERR);
		NAME(QUIRE_, SEGV_BNDERR);
		NAME(QUIRE_, SEGV_PKUERR);
		NAME(QUIRE_, SEGV_MTESERR);
		NAME(QUIRE_, SEGV_CPERR);
	}
	return "?";
}

static const char *bus_code(unsigned code)
{
	switch (code) {
		NAME(QUIRE_, BUS_ADRALN);
		NAME(QUIRE_, BUS_ADRERR);
		NAME(QUIRE_, BUS_OBJERR);
		NAME(QUIRE_, BUS_MCEERR_AR);
	}
	return "?";
}

static const char *other_code(unsigned signal, unsigned code)
{
	if (signal == QUIRE_SIGILL)
		switch (code) {
			NAME(QUIRE_, ILL_ILLOPC);
			NAME(QUIRE_, ILL_ILLOPN);
			NAME(QUIRE_, ILL_PRVOPC);
		}
	if (signal == QUIRE_SIGTRAP)
		switch (code) {
			NAME(QUIRE_, TRAP_BRKPT);
			NAME(QUIRE_, TRAP_HWBKPT);
		}
	return "?";
}

/* Code 0 is SI_USER with every signal, 0x80 the kernel's own. */
const char *quire_code_name(unsigned signal, unsigned code)
{
	if (code == 0)
		return "SI_USER";
	if (code == QUIRE_SI_KERNEL)
		return "SI_KERNEL";
	if (signal == QUIRE_SIGSEGV)
		return segv_code(code);
	if (signal == QUIRE_SIGBUS)
		return bus_code(code);
	return other_code(signal, code);
}
