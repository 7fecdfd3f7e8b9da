/* SPDX-License-Identifier: MIT */
/* May the vma be used so: access_error.
 *
 * x86 knows whether a translation was there, and uses it: a read that found one and was refused can
 * only have been refused by the protection. Whether an instruction fetch is allowed it learns only
 * then. The other architectures compare the access with the vma from the start. */
#ifndef QR_ACCESS_H
#define QR_ACCESS_H

#include "fault/fault.h"

/* Does the vma forbid the access? */
QR_INLINE bool qr_access_error(const struct qr_fault_ctx *fc)
{
	const struct quire_fault *fault = fc->fault;
	const struct quire_vma *vma = fc->vma;
	bool x86 = fault->vector == QUIRE_VECTOR_PAGE_FAULT;

	if (qr_mutant(fc->system, "access-check"))
		return false;
	if (fault->access == QUIRE_ACCESS_WRITE)
		return !(vma->flags & QR_VM_WRITE);
	if (x86 && fault->present && fc->system->profile->read_present_is_error)
		return true;
	if (fault->access == QUIRE_ACCESS_EXEC && !x86)
		return !(vma->flags & QR_VM_EXEC);
	if (x86)
		return !(vma->flags & QR_VM_ACCESS);
	/* Where execution without reading exists it is meant: the protection map tells. */
	return !(vma->prot & QUIRE_PROT_READ);
}

#endif
