/* SPDX-License-Identifier: MIT */
/* How the kernel decided, as far as the report proves it: the functions that a fault passes on every way to
 * the end that the report shows, and the rule that decided where only one can have.
 *
 * way.c has the way of the library over an address space that permits nothing. The kernel's own may have
 * been another: a report does not show the vmas. So a look-up is named only where it is certain. */
#include "explain.h"

/* Control bits that decide (SDM 3A, 2.5; SDM 1, 3.4.3). */
#define CR4_SMEP  (UINT64_C(1) << 20)
#define CR4_SMAP  (UINT64_C(1) << 21)
#define EFLAGS_AC (UINT64_C(1) << 18)
/* The first page, which no program may map unless the administrator lets it. */
#define PAGE_ZERO_END 4096

static void add(struct ex_finding *finding, const char *name)
{
	struct ex_path *path = &finding->path;

	if (name && path->count < EX_PATH)
		path->names[path->count++] = name;
}

static void add_step(struct ex_finding *finding, enum quire_step step)
{
	add(finding, ex_release_name(finding, step));
}

static void decide(struct ex_finding *finding, const char *rule, const char *premise)
{
	finding->path.rule = rule;
	finding->path.premise = premise;
}

static bool user_address(const struct ex_finding *finding)
{
	return finding->report->has_address && quire_va_is_user(&finding->arch, finding->fault.va);
}

/* --- what decides before any look-up --------------------------------------------------------------------- */

/* Since 5.12 a violation of SMAP asks no exception table; without the control registers, whether it was one
 * is not told. */
static bool fixup_untold(const struct ex_finding *finding)
{
	uint64_t cr4;

	return ex_since(finding, 5, 12) && finding->fault.mode == QUIRE_MODE_KERNEL &&
	       user_address(finding) && !ex_register(finding->report, "cr4", &cr4);
}

/* Returns true when the control registers of the report prove it. */
static bool x86_refuses(struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;
	uint64_t cr4, flags;
	bool fetch = finding->fault.access == QUIRE_ACCESS_EXEC;

	if (finding->fault.mode != QUIRE_MODE_KERNEL || !user_address(finding))
		return false;
	if (fetch && ex_since(finding, 5, 12) && (finding->fault.raw & 16)) {
		decide(finding, "the kernel never executes at a user address, and asks for no mapping there",
		       "Linux 5.12 or later, and bit I of the error code");
	} else if (!ex_register(report, "cr4", &cr4)) {
		finding->path.no_fixup = fixup_untold(finding);
		return false;
	} else if (fetch && finding->fault.present && (cr4 & CR4_SMEP)) {
		decide(finding, "SMEP: the kernel may not execute a user's page", "CR4 bit 20 is set");
		return false; /* the look-up came first in those releases */
	} else if (ex_since(finding, 3, 7) && (cr4 & CR4_SMAP) &&
		   (ex_register(report, "eflags", &flags) || ex_register(report, "rflags", &flags)) &&
		   !(flags & EFLAGS_AC)) {
		decide(finding,
		       "SMAP: the kernel touched a user address outside its copy routines, and is refused "
		       "before any vma is looked up",
		       "CR4 bit 21 is set, and EFLAGS.AC is clear");
	} else {
		return false;
	}
	finding->path.no_fixup = ex_since(finding, 5, 12);
	return true;
}

static bool arm_refuses(struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;
	bool permission = finding->fault.cause == QUIRE_CAUSE_PERMISSION;

	if (report->outside_uaccess) {
		decide(finding,
		       "the kernel touched user memory outside its copy routines, and is refused before any "
		       "vma is looked up",
		       "the words of the report");
		finding->path.no_fixup = finding->id == EX_ARM64;
		return true;
	}
	if (finding->id == EX_ARM64 && permission && finding->fault.mode == QUIRE_MODE_KERNEL &&
	    user_address(finding) && finding->fault.access == QUIRE_ACCESS_EXEC) {
		decide(finding, "the kernel never executes user memory",
		       "a permission fault on a user address");
		finding->path.no_fixup = true;
		return true;
	}
	if (report->no_mm) {
		decide(finding, "a kernel thread has no address space of its own: nothing is looked up",
		       "\"active_mm is swapper\"");
		return true;
	}
	return false;
}

