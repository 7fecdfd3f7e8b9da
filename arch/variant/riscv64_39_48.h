/* SPDX-License-Identifier: MIT */
/* A build for two architectures that differ in the width of addresses (base/arch.h): RISC-V, Sv39 or Sv48. */
#ifndef QR_ARCH_VARIANT_H
#define QR_ARCH_VARIANT_H

#include "riscv/pte.h"

#define QR_ARCH_PUBLIC  quire_arch_riscv64
#define QR_ARCH_OTHER   quire_arch_riscv64_sv48
#define QR_ARCH_VA_BITS 64

static const struct quire_arch qr_arch_only = QR_ARCH_RISCV64_FORMAT;

#endif
