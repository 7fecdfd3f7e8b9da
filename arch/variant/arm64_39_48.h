/* SPDX-License-Identifier: MIT */
/* A build for two architectures that differ in the width of addresses (base/arch.h): ARM64, 4 KiB granule, 48 bits or
 * 39. */
#ifndef QR_ARCH_VARIANT_H
#define QR_ARCH_VARIANT_H

#include "arm64/pte.h"

#define QR_ARCH_PUBLIC  quire_arch_arm64
#define QR_ARCH_OTHER   quire_arch_arm64_39
#define QR_ARCH_VA_BITS 64

static const struct quire_arch qr_arch_only = QR_ARCH_ARM64_FORMAT;

#endif