/* --- the ends ---------------------------------------------------------------------------------------------- */

static void die(struct ex_finding *finding)
{
	if (!finding->path.no_fixup)
		add_step(finding, QUIRE_STEP_SEARCH_EXCEPTION_TABLE);
	if (ex_is_x86(finding) && ex_since(finding, 5, 12))
		add(finding, "page_fault_oops");
	add(finding, quire_step_name(QUIRE_STEP_OOPS));
}

static void kernel_end(struct ex_finding *finding)
{
	if (ex_is_x86(finding)) {
		if (!finding->path.no_fixup)
			add_step(finding, QUIRE_STEP_NO_CONTEXT);
	} else {
		add_step(finding,
			 finding->id == EX_RISCV64 ? QUIRE_STEP_NO_CONTEXT : QUIRE_STEP_DO_KERNEL_FAULT);
	}
	die(finding);
}

static void signal_end(struct ex_finding *finding, unsigned signal, unsigned code)
{
	const struct ex_report *report = finding->report;
	struct ex_path *path = &finding->path;

	path->signal = report->signal ? report->signal : signal;
	path->si_code = report->has_si_code ? report->si_code : code;
	if (path->signal == QUIRE_SIGSEGV && path->si_code == QUIRE_SEGV_MAPERR)
		add_step(finding, QUIRE_STEP_SIGSEGV_MAPERR);
	else if (path->signal == QUIRE_SIGSEGV && path->si_code == QUIRE_SEGV_ACCERR)
		add_step(finding, QUIRE_STEP_SIGSEGV_ACCERR);
	else
		add(finding, quire_signal_name(path->signal));
}

/* A program's fault on its own half, which the look-up refused. */
static void user_lookup(struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;
	const struct quire_fault *fault = &finding->fault;
	unsigned code = 0;

	finding->path.lookup = EX_LOOKUP_DONE;
	add_step(finding, QUIRE_STEP_FIND_VMA);
	if (report->has_si_code && report->signal == QUIRE_SIGSEGV) {
		if (report->si_code == QUIRE_SEGV_MAPERR)
			decide(finding, "nothing is mapped at the address",
			       "the si_code that the report prints");
		else if (report->si_code == QUIRE_SEGV_ACCERR)
			decide(finding, "the mapping at the address forbids the access",
			       "the si_code that the report prints");
	} else if (fault->present) {
		code = fault->code == QUIRE_SEGV_PKUERR ? QUIRE_SEGV_PKUERR : QUIRE_SEGV_ACCERR;
		add_step(finding, QUIRE_STEP_ACCESS_ERROR);
		decide(finding,
		       code == QUIRE_SEGV_PKUERR ? "the protection key of the mapping forbids the access"
						 : "the mapping at the address forbids the access",
		       "a translation was found, and the access was not resolved");
	} else if (report->has_address && report->address < PAGE_ZERO_END) {
		code = QUIRE_SEGV_MAPERR;
		decide(finding, "nothing is mapped at the address",
		       "no program may map the first page (vm.mmap_min_addr)");
	} else {
		decide(finding,
		       "nothing is mapped at the address, or the mapping forbids the access: the report does "
		       "not say which",
		       "no translation was found, and the access was not resolved");
	}
	signal_end(finding, QUIRE_SIGSEGV, code);
}

/* --- the routes ---------------------------------------------------------------------------------------------- */

static void page_fault(struct ex_finding *finding)
{
	bool refused = ex_is_x86(finding) ? x86_refuses(finding) : arm_refuses(finding);

	if (refused)
		finding->path.lookup = EX_LOOKUP_NONE;
	if (finding->fault.mode == QUIRE_MODE_USER) {
		user_lookup(finding);
		return;
	}
	kernel_end(finding);
}

