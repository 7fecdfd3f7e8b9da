/* SPDX-License-Identifier: MIT */
/* The toy architecture as a constant. */
#include "toy/pte.h"

const struct quire_arch quire_arch_toy = QR_ARCH_TOY_INIT;
