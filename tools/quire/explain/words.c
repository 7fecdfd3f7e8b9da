/* SPDX-License-Identifier: MIT */
/* The sentences that text and JSON share. */
#include "words.h"

const char *ex_cause_words(enum quire_cause cause)
{
	static const char *const words[QUIRE_CAUSE_COUNT] = {
	    [QUIRE_CAUSE_UNKNOWN] = "the report has no code that would say why",
	    [QUIRE_CAUSE_NOT_PRESENT] = "the page tables hold no translation for the address",
	    [QUIRE_CAUSE_PERMISSION] = "a translation exists, and it does not permit this access",
	    [QUIRE_CAUSE_ACCESS_FLAG] = "the translation is marked as not accessed yet (access flag clear)",
	    [QUIRE_CAUSE_ADDRESS_SIZE] = "an address in the tables is wider than the hardware was told",
	    [QUIRE_CAUSE_ALIGNMENT] = "the address is not aligned as the access needs it",
	    [QUIRE_CAUSE_DOMAIN] = "the domain of the first-level entry does not permit any access",
	    [QUIRE_CAUSE_RESERVED_BIT] =
		"a paging entry has a bit set that is reserved: the page tables are corrupt",
	    [QUIRE_CAUSE_PROTECTION_KEY] = "the protection key of the page forbids the access",
	    [QUIRE_CAUSE_SHADOW_STACK] =
		"a shadow-stack access to another kind of page, or the other way round",
	    [QUIRE_CAUSE_SGX] = "the enclave page cache refused the access",
	    [QUIRE_CAUSE_RMP] = "the reverse map table of the hypervisor's guests refused the access",
	    [QUIRE_CAUSE_HLAT] = "the hypervisor-managed translation has no entry for the address",
	    [QUIRE_CAUSE_TAG_CHECK] = "the tag of the pointer is not that of the memory",
	    [QUIRE_CAUSE_EXTERNAL_ABORT] = "the bus or the memory answered the access with an error",
	    [QUIRE_CAUSE_WALK_EXTERNAL_ABORT] = "the bus answered a page-table walk with an error",
	    [QUIRE_CAUSE_ASYNC_EXTERNAL_ABORT] = "the bus answered an earlier access with an error",
	    [QUIRE_CAUSE_PARITY] = "memory or cache has a parity or ECC error",
	    [QUIRE_CAUSE_WALK_PARITY] = "a page-table walk met a parity or ECC error",
	    [QUIRE_CAUSE_ASYNC_PARITY] = "an earlier access met a parity or ECC error",
	    [QUIRE_CAUSE_TLB_CONFLICT] = "the TLB holds two translations for the address",
	    [QUIRE_CAUSE_TLB_MAINTENANCE] = "an instruction-cache maintenance operation faulted",
	    [QUIRE_CAUSE_ATOMIC] = "the memory cannot do the atomic update that the hardware wanted",
	    [QUIRE_CAUSE_DEBUG] = "a breakpoint, watchpoint or step was hit",
	    [QUIRE_CAUSE_ACCESS_FAULT] = "the physical address is not there, or is protected (PMA, PMP)",
	    [QUIRE_CAUSE_MISALIGNED_FETCH] = "the jump target is not aligned as an instruction",
	    [QUIRE_CAUSE_PAGE_FAULT] =
		"there is no translation, or it does not permit the access: this hardware does not say which",
	    [QUIRE_CAUSE_IMPLEMENTATION] = "a reason of this implementation alone",
	    [QUIRE_CAUSE_GRANULE] = "the granule protection check refused the access",
	    [QUIRE_CAUSE_NOT_A_FAULT] = "this exception is no memory fault",
	    [QUIRE_CAUSE_RESERVED] = "the manual reserves this code",
	};

	return (unsigned)cause < QUIRE_CAUSE_COUNT && words[cause] ? words[cause] : "?";
}
