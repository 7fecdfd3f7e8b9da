/* SPDX-License-Identifier: MIT */
/* A build for one architecture (base/arch.h): x86-64, 5 levels. */
#ifndef QR_ARCH_VARIANT_H
#define QR_ARCH_VARIANT_H

#include "x86/pte.h"

#define QR_ARCH_PUBLIC  quire_arch_x86_64_la57
#define QR_ARCH_VA_BITS 64

static const struct quire_arch qr_arch_only = QR_ARCH_X86_64_LA57_INIT;

#endif
