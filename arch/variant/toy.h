/* SPDX-License-Identifier: MIT */
/* A build for one architecture (base/arch.h): the toy architecture of the tests. */
#ifndef QR_ARCH_VARIANT_H
#define QR_ARCH_VARIANT_H

#include "toy/pte.h"

#define QR_ARCH_PUBLIC  quire_arch_toy
#define QR_ARCH_VA_BITS 32

static const struct quire_arch qr_arch_only = QR_ARCH_TOY_INIT;

#endif
