/* SPDX-License-Identifier: MIT */
/* The hardware's part, for machines that have none: the walk of the tables, and the registers of an exception.
 * For emulators and simulators, and for kernels that look an address up as their CPU would. */
#ifndef QUIRE_MMU_H
#define QUIRE_MMU_H

#include <quire/fault.h>
#include <quire/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct quire_translation {
	quire_pa pa;   /* of the address */
	uint8_t shift; /* the page has 1 << shift bytes */
	uint8_t
	    allowed; /* bit 1 << enum quire_access: an access of the same mode that this translation, kept in a
	                  * TLB, lets through. One that is missing is walked again */
	struct quire_trap trap; /* of a fault: its registers, but for pc, sp and context, which are 0 */
};

/* Translates `va` as the MMU of the system's architecture does (the control bits are those of arch/<a>/pte.h), with
 * accessed and dirty set where the hardware sets them. Tables are read in linear RAM; what the port restricts in the
 * tables of its own is not looked at, only leaves are.
 * `root`: what quire_mm_enter() gave, or quire_kernel_root(). Where user and kernel have a root each, `root` is the
 * user's, and the kernel's is known. `access`: READ, WRITE or EXEC. `mode`: USER or KERNEL.
 * Returns    QUIRE_OK and *out_translation; QUIRE_EFAULT: the hardware raises a fault, which is in
 *            out_translation->trap; QUIRE_ERANGE: x86, and the address is not
 *            canonical, which is a general-protection fault and none of the library's; QUIRE_EIO: a table lies where
 *            no linear RAM is.
 * Context    any. Locks: none; an address space may change meanwhile, as under real hardware. */
enum quire_status quire_walk(struct quire_system *system, quire_pa root, quire_va va,
			     enum quire_access access, enum quire_mode mode,
			     struct quire_translation *out_translation) QUIRE_MUST_USE;

/* The registers of an exception: what decodes to `fault`. Of it are used va, access, mode, cause, level (as the
 * architecture numbers it; QUIRE_LEVEL_NONE: that of a page), pc, sp and context.
 * Returns    QUIRE_OK and *out_trap; QUIRE_EINVAL: this architecture has no such memory fault. Pure. Any context. */
enum quire_status quire_syndrome(const struct quire_arch *arch, const struct quire_fault *fault,
				 struct quire_trap *out_trap) QUIRE_MUST_USE;

/* Which mode was interrupted. `status`: the saved CS on x86, CPSR on ARM, PSTATE (SPSR_EL1) on ARM64, sstatus on
 * RISC-V. Returns QUIRE_MODE_USER or QUIRE_MODE_KERNEL. Pure. Any context. */
enum quire_mode quire_mode_of(const struct quire_arch *arch, uint64_t status);

#ifdef __cplusplus
}
#endif
#endif
