/* SPDX-License-Identifier: MIT */
/* A swap entry: do_swap_page.
 *
 * No store is attached to a system yet, so the slot that an entry names cannot exist. */
#include "fault/fault.h"

enum qr_fault_status qr_do_swap_page(struct qr_fault_ctx *fc)
{
	qr_step(fc, QUIRE_STEP_DO_SWAP_PAGE);
	return qr_refuse(fc, QUIRE_STEP_SWAP_BAD, QR_FAULT_SIGBUS);
}
