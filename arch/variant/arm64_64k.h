/* SPDX-License-Identifier: MIT */
/* A build for one architecture (base/arch.h): ARM64, 64 KiB granule, 42 bits. */
#ifndef QR_ARCH_VARIANT_H
#define QR_ARCH_VARIANT_H

#include "arm64/pte.h"

#define QR_ARCH_PUBLIC  quire_arch_arm64_64k
#define QR_ARCH_VA_BITS 64

static const struct quire_arch qr_arch_only = QR_ARCH_ARM64_64K_INIT;

#endif
