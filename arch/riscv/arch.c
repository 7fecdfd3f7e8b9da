/* SPDX-License-Identifier: MIT */
/* The RISC-V architectures as constants: Sv39 and Sv48. */
#include "riscv/pte.h"

const struct quire_arch quire_arch_riscv64 = QR_ARCH_RISCV64_INIT;
const struct quire_arch quire_arch_riscv64_sv48 = QR_ARCH_RISCV64_SV48_INIT;
