/* SPDX-License-Identifier: MIT */
/* What a frame is used for, told to ports and instruments. */
#include "page/page.h"

#include "base/system.h"

enum quire_page_state quire_frame_state(const struct quire_system *system, quire_pfn pfn)
{
	const struct qr_page *page = qr_page_of(system, pfn);

	return page ? qr_page_state(page) : QUIRE_PAGE_STATES;
}
