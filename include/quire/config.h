/* SPDX-License-Identifier: MIT */
/* Compile-time options of Quire: every one of them, with its default and its range. */
#ifndef QUIRE_CONFIG_H
#define QUIRE_CONFIG_H

/* Bits of a virtual address: 64 serves every architecture; a build for one 32-bit architecture
 * may say 32 and spare its CPU the wide arithmetic. */
#ifndef QUIRE_CONFIG_VA_BITS
#define QUIRE_CONFIG_VA_BITS 64
#endif

/* Ranges of RAM that one system can be given. 1 to 64. */
#ifndef QUIRE_CONFIG_RAM_RANGES
#define QUIRE_CONFIG_RAM_RANGES 8
#endif

/* CPUs that one system can have. 1 to 64: a set of CPUs is one 64-bit word. */
#ifndef QUIRE_CONFIG_CPUS
#define QUIRE_CONFIG_CPUS 64
#endif

/* How much the library checks of itself: 0 nothing, 1 cheap assertions, 2 contracts at every
 * entry, poison on freed frames and its check on allocation, 3 whole structures after a change. */
#ifndef QUIRE_CONFIG_CHECK
#define QUIRE_CONFIG_CHECK 1
#endif

/* 1: every lock operation is told to quire_host.lock_event, which may assert ranks and preempt. */
#ifndef QUIRE_CONFIG_LOCK_EVENTS
#define QUIRE_CONFIG_LOCK_EVENTS 0
#endif

/* 1: every allocation and every transfer asks quire_host.may_fail first. For fault injection. */
#ifndef QUIRE_CONFIG_INJECT
#define QUIRE_CONFIG_INJECT 0
#endif

/* 1: single rules can be broken on purpose, to prove that the tests see it. Never in a product. */
#ifndef QUIRE_CONFIG_MUTANTS
#define QUIRE_CONFIG_MUTANTS 0
#endif

/* Steps that one trace record holds; later steps of the same fault are counted, not kept. 8 to 255. */
#ifndef QUIRE_CONFIG_TRACE_STEPS
#define QUIRE_CONFIG_TRACE_STEPS 32
#endif

#if QUIRE_CONFIG_VA_BITS != 32 && QUIRE_CONFIG_VA_BITS != 64
#error "QUIRE_CONFIG_VA_BITS is 32 or 64"
#endif
#if QUIRE_CONFIG_RAM_RANGES < 1 || QUIRE_CONFIG_RAM_RANGES > 64
#error "QUIRE_CONFIG_RAM_RANGES is 1 to 64"
#endif
#if QUIRE_CONFIG_CPUS < 1 || QUIRE_CONFIG_CPUS > 64
#error "QUIRE_CONFIG_CPUS is 1 to 64"
#endif
#if QUIRE_CONFIG_CHECK < 0 || QUIRE_CONFIG_CHECK > 3
#error "QUIRE_CONFIG_CHECK is 0 to 3"
#endif
#if QUIRE_CONFIG_TRACE_STEPS < 8 || QUIRE_CONFIG_TRACE_STEPS > 255
#error "QUIRE_CONFIG_TRACE_STEPS is 8 to 255"
#endif

#endif
