/* SPDX-License-Identifier: MIT */
/* The TLB batch: what is to be flushed, and what may be freed after it, never before. */
#include "pt/pt.h"

/* The CPUs that may hold translations of the tree. The fence pairs with the one of a CPU that enters the
 * address space: either it is in the set here, or it reads the tables after they were changed. */
static uint64_t cpus_of(const struct qr_pt *pt)
{
	uint32_t cpus = pt->system->cpus;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!pt->mm)
		return cpus < 64 ? ((uint64_t)1 << cpus) - 1 : UINT64_MAX;
	return __atomic_load_n(&pt->cpus, __ATOMIC_RELAXED);
}

static void ask_host(struct qr_pt *pt, struct quire_flush *flush)
{
	struct quire_system *system = pt->system;

	if (!system->host->tlb_flush || qr_mutant(system, "tlb-no-flush"))
		return;
	/* What was stored reaches memory before the walkers look again: those of the set, and before that those of a
	 * CPU that enters the address space now and is not in the set. */
	if (system->host->pte_sync)
		system->host->pte_sync(system->host_context, NULL);
	flush->mm = pt->mm;
	flush->cpus = cpus_of(pt);
	flush->here = 0;
	system->host->tlb_flush(system->host_context, flush);
	qr_event(qr_this_cpu(system), QUIRE_EVENT_FLUSH);
}

static void forget(struct qr_flush *ranges)
{
	ranges->flush.count = 0;
	ranges->flush.tables = 0;
	ranges->pending = false;
}

void qr_flush_begin(struct qr_flush *ranges, struct qr_pt *pt)
{
	ranges->pt = pt;
	forget(ranges);
}

void qr_flush_range(struct qr_flush *ranges, quire_va start, quire_va end)
{
	struct quire_flush *flush = &ranges->flush;
	unsigned last = flush->count - 1;

	ranges->pending = true;
	if (flush->count > 0 && (start == flush->range[last].end || flush->count == QUIRE_FLUSH_RANGES)) {
		/* It continues the last range; or there is no room, and the last range grows over the gap. */
		if (start < flush->range[last].start)
			flush->range[last].start = start;
		if (end > flush->range[last].end)
			flush->range[last].end = end;
		return;
	}
	flush->range[flush->count].start = start;
	flush->range[flush->count].end = end;
	flush->count++;
}

void qr_flush_end(struct qr_flush *ranges)
{
	if (ranges->pending)
		ask_host(ranges->pt, &ranges->flush);
	forget(ranges);
}

void qr_tlb_begin(struct qr_tlb *tlb, struct qr_pt *pt)
{
	qr_flush_begin(&tlb->ranges, pt);
	qr_list_init(&tlb->tables);
	tlb->count = 0;
}

void qr_tlb_page(struct qr_tlb *tlb, struct qr_page *page)
{
	tlb->page[tlb->count++] = page;
	if (tlb->count == QR_TLB_PAGES)
		qr_tlb_flush(tlb);
}

void qr_tlb_table(struct qr_tlb *tlb, struct qr_page *table)
{
	tlb->ranges.pending = true;
	tlb->ranges.flush.tables = 1;
	qr_list_add_tail(&tlb->tables, &table->link);
}

void qr_tlb_flush(struct qr_tlb *tlb)
{
	struct quire_system *system = tlb->ranges.pt->system;

	qr_flush_end(&tlb->ranges);
	if (tlb->count > 0)
		qr_page_put_many(system, tlb->page, tlb->count);
	while (!qr_list_empty(&tlb->tables)) {
		struct qr_page *table = QR_CONTAINER(tlb->tables.next, struct qr_page, link);

		qr_list_del(&table->link);
		qr_table_free(system, table);
	}
	tlb->count = 0;
}

void qr_tlb_end(struct qr_tlb *tlb)
{
	qr_tlb_flush(tlb);
}

void qr_tlb_flush_page(struct qr_pt *pt, quire_va va)
{
	struct quire_flush flush;

	va &= ~(quire_va)qr_page_mask(pt->system);
	flush.count = 1;
	flush.tables = 0;
	flush.range[0].start = va;
	flush.range[0].end = va + (quire_va)qr_page_bytes(pt->system);
	ask_host(pt, &flush);
}
