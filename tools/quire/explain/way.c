/* SPDX-License-Identifier: MIT */
/* How the kernel went on after the entry, and the rule that ended it.
 *
 * A log shows a fault that was not resolved, but not the vmas that were looked at. What is left is
 * decided by the syndrome: where no translation was found, nothing was mapped at the address; where
 * one was found, the vma forbade the access. tests/explain/way.c drives the library with the same
 * syndromes over such an address space and compares step by step. */
#include "explain.h"

struct path {
	const struct ex_finding *finding;
	struct ex_way *way;
	const struct quire_arch_rules *rules;
	bool arm; /* the functions of ARM and ARM64 */
	bool x86;
};

static void step(struct path *path, enum quire_step step)
{
	struct ex_way *way = path->way;

	if (way->count < EX_STEPS)
		way->steps[way->count++] = (uint8_t)step;
}

static void end(struct path *path, enum quire_outcome_kind outcome, enum quire_step rule)
{
	path->way->outcome = outcome;
	path->way->rule = rule;
	if (path->way->reason == QUIRE_STEP_TRAP)
		path->way->reason = rule;
}

/* The first such step is what all that follows comes from. */
static void because(struct path *path, enum quire_step reason)
{
	step(path, reason);
	path->way->reason = reason;
}

static void signal_user(struct path *path, unsigned signal, unsigned code)
{
	enum quire_step rule = QUIRE_STEP_SIGNAL_OTHER;

	if (signal == QUIRE_SIGBUS)
		rule = QUIRE_STEP_SIGBUS;
	else if (signal == QUIRE_SIGSEGV && code == QUIRE_SEGV_MAPERR)
		rule = QUIRE_STEP_SIGSEGV_MAPERR;
	else if (signal == QUIRE_SIGSEGV && code == QUIRE_SEGV_ACCERR)
		rule = QUIRE_STEP_SIGSEGV_ACCERR;
	step(path, rule);
	end(path, QUIRE_SIGNAL, rule);
}

static void die(struct path *path)
{
	step(path, QUIRE_STEP_OOPS);
	end(path, QUIRE_OOPS, QUIRE_STEP_OOPS);
}

/* Kernel mode: a log that reports it has found no fixup. */
static void kernel_fault(struct path *path)
{
	step(path, path->arm ? QUIRE_STEP_DO_KERNEL_FAULT : QUIRE_STEP_NO_CONTEXT);
	step(path, QUIRE_STEP_SEARCH_EXCEPTION_TABLE);
	die(path);
}

static void end_bad_area(struct path *path, unsigned signal, unsigned code)
{
	if (path->finding->fault.mode != QUIRE_MODE_USER) {
		kernel_fault(path);
		return;
	}
	if (path->arm)
		step(path, QUIRE_STEP_DO_USER_FAULT);
	signal_user(path, signal, code);
}

/* Without a look-up: the entry's own signal. */
static void bad_area_nosemaphore(struct path *path)
{
	const struct quire_fault *fault = &path->finding->fault;

	if (path->x86)
		step(path, QUIRE_STEP_BAD_AREA_NOSEMAPHORE);
	end_bad_area(path, fault->signal ? fault->signal : QUIRE_SIGSEGV,
		     fault->signal ? fault->code : QUIRE_SEGV_MAPERR);
}

static void kernel_address(struct path *path)
{
	const struct quire_fault *fault = &path->finding->fault;
	bool absent = fault->cause == QUIRE_CAUSE_NOT_PRESENT || fault->cause == QUIRE_CAUSE_PAGE_FAULT;
	bool plain = fault->mode != QUIRE_MODE_USER && !fault->present && absent;

	if (plain || path->rules->vmalloc_rule == QUIRE_VMALLOC_ANY) {
		step(path, QUIRE_STEP_VMALLOC_FAULT);
		/* Where a translation was found, the table has the entry: it is the entry that refuses. */
		because(path, fault->present ? QUIRE_STEP_VMALLOC_SPURIOUS : QUIRE_STEP_VMALLOC_ABSENT);
	} else {
		because(path, QUIRE_STEP_KERNEL_ADDRESS_REFUSED);
	}
	if (path->arm && fault->route == QUIRE_ROUTE_KERNEL_SYNC)
		step(path, QUIRE_STEP_DO_BAD_AREA);
	bad_area_nosemaphore(path);
}

/* Whether the vma forbids the access, or there is none. */
static bool vma_forbids(const struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;

	if (report->has_si_code && report->signal == QUIRE_SIGSEGV)
		return report->si_code == QUIRE_SEGV_ACCERR;
	return finding->fault.present;
}

