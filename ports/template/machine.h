/* SPDX-License-Identifier: MIT */
/* What the template asks of your kernel: the few things that you have already. Write these. "Any context": spinlocks of
 * the library may be held, so it must not sleep. */
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

/* --- with one CPU and no preemption: 0, one word, nothing, nothing, nothing, and the call itself --- */

/* The number of this CPU, from 0. Any context. */
unsigned machine_cpu(void);

/* A word of the thread that runs, 0 when it begins; it stays the thread's on another CPU. Any context. */
uint32_t *machine_thread_word(void);

/* Waits a moment for another CPU (x86: PAUSE). With interrupts off it answers what machine_on_cpus() asks of this CPU:
 * the other one may be waiting for that. Any context. */
void machine_pause(void);

/* The thread sleeps until machine_wake(word), unless *word is not `expected` any more (a futex). It may return early. */
void machine_sleep(const uint32_t *word, uint32_t expected);

/* Wakes all that sleep on the word. Its address only: the memory may be gone. Any context. */
void machine_wake(const uint32_t *word);

/* Calls `call(argument)` on every CPU of the set (bit n: CPU n), this one included if it is in it, and returns when all
 * have returned: an interprocessor interrupt. It answers those of others while it waits. Any context. */
void machine_on_cpus(uint64_t cpus, void (*call)(void *argument), void *argument);

#ifdef __cplusplus
}
#endif
#endif
