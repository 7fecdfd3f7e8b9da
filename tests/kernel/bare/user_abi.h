/* SPDX-License-Identifier: MIT */
/* portable.py says which programs the machine has; hosted tests have none, and need the word of one. */
#ifdef STUB_ABI
#include STUB_ABI
#else
#include "abi/arm64.h"
#endif
