/* SPDX-License-Identifier: MIT */
/* The known differences between kernel versions and the library: one table, with a reason in each row.
 *
 * In every profile, system calls behave as in the newest kernel that the library was compared with; the
 * fault path follows the profile. On an older kernel, the rows that apply to it remove the operations
 * concerned from the programs, on both sides, and are printed. A row about the fault path is not needed
 * with a profile that has the older rule. */
#include "conform.h"

#include <stdlib.h>
#include <sys/utsname.h>

#include "../scenario/names.h"

#define VERSION(major, minor) ((unsigned)(major) << 8 | (minor))
#define UP_TO_4_14            (1u << QUIRE_LINUX_2_4 | 1u << QUIRE_LINUX_2_6 | 1u << QUIRE_LINUX_4_14)

static bool is_advice(const struct scn_op *op, unsigned advice)
{
	return op->verb == SCN_ADVISE && op->flags == advice;
}

static bool is_populate(const struct scn_program *program, const struct scn_op *op)
{
	return is_advice(op, SCN_ADV_POPULATE_READ) || is_advice(op, SCN_ADV_POPULATE_WRITE);
}

static bool is_dontneed_locked(const struct scn_program *program, const struct scn_op *op)
{
	return is_advice(op, SCN_ADV_DONTNEED_LOCKED);
}

static bool is_cold(const struct scn_program *program, const struct scn_op *op)
{
	return is_advice(op, SCN_ADV_COLD);
}

static bool is_dontunmap(const struct scn_program *program, const struct scn_op *op)
{
	return op->verb == SCN_REMAP && op->flags & SCN_REMAP_DONTUNMAP;
}

static bool is_remap(const struct scn_program *program, const struct scn_op *op)
{
	return op->verb == SCN_REMAP;
}

static bool is_noreplace(const struct scn_program *program, const struct scn_op *op)
{
	return op->verb == SCN_MAP && op->flags & SCN_MAP_NOREPLACE;
}

static bool is_wipeonfork(const struct scn_program *program, const struct scn_op *op)
{
	return is_advice(op, SCN_ADV_WIPEONFORK) || is_advice(op, SCN_ADV_KEEPONFORK);
}

static bool is_guard(const struct scn_program *program, const struct scn_op *op)
{
	return is_advice(op, SCN_ADV_GUARD_INSTALL) || is_advice(op, SCN_ADV_GUARD_REMOVE);
}

static bool is_free(const struct scn_program *program, const struct scn_op *op)
{
	return is_advice(op, SCN_ADV_FREE);
}

static bool is_remote(const struct scn_program *program, const struct scn_op *op)
{
	return op->verb == SCN_PEEK || op->verb == SCN_POKE;
}

static bool is_disk_truncate(const struct scn_program *program, const struct scn_op *op)
{
	return op->verb == SCN_TRUNCATE && program->file[op->file].kind == SCN_FILE_DISK;
}

static bool is_growing(const struct scn_program *program, const struct scn_op *op)
{
	return op->verb == SCN_MAP && op->flags & SCN_MAP_GROWSDOWN;
}

