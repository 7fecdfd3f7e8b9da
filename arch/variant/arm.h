/* SPDX-License-Identifier: MIT */
/* A build for one architecture (base/arch.h): ARMv7, short descriptors. */
#ifndef QR_ARCH_VARIANT_H
#define QR_ARCH_VARIANT_H

#include "arm/pte.h"

#define QR_ARCH_PUBLIC  quire_arch_arm
#define QR_ARCH_VA_BITS 32

static const struct quire_arch qr_arch_only = QR_ARCH_ARM_INIT;

#endif
