/* SPDX-License-Identifier: MIT */
/* A build for one architecture (base/arch.h): ARM64, 4 KiB granule, 39 bits. */
#ifndef QR_ARCH_VARIANT_H
#define QR_ARCH_VARIANT_H

#include "arm64/pte.h"

#define QR_ARCH_PUBLIC  quire_arch_arm64_39
#define QR_ARCH_VA_BITS 64

static const struct quire_arch qr_arch_only = QR_ARCH_ARM64_39_INIT;

#endif
