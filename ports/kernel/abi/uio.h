/* SPDX-License-Identifier: MIT */
/* Scattered buffers. */
#ifndef ABI_UIO_H
#define ABI_UIO_H

#include "abi/abi.h"

struct abi_iovec {
	abi_ulong base, length;
};

#endif
