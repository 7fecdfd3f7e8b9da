/* SPDX-License-Identifier: MIT */
/* The one seam between the library and the architectures.
 *
 * A build that names one (-DQUIRE_ARCH=x86_64) includes arch/variant/x86_64.h: its codec as inline functions
 * behind a constant table, so that qr_arch(system)->make(...) compiles to the few instructions it is. Any other
 * build asks the system which architecture it has. The source is the same.
 *
 *   qr_arch(system)    the format of entries, and what the hardware can do
 *   qr_width(system)   levels, user_end, kernel_start, kernel_end, whether the hardware sets young and dirty; and what
 *                      is given to decode(), rows() and hw_allows()
 *
 * Both are one, but where a build names two architectures that differ in the width of addresses alone: a kernel that
 * asks its CPU at boot. There the format is constant, its widths are 0, and the width is asked of the system. */
#ifndef QR_ARCH_H
#define QR_ARCH_H

#include <quire/port/arch.h>

#ifdef QUIRE_ARCH

#undef i386 /* GNU dialects for that CPU define the word as 1, and it is one of the names */
#define QR_ARCH_QUOTE_(name) #name
#define QR_ARCH_QUOTE(name)  QR_ARCH_QUOTE_(name)
/* A space would become a part of the name. */
/* clang-format off */
#define QR_ARCH_VARIANT QR_ARCH_QUOTE(variant/QUIRE_ARCH.h)
/* clang-format on */

#if __has_include(QR_ARCH_VARIANT)
#include QR_ARCH_VARIANT
#else
#error "QUIRE_ARCH names no architecture: arch/variant has a file for each"
#endif

#if QUIRE_CONFIG_VA_BITS < QR_ARCH_VA_BITS
#error "QUIRE_CONFIG_VA_BITS is 32, and the addresses of QUIRE_ARCH are wider"
#endif

#define qr_arch(system) ((void)(system), &qr_arch_only)
#ifdef QR_ARCH_OTHER
#define qr_width(system) ((system)->arch)
#else
#define qr_width(system) qr_arch(system)
#endif

#else
#if QUIRE_CONFIG_VA_BITS == 32
#error "QUIRE_CONFIG_VA_BITS is 32: name one architecture of 32 bits with QUIRE_ARCH"
#endif
#define qr_arch(system)  ((system)->arch)
#define qr_width(system) qr_arch(system)
#endif

/* Whether what the codec says of constants is a constant, too. */
#ifdef QUIRE_ARCH
#define QR_ARCH_IS_CONSTANT 1
#else
#define QR_ARCH_IS_CONSTANT 0
#endif

/* `name` points to what a loop reads and does not change: a copy, which stays in registers; or, where the build's CPU
 * has too few of them, to where it lies: then its instructions read it there. */
#ifdef QR_ARCH_FEW_REGISTERS
#define QR_LOOP_CONSTANTS(type, name, from) const type *const name = &(from)
#else
#define QR_LOOP_CONSTANTS(type, name, from) const type name##_copy = (from), *const name = &name##_copy
#endif

#endif
