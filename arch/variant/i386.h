/* SPDX-License-Identifier: MIT */
/* A build for one architecture (base/arch.h): i386: 2 levels, 32-bit entries. */
#ifndef QR_ARCH_VARIANT_H
#define QR_ARCH_VARIANT_H

#include "x86/pte.h"

#define QR_ARCH_PUBLIC  quire_arch_i386
#define QR_ARCH_VA_BITS 32
#define QR_ARCH_FEW_REGISTERS

static const struct quire_arch qr_arch_only = QR_ARCH_I386_INIT;

#endif