const struct conform_known conform_known[] = {
    {0, VERSION(4, 5), "advise free", "added in 4.5; EINVAL before", is_free, 0},
    {0, VERSION(4, 14), "advise wipeonfork, keeponfork", "added in 4.14; EINVAL before", is_wipeonfork, 0},
    {0, VERSION(4, 17), "map noreplace", "MAP_FIXED_NOREPLACE is an ignored bit before 4.17", is_noreplace,
     0},
    {0, VERSION(4, 20), "map growsdown",
     "before 4.20 a user access far below the stack pointer does not grow a stack; mappings that grow "
     "are not near it",
     is_growing, UP_TO_4_14},
    {0, VERSION(5, 4), "advise cold", "added in 5.4; EINVAL before", is_cold, 0},
    {0, VERSION(5, 7), "remap dontunmap", "added in 5.7; shared and file mappings since 5.13", is_dontunmap,
     0},
    {VERSION(5, 7), VERSION(5, 13), "remap dontunmap", "private anonymous memory only before 5.13",
     is_dontunmap, 0},
    {0, VERSION(5, 14), "advise populate-read, populate-write", "added in 5.14; EINVAL before", is_populate,
     0},
    {0, VERSION(5, 18), "advise dontneed-locked", "added in 5.18; EINVAL before", is_dontneed_locked, 0},
    {0, VERSION(5, 19), "peek, poke", "before 5.19 a read pin does not unshare a page that a fork shares",
     is_remote, 0},
    {VERSION(5, 19), VERSION(6, 5), "peek, poke", "before 6.5 access by another process grows a stack",
     is_remote, 0},
    {0, VERSION(6, 13), "advise guard-install, guard-remove", "added in 6.13; EINVAL before", is_guard, 0},
    {0, VERSION(6, 17), "remap",
     "since 6.17 one call moves several mappings, and errors are checked in another order", is_remap, 0},
    {VERSION(5, 14), VERSION(6, 17), "advise populate-read, populate-write",
     "6.1 populates the pages after a hole before it fails", is_populate, 0},
    {VERSION(4, 5), VERSION(6, 17), "advise free",
     "in 6.1 mprotect leaves an entry read-only after this advice made it clean", is_free, 0},
    {0, VERSION(6, 17), "truncate of a file on a disk",
     "on 6.1 a file that grows shows what a mapping wrote beyond its end", is_disk_truncate, 0},
    {0, VERSION(6, 17), "adjacent mappings that could merge",
     "6.1 merges fewer of them: not unwritten ones with written ones, nor those that mprotect made read-only",
     NULL, 0},
    {0, 0, NULL, NULL, NULL, 0},
};

unsigned conform_kernel_version(void)
{
	struct utsname name;
	unsigned long major, minor;
	char *at;

	if (uname(&name) != 0)
		return 0;
	major = strtoul(name.release, &at, 10);
	minor = *at == '.' ? strtoul(at + 1, NULL, 10) : 0;
	return VERSION(major, minor > 255 ? 255 : minor);
}

enum quire_release conform_release(unsigned version)
{
	if (version < VERSION(2, 5))
		return QUIRE_LINUX_2_4;
	if (version < VERSION(3, 10))
		return QUIRE_LINUX_2_6;
	return version < VERSION(4, 20) ? QUIRE_LINUX_4_14 : QUIRE_LINUX_6;
}

static bool holds(const struct conform_known *known, unsigned version, enum quire_release release)
{
	return version >= known->from && version < known->before && !(known->modelled >> release & 1);
}

unsigned conform_leave_out(struct scn_program *program, unsigned version, enum quire_release release)
{
	unsigned kept = 0, left = 0;

	for (unsigned i = 0; i < program->op_count; i++) {
		bool out = false;

		for (const struct conform_known *k = conform_known; k->what; k++)
			out |=
			    holds(k, version, release) && k->applies && k->applies(program, &program->op[i]);
		if (out)
			left++;
		else
			program->op[kept++] = program->op[i];
	}
	program->op_count = kept;
	return left;
}

bool conform_joins(unsigned version)
{
	for (const struct conform_known *k = conform_known; k->what; k++)
		if (!k->applies && holds(k, version, QUIRE_LINUX_6))
			return true;
	return false;
}

void conform_print_known(FILE *to, unsigned version, enum quire_release release)
{
	unsigned count = 0;

	for (const struct conform_known *k = conform_known; k->what; k++) {
		if (!holds(k, version, release))
			continue;
		fprintf(to, "  %s on this kernel: %s: %s\n", k->applies ? "left out" : "counted as merged",
			k->what, k->reason);
		count++;
	}
	if (!count)
		fprintf(to, "  known differences of Linux %u.%u: none\n", version >> 8, version & 255);
}
