/* SPDX-License-Identifier: MIT */
/* The x86 architectures as constants: i386, x86-64 with four levels, x86-64 with five. */
#include "x86/pte.h"

const struct quire_arch quire_arch_i386 = QR_ARCH_I386_INIT;
const struct quire_arch quire_arch_x86_64 = QR_ARCH_X86_64_INIT;
const struct quire_arch quire_arch_x86_64_la57 = QR_ARCH_X86_64_LA57_INIT;
