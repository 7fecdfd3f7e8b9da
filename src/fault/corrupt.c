/* SPDX-License-Identifier: MIT */
/* A corrupt upper entry: bits that neither the library nor the hardware writes, where a table should be named.
 *
 *   it is reported through quire_host.log: "bad pmd at address 0x... (...)"
 *   2.4     __handle_bad_pmd   the process is killed
 *   later   pmd_clear_bad      the entry is cleared, and the access repeated: what was below is lost
 *
 * Linux leaks what was below. Here it is unmapped and freed: every table is known by its descriptor. */
#include "base/text.h"
#include "fault/fault.h"

#define LINE 96

static void report(const struct qr_fault_ctx *fc, const struct qr_pt_bad *bad)
{
	static const char *const names[] = {"pmd", "pud", "p4d", "pgd"};
	const struct quire_host *host = fc->system->host;
	const struct quire_arch *arch = qr_arch(fc->system);
	unsigned digits = arch->level[bad->level].entry_bytes * 2u;
	char line[LINE];
	struct qr_text text = qr_text_in(line, sizeof(line));

	if (!host->log)
		return;
	qr_text_string(&text, "bad ");
	/* The last level but one is always the pmd, and the root the pgd. */
	qr_text_string(&text, bad->level > 1 && bad->level == qr_width(fc->system)->levels - 1u
				  ? "pgd"
				  : names[bad->level - 1]);
	qr_text_string(&text, " at address 0x");
	qr_text_number(&text, fc->request.address, 16, 1);
	qr_text_string(&text, " (");
	qr_text_number(&text, bad->pte.bits, 16, digits);
	qr_text_string(&text, ")");
	host->log(fc->system->host_context, line);
}

/* Takes the entry out with all that was below it. => mm lock for write */
static void clear(struct qr_fault_ctx *fc, const struct qr_pt_bad *bad)
{
	struct qr_pt *pt = &fc->mm->pt;
	uint64_t span = (uint64_t)1 << qr_arch(fc->system)->level[bad->level].shift;
	quire_va start = fc->va & ~(quire_va)(span - 1), end = start + (quire_va)span;
	struct qr_pt_counts gone = {0};
	struct qr_tlb tlb;

	qr_tlb_begin(&tlb, pt);
	qr_tlb_range(&tlb, start, end);
	if (qr_pt_mend(pt, fc->va, bad)) {
		qr_pt_unmap(pt, &tlb, start, end, QR_UNMAP_ALL, &gone);
		qr_pt_free(pt, &tlb, start, end, start, end);
	}
	qr_tlb_end(&tlb);
	qr_mm_count_gone(fc->mm, &gone);
}

static void pmd_clear_bad(struct qr_fault_ctx *fc)
{
	struct qr_pt_bad bad;

	qr_step(fc, QUIRE_STEP_PMD_CLEAR_BAD);
	qr_mm_write_lock(fc->mm);
	/* Another thread may have been faster. */
	if (qr_pt_find_bad(&fc->mm->pt, fc->va, &bad)) {
		report(fc, &bad);
		clear(fc, &bad);
	}
	qr_mm_write_unlock(fc->mm);
	fc->outcome = (struct quire_outcome){.kind = QUIRE_RESUME, .rule = QUIRE_STEP_PMD_CLEAR_BAD};
}

static void handle_bad_pmd(struct qr_fault_ctx *fc)
{
	struct qr_pt_bad bad;
	unsigned token = qr_mm_read_lock(fc->mm);
	bool found = qr_pt_find_bad(&fc->mm->pt, fc->va, &bad);

	qr_mm_read_unlock(fc->mm, token);
	qr_step(fc, QUIRE_STEP_HANDLE_BAD_PMD);
	if (found)
		report(fc, &bad);
	qr_kill(fc);
}

void qr_corrupt_entry(struct qr_fault_ctx *fc)
{
	if (fc->system->profile->corrupt_rule == QUIRE_CORRUPT_CLEAR)
		pmd_clear_bad(fc);
	else
		handle_bad_pmd(fc);
}
