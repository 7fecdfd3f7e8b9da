/* SPDX-License-Identifier: MIT */
/* The ARMv8.0 architectures as constants: one for each pair of granule and address width. */
#include "arm64/pte.h"

const struct quire_arch quire_arch_arm64 = QR_ARCH_ARM64_INIT;
const struct quire_arch quire_arch_arm64_39 = QR_ARCH_ARM64_39_INIT;
const struct quire_arch quire_arch_arm64_16k = QR_ARCH_ARM64_16K_INIT;
const struct quire_arch quire_arch_arm64_64k = QR_ARCH_ARM64_64K_INIT;
