/* SPDX-License-Identifier: MIT */
/* Frames as the port uses them: its own, and what any of them is used for. */
#include "page/page.h"

enum quire_status quire_frame_alloc(struct quire_system *system, unsigned order, unsigned flags,
				    quire_pfn *out_pfn)
{
	struct qr_page *page;

	if (order >= QR_ORDERS ||
	    (flags & ~(unsigned)(QUIRE_FRAME_ZERO | QUIRE_FRAME_LINEAR | QUIRE_FRAME_RESERVE)))
		return QUIRE_EINVAL;
	page = qr_frame_alloc(system, order, flags, QUIRE_PAGE_PORT);
	if (!page)
		return QUIRE_ENOMEM;
	*out_pfn = qr_page_pfn(system, page);
	return QUIRE_OK;
}

void quire_frame_free(struct quire_system *system, quire_pfn pfn, unsigned order)
{
	struct qr_page *page = qr_page_of(system, pfn);

	qr_assert(system, page && qr_page_state(page) == QUIRE_PAGE_PORT && qr_page_order(page) == order);
	/* If a program still maps it, the last unmapping frees it. */
	qr_page_put(system, page);
}

void *quire_frame_address(const struct quire_system *system, quire_pfn pfn)
{
	const struct qr_page *page = qr_page_of(system, pfn);

	return page ? qr_page_linear(system, page) : NULL;
}

quire_pfn quire_frame_of(const struct quire_system *system, const void *address)
{
	const struct qr_page *page = qr_page_at(system, address);

	return (quire_pfn){page ? page->pfn : 0};
}

enum quire_page_state quire_frame_state(const struct quire_system *system, quire_pfn pfn)
{
	const struct qr_page *page = qr_page_of(system, pfn);

	return page ? qr_page_state(page) : QUIRE_PAGE_STATES;
}