static void bad_area(struct ex_finding *finding)
{
	const struct quire_fault *fault = &finding->fault;
	bool refused;
	enum quire_step last =
	    fault->steps_count ? (enum quire_step)fault->steps[fault->steps_count - 1] : QUIRE_STEP_TRAP;

	/* A fetch of the kernel from a user address was looked up before 5.12. */
	if (ex_is_x86(finding) && user_address(finding) && !ex_since(finding, 5, 12)) {
		page_fault(finding);
		return;
	}
	refused = ex_is_x86(finding) ? x86_refuses(finding) : arm_refuses(finding);
	finding->path.lookup = EX_LOOKUP_NONE;
	finding->path.no_fixup = finding->path.no_fixup || finding->report->implicit;
	if (ex_is_x86(finding) && !refused)
		add_step(finding, QUIRE_STEP_BAD_AREA_NOSEMAPHORE);
	else if (finding->id != EX_RISCV64 && last != QUIRE_STEP_DO_PAGE_FAULT)
		add_step(finding, QUIRE_STEP_DO_BAD_AREA);
	else if (finding->id != EX_RISCV64)
		finding->path.lookup = EX_LOOKUP_UNTOLD;
	if (fault->mode != QUIRE_MODE_USER) {
		kernel_end(finding);
		return;
	}
	if (!refused && finding->report->has_address && !user_address(finding))
		decide(finding, "a program may not touch the kernel's half: no vma is looked up",
		       "the address is not below the end of user addresses");
	signal_end(finding, fault->signal ? fault->signal : QUIRE_SIGSEGV,
		   fault->signal ? fault->code : QUIRE_SEGV_MAPERR);
}

static void unhandled(struct ex_finding *finding)
{
	const struct quire_fault *fault = &finding->fault;
	bool arm = ex_is_arm(finding) || finding->id == EX_ARM64;

	finding->path.lookup = EX_LOOKUP_NONE;
	finding->path.no_fixup = finding->id != EX_RISCV64;
	decide(finding, "no handler can resolve such a fault", "the row of the fault table");
	if (fault->cause == QUIRE_CAUSE_DOMAIN && fault->mode == QUIRE_MODE_KERNEL && user_address(finding))
		decide(finding,
		       "domains: the kernel closes user memory to itself outside its copy routines, and is "
		       "refused before any vma is looked up",
		       "a domain fault of the kernel on a user address");
	if (arm)
		add_step(finding, QUIRE_STEP_ARM_NOTIFY_DIE);
	if (fault->mode == QUIRE_MODE_USER)
		signal_end(finding, fault->signal ? fault->signal : QUIRE_SIGKILL, fault->code);
	else if (arm)
		die(finding);
	else
		kernel_end(finding);
}

/* Without a syndrome: what the report itself says of the end. */
static void told_end(struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;

	if (report->end == EX_END_OOPS)
		add(finding, quire_step_name(QUIRE_STEP_OOPS));
	else if (report->signal && report->has_si_code)
		user_lookup(finding);
	else if (report->signal)
		signal_end(finding, report->signal, 0);
	else if (report->kind == EX_KIND_PROTECTION)
		signal_end(finding, QUIRE_SIGSEGV, QUIRE_SI_KERNEL);
}

void ex_find_path(struct ex_finding *finding)
{
	const struct quire_fault *fault = &finding->fault;

	if (!finding->decoded || finding->report->kind != EX_KIND_FAULT) {
		if (finding->report->outside_uaccess && arm_refuses(finding))
			finding->path.lookup = EX_LOOKUP_NONE;
		told_end(finding);
		return;
	}
	finding->path.no_fixup =
	    finding->id == EX_ARM64 && fault->access == QUIRE_ACCESS_EXEC && fault->mode == QUIRE_MODE_KERNEL;
	for (unsigned i = 0; i < fault->steps_count; i++)
		add_step(finding, (enum quire_step)fault->steps[i]);
	switch (fault->route) {
	case QUIRE_ROUTE_PAGE_FAULT:
		page_fault(finding);
		break;
	case QUIRE_ROUTE_KERNEL_SYNC:
	case QUIRE_ROUTE_BAD_AREA:
		bad_area(finding);
		break;
	case QUIRE_ROUTE_UNHANDLED:
		unhandled(finding);
		break;
	default:
		break;
	}
}
