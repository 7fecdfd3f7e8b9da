/* SPDX-License-Identifier: MIT */
/* The table of releases: what changed in the fault path of each architecture, and when. What the tool says
 * of a step's name comes from here; docs/profiles.md shows the same rows. */
#include "explain.h"

#include <string.h>

#define X86_64 (1u << EX_X86_64)
#define I386   (1u << EX_I386)
#define X86    (X86_64 | I386)
#define ARM    (1u << EX_ARM | 1u << EX_ARM_LPAE)
#define ARM64  (1u << EX_ARM64)
#define RISCV  (1u << EX_RISCV64)
#define ALL    (X86 | ARM | ARM64 | RISCV)

/* No step: the row is about words, or about a check that path.c makes by ex_since(). */
#define NO_STEP QUIRE_STEP_TRAP

static const struct change {
	unsigned arches;
	uint8_t major, minor;
	enum quire_step step;
	const char *name; /* what the step is called from then on; NULL: it is gone */
	const char *text;
} changes[] = {
    {X86, 3, 7, NO_STEP, NULL,
     "SMAP: a kernel access to a user address with EFLAGS.AC clear is refused before any vma look-up"},
    {X86, 4, 20, QUIRE_STEP_DO_USER_ADDR_FAULT, "do_user_addr_fault",
     "faults on user and kernel addresses have a function each"},
    {X86, 5, 0, NO_STEP, NULL, "`#PF error:` names the bits of the error code"},
    {X86, 5, 1, NO_STEP, NULL, "`BUG: kernel NULL pointer dereference, address:`, `#PF: supervisor ...`"},
    {X86, 5, 8, QUIRE_STEP_DO_PAGE_FAULT, "exc_page_fault", "the entry is exc_page_fault"},
    {X86, 5, 8, QUIRE_STEP_VMALLOC_FAULT, NULL,
     "no vmalloc_fault: the kernel's top-level entries are synchronized when they are made"},
    {I386, 5, 9, QUIRE_STEP_VMALLOC_FAULT, "vmalloc_fault", "vmalloc_fault is back on 32 bits"},
    {X86, 5, 12, QUIRE_STEP_NO_CONTEXT, "kernelmode_fixup_or_oops",
     "kernelmode_fixup_or_oops and page_fault_oops in place of no_context; SMAP and SMEP violations ask no "
     "exception table"},
    {ARM, 5, 1, NO_STEP, NULL, "`8<--- cut here ---` begins a report"},
    {ARM, 6, 2, NO_STEP, NULL, "`when read`, `when write`, `when execute` in the announcement"},
    {ARM64, 4, 14, NO_STEP, NULL, "`Mem abort info:` decodes ESR_EL1 in the report"},
    {ARM64, 4, 20, QUIRE_STEP_DO_USER_FAULT, NULL,
     "no __do_user_fault: the signal is sent where the fault is refused"},
    {ARM64, 5, 5, NO_STEP, NULL, "`EC = 0x25: DABT (current EL)` in place of `Exception class =`"},
    {X86 | ARM64, 6, 4, NO_STEP, NULL, "a program's fault tries the vma's own lock before that of the mm"},
    {ALL, 6, 5, QUIRE_STEP_FIND_VMA, "lock_mm_and_find_vma",
     "the lock, the look-up and the growth of the stack are one function"},
    {RISCV, 6, 5, QUIRE_STEP_VMALLOC_FAULT, NULL, "no vmalloc_fault on 64 bits"},
};
#define CHANGES (sizeof(changes) / sizeof(changes[0]))

/* The release that is meant where none is printed: the last before the next profile. */
static struct ex_version version_of(const struct ex_finding *finding)
{
	static const struct ex_version newest = {.major = 99};
	static const struct ex_version last[] = {[QUIRE_LINUX_2_4] = {.major = 2, .minor = 4, .patch = 37},
						 [QUIRE_LINUX_2_6] = {.major = 3, .minor = 9},
						 [QUIRE_LINUX_4_14] = {.major = 4, .minor = 19}};

	if (finding->report->version.text[0])
		return finding->report->version;
	if (finding->profile->release == QUIRE_LINUX_6)
		return newest;
	return last[finding->profile->release];
}

static bool at_least(const struct ex_version *version, unsigned major, unsigned minor)
{
	return version->major > major || (version->major == major && version->minor >= minor);
}

bool ex_since(const struct ex_finding *finding, unsigned major, unsigned minor)
{
	struct ex_version version = version_of(finding);

	return at_least(&version, major, minor);
}

const char *ex_release_name(const struct ex_finding *finding, enum quire_step step)
{
	struct ex_version version = version_of(finding);
	const char *name = quire_step_name(step);

	if (step == QUIRE_STEP_ARM_NOTIFY_DIE && finding->id == EX_ARM64)
		return "arm64_notify_die";
	for (size_t i = 0; i < CHANGES; i++) {
		if (changes[i].step == step && step != NO_STEP && (changes[i].arches >> finding->id & 1) &&
		    at_least(&version, changes[i].major, changes[i].minor))
			name = changes[i].name;
	}
	return name;
}

void ex_print_releases(FILE *out)
{
	static const struct {
		unsigned arches;
		const char *name;
	} names[] = {{ALL, "all"},     {X86, "x86"},       {X86 | ARM64, "x86, ARM64"},
		     {I386, "i386"},   {X86_64, "x86-64"}, {ARM, "ARM"},
		     {ARM64, "ARM64"}, {RISCV, "RISC-V"}};

	fputs("| since | machines | what changed |\n|---|---|---|\n", out);
	for (size_t i = 0; i < CHANGES; i++) {
		const char *name = "?";

		for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
			if (names[n].arches == changes[i].arches)
				name = names[n].name;
		}
		fprintf(out, "| %u.%u | %s | %s |\n", changes[i].major, changes[i].minor, name,
			changes[i].text);
	}
}
