/* SPDX-License-Identifier: MIT */
/* The steps of a fault: each function that a fault passes, and each rule that can decide it.
 *
 * A step is one counter of the system and one possible entry of a trace. The first column is the
 * enumerator, the second the name as people know it (the field's function names where there is
 * one), the third what it means. Append within a group; numbers are not stable between versions. */
#ifndef QUIRE_STEPS_H
#define QUIRE_STEPS_H

/* clang-format off */
#define QUIRE_STEPS(S) \
	/* Entries: the architecture's own functions. */ \
	S(TRAP,                      "trap",                        "an exception reached the library") \
	S(DO_PAGE_FAULT,             "do_page_fault",               "the general page-fault handler") \
	S(DO_DATA_ABORT,             "do_DataAbort",                "ARM: a data abort") \
	S(DO_PREFETCH_ABORT,         "do_PrefetchAbort",            "ARM: a prefetch abort") \
	S(DO_MEM_ABORT,              "do_mem_abort",                "ARM64: an instruction or data abort") \
	S(DO_TRANSLATION_FAULT,      "do_translation_fault",        "no translation: user addresses to do_page_fault, kernel ones elsewhere") \
	S(DO_SECT_FAULT,             "do_sect_fault",               "ARM: section permission, no look-up") \
	S(DO_ALIGNMENT,              "do_alignment_fault",          "a misaligned access") \
	S(DO_BAD,                    "do_bad",                      "a code that nobody handles") \
	S(DO_SEA,                    "do_sea",                      "ARM64: synchronous external abort") \
	S(DO_TAG_CHECK,              "do_tag_check_fault",          "ARM64: memory tag check") \
	S(DO_SP_PC_ABORT,            "do_sp_pc_abort",              "ARM64: misaligned stack pointer or program counter") \
	S(DO_DEBUG,                  "do_debug_exception",          "a debug event") \
	S(DO_TRAP_UNKNOWN,           "do_trap_unknown",             "RISC-V: a cause without a handler") \
	S(DO_TRAP_ACCESS_FAULT,      "do_trap_access_fault",        "RISC-V: an access fault") \
	S(DO_TRAP_MISALIGNED,        "do_trap_misaligned",          "RISC-V: a misaligned access or fetch") \
	S(DO_KERN_ADDR_FAULT,        "do_kern_addr_fault",          "x86: a fault on a kernel address") \
	S(DO_USER_ADDR_FAULT,        "do_user_addr_fault",          "x86: a fault on a user address") \
	S(ARM_NOTIFY_DIE,            "arm_notify_die",              "unhandled: the row's signal to a user, die in the kernel") \
	/* The kernel's side. */ \
	S(VMALLOC_FAULT,             "vmalloc_fault",               "a kernel address: look in the kernel's own table") \
	S(VMALLOC_SYNCED,            "vmalloc-synced",              "the top-level entry was copied from the kernel's table") \
	S(VMALLOC_FILLED,            "vmalloc-filled",              "a lazy kernel page found its frame") \
	S(VMALLOC_SPURIOUS,          "vmalloc-spurious",            "a kernel address whose entry was there already") \
	S(VMALLOC_ABSENT,            "vmalloc-absent",              "the kernel's own table maps nothing there") \
	S(VMALLOC_NO_FRAME,          "vmalloc-no-frame",            "a lazy kernel page, and no frame for it") \
	S(KERNEL_ADDRESS_REFUSED,    "kernel-address-refused",      "a kernel address, but by user mode, a protection, or a reserved bit") \
	S(NO_CONTEXT,                "no_context",                  "kernel mode cannot be resumed: fixup or oops") \
	S(NO_USER_CONTEXT,           "no-user-context",             "no address space, or atomic: no look-up") \
	S(SEARCH_EXCEPTION_TABLE,    "search_exception_tables",     "the exception table was searched") \
	S(FIXUP_EXCEPTION,           "fixup_exception",             "the exception table has a fixup") \
	S(DO_KERNEL_FAULT,           "__do_kernel_fault",           "kernel mode: fixup, or the kernel dies") \
	S(DO_USER_FAULT,             "__do_user_fault",             "user mode: a signal") \
	S(OOPS,                      "oops",                        "kernel bug") \
	S(PANIC,                     "panic",                       "kernel bug in a context that cannot be ended") \
	/* Finding the vma. */ \
	S(MMAP_LOCK_TAKEN,           "mmap-lock",                   "the mm lock was had at once") \
	S(MMAP_LOCK_CONTENDED,       "mmap-lock-contended",         "a writer had the mm lock") \
	S(FIND_VMA,                  "find_vma",                    "the vma at or above the address was looked up") \
	S(NO_VMA,                    "no-vma",                      "nothing is mapped at or above the address") \
	S(VMA_ABOVE,                 "vma-above",                   "the next vma is above the address and does not grow") \
	S(EXPAND_STACK,              "expand_stack",                "a growing vma is above the address: may it grow") \
	S(STACK_BELOW_SP,            "stack-below-sp",              "user access too far below the stack pointer") \
	S(STACK_RLIMIT,              "stack-rlimit",                "growth beyond RLIMIT_STACK") \
	S(STACK_RLIMIT_AS,           "stack-rlimit-as",             "growth beyond RLIMIT_AS") \
	S(STACK_MEMLOCK,             "stack-memlock",               "growth of a locked stack beyond RLIMIT_MEMLOCK") \
	S(STACK_GUARD,               "stack-guard",                 "growth into the guard gap above another mapping") \
	S(STACK_OVERCOMMIT,          "stack-overcommit",            "growth that the commit limit refuses") \
	S(STACK_MMAP_MIN,            "stack-mmap-min",              "growth below the lowest address that may be mapped") \
	S(STACK_GROWN,               "stack-grown",                 "the vma was grown down") \
	S(ACCESS_ERROR,              "access_error",                "the vma does not allow the access") \
	S(GOOD_AREA,                 "good_area",                   "the vma allows the access") \
	S(BAD_AREA,                  "bad_area",                    "SEGV: look-up or check failed") \
	S(BAD_AREA_NOSEMAPHORE,      "bad_area_nosemaphore",        "SEGV without the mm lock") \
	S(DO_BAD_AREA,               "do_bad_area",                 "ARM: user: __do_user_fault, kernel: __do_kernel_fault") \
	/* Down the levels. */ \
	S(HANDLE_MM_FAULT,           "handle_mm_fault",             "down the table levels") \
	S(TABLE_ALLOCATED,           "table-allocated",             "a table level was missing and was added") \
	S(HANDLE_PTE_FAULT,          "handle_pte_fault",            "by the state of the last-level entry") \
	S(DO_ANONYMOUS_PAGE,         "do_anonymous_page",           "anonymous, nothing there yet") \
	S(ZERO_PAGE,                 "zero-page",                   "the shared zero page was mapped") \
	S(ANON_FRAME,                "anon-frame",                  "a cleared frame was mapped") \
	S(DO_NO_PAGE,                "do_no_page",                  "2.4 and 2.6: nothing there yet") \
	S(DO_FAULT,                  "do_fault",                    "a file, nothing there yet") \
	S(DO_READ_FAULT,             "do_read_fault",               "read of a file page") \
	S(DO_FAULT_AROUND,           "do_fault_around",             "cached neighbours were mapped too") \
	S(DO_COW_FAULT,              "do_cow_fault",                "write to a private file page") \
	S(DO_SHARED_FAULT,           "do_shared_fault",             "write to a shared file page") \
	S(PAGE_MKWRITE,              "page_mkwrite",                "the file was told that a page becomes writable") \
	S(CACHE_HIT,                 "cache-hit",                   "the page was in the page cache") \
	S(CACHE_READ,                "cache-read",                  "the page was read from the file: major") \
	S(CACHE_SHMEM,               "cache-shmem",                 "a page of shared memory was made") \
	S(BEYOND_EOF,                "beyond-eof",                  "beyond the end of the file: SIGBUS") \
	S(IO_ERROR,                  "io-error",                    "the file could not be read: SIGBUS") \
	S(DO_SWAP_PAGE,              "do_swap_page",                "the entry names a swap slot") \
	S(SWAP_CACHE_HIT,            "swap-cache-hit",              "the slot was still in memory") \
	S(SWAP_READ,                 "swap-read",                   "the slot was read: major") \
	S(SWAP_BAD,                  "swap-bad",                    "the slot cannot be read or does not exist") \
	S(DO_WP_PAGE,                "do_wp_page",                  "write to a present, read-only entry") \
	S(WP_PAGE_COPY,              "wp_page_copy",                "the page was copied") \
	S(WP_PAGE_REUSE,             "wp_page_reuse",               "the page was this address's alone and was made writable") \
	S(WP_PAGE_SHARED,            "wp_page_shared",              "a shared file page was made writable") \
	S(WP_ZERO_PAGE,              "wp-zero-page",                "the zero page gave way to a frame") \
	S(ESTABLISH_PTE,             "establish_pte",               "young, and dirty on a write, were set") \
	S(SPURIOUS,                  "spurious-fault",              "the entry allows it already: a stale translation was flushed") \
	S(PTE_CHANGED,               "pte-changed",                 "another CPU changed the entry first") \
	S(PTE_CORRUPT,               "pte-corrupt",                 "an entry that no one wrote") \
	/* Waiting and trying again. */ \
	S(LOCK_DROPPED,              "lock-dropped",                "the mm lock was dropped for I/O") \
	S(FAULT_RETRY,               "fault-retry",                 "the fault was taken again after a wait") \
	/* Outcomes. */ \
	S(MINOR,                     "minor",                       "resolved without I/O") \
	S(MAJOR,                     "major",                       "resolved with I/O") \
	S(SIGSEGV_MAPERR,            "SIGSEGV/MAPERR",              "nothing mapped there") \
	S(SIGSEGV_ACCERR,            "SIGSEGV/ACCERR",              "mapped, not allowed") \
	S(SIGBUS,                    "SIGBUS",                      "mapped and allowed, but no page") \
	S(SIGNAL_OTHER,              "signal",                      "the row's own signal") \
	S(OUT_OF_MEMORY,             "out-of-memory",               "no frame") \
	S(OOM_KILL_TASK,             "oom-kill-task",               "the profile ends the faulting process")
/* clang-format on */

enum quire_step {
#define QUIRE_STEP_ENUM(id, name, text) QUIRE_STEP_##id,
	QUIRE_STEPS(QUIRE_STEP_ENUM)
#undef QUIRE_STEP_ENUM
	QUIRE_STEP_COUNT
};

#ifdef __cplusplus
extern "C" {
#endif

/* The name of a step ("do_anonymous_page") and its meaning in one line; "?" for no step. Any context. */
const char *quire_step_name(enum quire_step step);
const char *quire_step_text(enum quire_step step);

#ifdef __cplusplus
}
#endif
#endif
