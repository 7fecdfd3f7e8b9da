/* SPDX-License-Identifier: MIT */
/* The ARMv7 architecture (short descriptors) as a constant. */
#include "arm/pte.h"

const struct quire_arch quire_arch_arm = QR_ARCH_ARM_INIT;
