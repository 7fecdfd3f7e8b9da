/* SPDX-License-Identifier: MIT */
/* portable.py says which programs the machine has. */
#include STUB_ABI
