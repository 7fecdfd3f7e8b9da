/* SPDX-License-Identifier: MIT */
/* ARMv7 with short descriptors as a table. */
#include "arm/pte.h"

const struct quire_arch quire_arch_arm = QR_ARCH_ARM_INIT;