/* An old page: nothing refuses it, and the fault makes it young. */
static bool only_old(const struct ex_finding *finding)
{
	return finding->fault.cause == QUIRE_CAUSE_ACCESS_FLAG && finding->report->end == EX_END_UNKNOWN;
}

static void user_address(struct path *path)
{
	const struct ex_finding *finding = path->finding;
	bool forbids = vma_forbids(finding);
	enum quire_step why = forbids ? QUIRE_STEP_ACCESS_ERROR : QUIRE_STEP_VMA_ABOVE;

	step(path, QUIRE_STEP_MMAP_LOCK_TAKEN);
	step(path, QUIRE_STEP_FIND_VMA);
	if (only_old(finding)) {
		step(path, QUIRE_STEP_GOOD_AREA);
		step(path, QUIRE_STEP_HANDLE_MM_FAULT);
		if (finding->profile->release >= QUIRE_LINUX_4_14)
			step(path, QUIRE_STEP_HANDLE_MM_FAULT_LEVELS);
		step(path, QUIRE_STEP_HANDLE_PTE_FAULT);
		step(path, QUIRE_STEP_ESTABLISH_PTE);
		step(path, QUIRE_STEP_MINOR);
		end(path, QUIRE_RESUME, QUIRE_STEP_ESTABLISH_PTE);
		return;
	}
	because(path, why);
	if (forbids && path->x86 && finding->profile->release >= QUIRE_LINUX_2_6)
		step(path, QUIRE_STEP_BAD_AREA_ACCESS_ERROR);
	else if (!path->arm)
		step(path, QUIRE_STEP_BAD_AREA);
	end_bad_area(path, QUIRE_SIGSEGV, forbids ? QUIRE_SEGV_ACCERR : QUIRE_SEGV_MAPERR);
	if (path->way->outcome == QUIRE_SIGNAL)
		path->way->rule = why;
}

/* The function of the entry that decided: do_bad, do_sea, do_translation_fault, ... */
static enum quire_step last_entry(const struct quire_fault *fault)
{
	unsigned last = fault->steps_count;

	while (last && fault->steps[last - 1] == QUIRE_STEP_DO_BAD_AREA)
		last--;
	return last ? (enum quire_step)fault->steps[last - 1] : QUIRE_STEP_TRAP;
}

static void unhandled(struct path *path)
{
	const struct quire_fault *fault = &path->finding->fault;

	path->way->reason = last_entry(fault);
	if (path->finding->id == EX_ARM64)
		step(path, QUIRE_STEP_ARM64_NOTIFY_DIE);
	else if (path->arm)
		step(path, QUIRE_STEP_ARM_NOTIFY_DIE);
	if (fault->mode == QUIRE_MODE_USER)
		signal_user(path, fault->signal ? fault->signal : QUIRE_SIGKILL, fault->code);
	else if (path->arm)
		die(path);
	else
		kernel_fault(path);
}

void ex_find_way(struct ex_finding *finding)
{
	struct path path = {.finding = finding, .way = &finding->way};
	const struct quire_fault *fault = &finding->fault;

	if (!finding->decoded)
		return;
	path.x86 = finding->id == EX_X86_64 || finding->id == EX_I386;
	path.arm = finding->id == EX_ARM || finding->id == EX_ARM_LPAE || finding->id == EX_ARM64;
	path.rules = quire_profile_rules(finding->profile, path.x86                  ? QUIRE_FAMILY_X86
							   : finding->id == EX_ARM64 ? QUIRE_FAMILY_ARM64
							   : path.arm                ? QUIRE_FAMILY_ARM
										     : QUIRE_FAMILY_OTHER);

	step(&path, QUIRE_STEP_TRAP);
	for (unsigned i = 0; i < fault->steps_count; i++)
		step(&path, (enum quire_step)fault->steps[i]);
	switch (fault->route) {
	case QUIRE_ROUTE_PAGE_FAULT:
		if (fault->va >= finding->arch.user_end)
			kernel_address(&path);
		else
			user_address(&path);
		break;
	case QUIRE_ROUTE_KERNEL_SYNC:
		kernel_address(&path);
		break;
	case QUIRE_ROUTE_BAD_AREA:
		finding->way.reason = last_entry(fault);
		bad_area_nosemaphore(&path);
		break;
	case QUIRE_ROUTE_UNHANDLED:
		unhandled(&path);
		break;
	default:
		end(&path, QUIRE_NOT_OURS, QUIRE_STEP_TRAP);
	}
}
