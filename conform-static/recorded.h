/* SPDX-License-Identifier: MIT */
/* Digests of what the library gives for random programs; written by quire conform --record. */
#include <stdint.h>

#define RECORDED_SEED 1
#define RECORDED_OPS 40
#define RECORDED_FROM (6u << 8 | 17)
static const uint64_t recorded[1] = {0};
