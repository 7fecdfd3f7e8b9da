/* SPDX-License-Identifier: MIT */
/* The one seam between the library and the architectures.
 *
 * A build that names one (-DQUIRE_ARCH=x86_64) sees its codec here as inline functions behind a
 * constant table, and compilers turn qr_arch(system)->make(...) into the few instructions it is. Any
 * other build asks the system which architecture it has. The source is the same. */
#ifndef QR_ARCH_H
#define QR_ARCH_H

#include <quire/port/arch.h>

#ifdef QUIRE_ARCH

#define QR_ARCH_JOIN_(a, b) a##b
#define QR_ARCH_JOIN(a, b)  QR_ARCH_JOIN_(a, b)

#define QR_ARCH_IS_i386         1
#define QR_ARCH_IS_1            1 /* i386 where the compiler's GNU dialect predefines that word */
#define QR_ARCH_IS_x86_64       2
#define QR_ARCH_IS_x86_64_la57  3
#define QR_ARCH_IS_arm          4
#define QR_ARCH_IS_arm64        5
#define QR_ARCH_IS_arm64_39     6
#define QR_ARCH_IS_arm64_16k    7
#define QR_ARCH_IS_arm64_64k    8
#define QR_ARCH_IS_riscv64      9
#define QR_ARCH_IS_riscv64_sv48 10
#define QR_ARCH_IS_toy          11
#define QR_ARCH_NUMBER          QR_ARCH_JOIN(QR_ARCH_IS_, QUIRE_ARCH)

#if QR_ARCH_NUMBER == 1
#include "x86/pte.h"
#define QR_ARCH_PUBLIC quire_arch_i386
static const struct quire_arch qr_arch_only = QR_ARCH_I386_INIT;
#elif QR_ARCH_NUMBER == 2
#include "x86/pte.h"
#define QR_ARCH_PUBLIC quire_arch_x86_64
static const struct quire_arch qr_arch_only = QR_ARCH_X86_64_INIT;
#elif QR_ARCH_NUMBER == 3
#include "x86/pte.h"
#define QR_ARCH_PUBLIC quire_arch_x86_64_la57
static const struct quire_arch qr_arch_only = QR_ARCH_X86_64_LA57_INIT;
#elif QR_ARCH_NUMBER == 4
#include "arm/pte.h"
#define QR_ARCH_PUBLIC quire_arch_arm
static const struct quire_arch qr_arch_only = QR_ARCH_ARM_INIT;
#elif QR_ARCH_NUMBER == 5
#include "arm64/pte.h"
#define QR_ARCH_PUBLIC quire_arch_arm64
static const struct quire_arch qr_arch_only = QR_ARCH_ARM64_INIT;
#elif QR_ARCH_NUMBER == 6
#include "arm64/pte.h"
#define QR_ARCH_PUBLIC quire_arch_arm64_39
static const struct quire_arch qr_arch_only = QR_ARCH_ARM64_39_INIT;
#elif QR_ARCH_NUMBER == 7
#include "arm64/pte.h"
#define QR_ARCH_PUBLIC quire_arch_arm64_16k
static const struct quire_arch qr_arch_only = QR_ARCH_ARM64_16K_INIT;
#elif QR_ARCH_NUMBER == 8
#include "arm64/pte.h"
#define QR_ARCH_PUBLIC quire_arch_arm64_64k
static const struct quire_arch qr_arch_only = QR_ARCH_ARM64_64K_INIT;
#elif QR_ARCH_NUMBER == 9
#include "riscv/pte.h"
#define QR_ARCH_PUBLIC quire_arch_riscv64
static const struct quire_arch qr_arch_only = QR_ARCH_RISCV64_INIT;
#elif QR_ARCH_NUMBER == 10
#include "riscv/pte.h"
#define QR_ARCH_PUBLIC quire_arch_riscv64_sv48
static const struct quire_arch qr_arch_only = QR_ARCH_RISCV64_SV48_INIT;
#elif QR_ARCH_NUMBER == 11
#include "toy/pte.h"
#define QR_ARCH_PUBLIC quire_arch_toy
static const struct quire_arch qr_arch_only = QR_ARCH_TOY_INIT;
#else
#error "QUIRE_ARCH names no architecture: i386, x86_64, arm, arm64, riscv64, toy, or one of their variants"
#endif

#define qr_arch(system) ((void)(system), &qr_arch_only)

#if QUIRE_CONFIG_VA_BITS == 32 && QR_ARCH_NUMBER != 1 && QR_ARCH_NUMBER != 4 && QR_ARCH_NUMBER != 11
#error "QUIRE_CONFIG_VA_BITS is 32, and the addresses of QUIRE_ARCH are wider"
#endif

#else
#if QUIRE_CONFIG_VA_BITS == 32
#error "QUIRE_CONFIG_VA_BITS is 32: name one architecture of 32 bits with QUIRE_ARCH"
#endif
#define qr_arch(system) ((system)->arch)
#endif

#endif
