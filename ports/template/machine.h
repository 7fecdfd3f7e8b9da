/* SPDX-License-Identifier: MIT */
/* What the template asks of your kernel: the few things that you have already. Write these. */
#ifndef TEMPLATE_MACHINE_H
#define TEMPLATE_MACHINE_H

#include <quire/types.h>

#ifdef __cplusplus
extern "C" {
#define MACHINE_NORETURN [[noreturn]]
#else
#define MACHINE_NORETURN _Noreturn
#endif

/* A line for your console, without a newline. Any context. */
void machine_print(const char *line);

/* Stops the machine. Does not return. */
MACHINE_NORETURN void machine_stop(void);

/* Loads the root table of user addresses (x86: CR3; ARM64: TTBR0_EL1; RISC-V: satp) and forgets every
 * translation of the one before. */
void machine_load_root(quire_pa root);

/* Forgets what this CPU has cached of one page (x86: INVLPG; ARM64: TLBI VAAE1; RISC-V: SFENCE.VMA va),
 * its paging-structure caches included. */
void machine_forget_page(quire_va va);

/* The same for everything, kernel addresses included. */
void machine_forget_all(void);

/* Where your exception table continues after a fault at the kernel instruction `pc`; 0: not in the table.
 * Your copy_to_user() and copy_from_user() are in it. */
quire_va machine_fixup(quire_va pc);

#ifdef __cplusplus
}
#endif
#endif
