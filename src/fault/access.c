/* SPDX-License-Identifier: MIT */
/* What an access asks of a vma: access_error.
 *
 * x86 reports whether a translation was present, and uses it: a read that found one and was refused can
 * only have been refused by its protection. It learns only then whether an instruction fetch is allowed.
 * The other architectures compare the access with the vma from the start.
 *
 * Whether a page that may only be written can be read before it is there depends on the release.
 *
 * What the vma must have depends on the syndrome alone. So it is worked out
 * where the syndrome is decoded, and access_error() in fault.c only compares the rights. */
#include "fault/fault.h"

/* The rights of which the vma must have one; 0: no vma allows the access. */
static uint32_t rights_of(const struct quire_system *system, const struct quire_fault *fault)
{
	bool x86 = fault->vector == QUIRE_VECTOR_PAGE_FAULT;

	if (fault->access == QUIRE_ACCESS_WRITE)
		return QR_VM_WRITE;
	if (x86)
		return fault->present ? 0 : system->profile->read_rights;
	if (fault->access == QUIRE_ACCESS_EXEC)
		return QR_VM_EXEC;
	return qr_read_rights(system);
}

struct qr_request qr_request_of(const struct quire_system *system, const struct quire_fault *fault)
{
	unsigned user = fault->mode == QUIRE_MODE_USER ? QR_REQUEST_USER : 0;

	return (struct qr_request){
	    .address = fault->va,
	    .rights = rights_of(system, fault),
	    .access = fault->access,
	    .flags = (uint8_t)(QR_REQUEST_MAY_DROP | user | qr_request_names(system)),
	};
}
