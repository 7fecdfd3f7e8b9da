/* SPDX-License-Identifier: MIT */
/* What the fault tests share: a machine with one process, and literal expectations of a fault's way. */
#ifndef FAULT_FIXTURE_H
#define FAULT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <quire/quire.h>

#include "ports/sim/sim.h"

/* The architectures that the general behaviours are proven on. */
#define FX_ARCHES "i386", "x86_64", "arm", "arm64", "riscv64", "toy"

struct fx {
	struct sim *sim;
	struct sim_cpu *cpu;
	struct sim_process *process;
	quire_va page; /* bytes of a page */
};

/* An address that every architecture's programs may map, with room for 96 pages above and below. */
#define FX_AT ((quire_va)0x100000)

/* A machine with one process on CPU 0. */
struct fx fx_open(const char *arch, const char *profile, const struct sim_config *more);
/* Ends it: no finding, no leak. */
void fx_close(struct fx *fx);

/* Maps `pages` pages at `at`. flags: QUIRE_MAP_*; FIXED is added, ANONYMOUS without a file. */
void fx_map(struct fx *fx, quire_va at, uint64_t pages, quire_prot prot, uint32_t flags,
	    struct quire_file *file);

/* The way of the only fault of the last access, as step names, from the entry on. */
void fx_expect_way(const struct fx *fx, const char *way);
/* The way from handle_mm_fault on, and from __handle_mm_fault where the release has it: what is the same on
 * every architecture. Tables made are left out. */
void fx_expect_levels(const struct fx *fx, const char *way);
/* The last access was made with so many faults: minor, major. */
void fx_expect_counts(const struct fx *fx, unsigned minor, unsigned major);
void fx_expect_signal(const struct fx *fx, enum sim_end end, unsigned signal, unsigned code, quire_va va);
/* The last fault's entry afterwards, without the bits of the frame. */
void fx_expect_pte(const struct fx *fx, uint64_t bits);
/* One step was counted `times` since the last call for it with reset. */
uint64_t fx_counter(const struct fx *fx, enum quire_step step);

/* Flags of the leaf at `va` in words of the contract: protection, young, dirty. */
struct fx_leaf {
	bool there;
	quire_prot prot;
	unsigned flags;
	quire_pfn pfn;
};
struct fx_leaf fx_leaf(const struct fx *fx, const struct quire_mm *mm, quire_va va);

/* Holds the mm lock as a writer on another CPU would. */
void fx_hold_mm_for_write(struct fx *fx);
void fx_release_mm(struct fx *fx);

/* The name of a test for one architecture: "name/arch". */
struct CMUnitTest fx_test(const char *name, CMUnitTestFunction run, const char *arch);

#define FX_FOR_ARCHES(tests, count, name)                                              \
	do {                                                                           \
		static const char *const arches_[] = {FX_ARCHES};                      \
		for (unsigned i_ = 0; i_ < sizeof(arches_) / sizeof(arches_[0]); i_++) \
			(tests)[(count)++] = fx_test(#name, name, arches_[i_]);        \
	} while (0)

#endif
