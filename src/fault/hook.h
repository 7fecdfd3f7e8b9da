/* SPDX-License-Identifier: MIT */
/* What the end of a system asks of the replaced syndrome rows. */
#ifndef QR_HOOK_H
#define QR_HOOK_H

struct quire_system;

/* Frees the copies that quire_fault_hook() made. => no fault is being decoded. */
void qr_fault_unhook_all(struct quire_system *system);

#endif
