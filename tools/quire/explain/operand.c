/* SPDX-License-Identifier: MIT */
/* The operand of the faulting instruction, computed from the registers of the report, against the address
 * that the hardware gave. */
#include "explain.h"

#include <inttypes.h>

/* An access may begin below the address that faults: it is wide, or crosses a page. */
#define WIDEST_ACCESS 64

static const char *premise = "the instruction, and the registers of the report";

static void say_register(struct ex_finding *finding)
{
	const struct ex_listing *listing = &finding->listing;
	char words[160];

	if (listing->has_base && ex_value_words(finding, listing->base_value, words, sizeof(words)))
		ex_say(finding, EX_PART_OPERAND, EX_DEDUCED, premise, "%s is %s", listing->base, words);
}

void ex_find_operand(struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;
	const struct ex_listing *listing = &finding->listing;
	uint64_t value = listing->operand, address = report->address;
	bool tagged = finding->id == EX_ARM64 && (value ^ address) << 8 == 0;

	if (!listing->has_operand || finding->fault.access == QUIRE_ACCESS_EXEC)
		return;
	if (!report->has_address || report->kind == EX_KIND_PROTECTION) {
		ex_say(finding, EX_PART_OPERAND, EX_DEDUCED, premise, "%s = 0x%" PRIx64 "%s",
		       listing->formula, value,
		       report->has_address && value == address ? ", the address that the report names" : "");
	} else if (value == address) {
		ex_say(finding, EX_PART_OPERAND, EX_DEDUCED, premise,
		       "%s = 0x%" PRIx64 ", the faulting address", listing->formula, value);
	} else if (tagged) {
		ex_say(finding, EX_PART_OPERAND, EX_DEDUCED, premise,
		       "%s = 0x%" PRIx64 ", the faulting address but for its top byte", listing->formula,
		       value);
	} else if (address > value && address - value < WIDEST_ACCESS) {
		ex_say(finding, EX_PART_OPERAND, EX_DEDUCED, premise,
		       "%s = 0x%" PRIx64 "; the fault is 0x%" PRIx64 " bytes behind that, in the same access",
		       listing->formula, value, address - value);
	} else {
		ex_say(finding, EX_PART_OPERAND, EX_DEDUCED, premise,
		       "%s = 0x%" PRIx64 ", which is not the faulting address: the dump is not of the fault",
		       listing->formula, value);
		return;
	}
	if (report->kind == EX_KIND_PROTECTION && !report->has_address)
		ex_value_hints(finding, value);
	say_register(finding);
}
