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
	S(FAULT_IN_KERNEL_SPACE,     "fault_in_kernel_space",       "x86: the address is in kernel space") \
	S(DO_DATA_ABORT,             "do_DataAbort",                "ARM: a data abort") \
	S(DO_PREFETCH_ABORT,         "do_PrefetchAbort",            "ARM: a prefetch abort") \
	S(DO_MEM_ABORT,              "do_mem_abort",                "ARM64: an instruction or data abort") \
	S(DO_TRANSLATION_FAULT,      "do_translation_fault",        "no translation: user addresses go to do_page_fault") \
	S(DO_SECT_FAULT,             "do_sect_fault",               "ARM: section permission fault, no vma is looked up") \
	S(DO_ALIGNMENT,              "do_alignment_fault",          "a misaligned access") \
	S(DO_BAD,                    "do_bad",                      "a fault status without a handler") \
	S(DO_SEA,                    "do_sea",                      "ARM64: synchronous external abort") \
	S(DO_TAG_CHECK,              "do_tag_check_fault",          "ARM64: memory tag check") \
	S(DO_SP_PC_ABORT,            "do_sp_pc_abort",              "ARM64: misaligned stack pointer or program counter") \
	S(DO_DEBUG,                  "do_debug_exception",          "a debug event") \
	S(DO_TRAP_UNKNOWN,           "do_trap_unknown",             "RISC-V: a cause without a handler") \
	S(DO_TRAP_ACCESS_FAULT,      "do_trap_access_fault",        "RISC-V: an access fault") \
	S(DO_TRAP_MISALIGNED,        "do_trap_misaligned",          "RISC-V: a misaligned access or fetch") \
	S(DO_KERN_ADDR_FAULT,        "do_kern_addr_fault",          "x86: a fault on a kernel address") \
	S(DO_USER_ADDR_FAULT,        "do_user_addr_fault",          "x86: a fault on a user address") \
	S(ARM_NOTIFY_DIE,            "arm_notify_die",              "no handler: the row's signal in user mode, die in kernel mode") \
	S(ARM64_NOTIFY_DIE,          "arm64_notify_die",            "ARM64: no handler: the row's signal in user mode, die in kernel mode") \
	/* The kernel's side. */ \
	S(VMALLOC_FAULT,             "vmalloc_fault",               "kernel address: the kernel's own page table is consulted") \
	S(VMALLOC_SYNCED,            "vmalloc-synced",              "the top-level entry was copied from the kernel's table") \
	S(VMALLOC_FILLED,            "vmalloc-filled",              "a lazily filled kernel page got its frame") \
	S(VMALLOC_SPURIOUS,          "vmalloc-spurious",            "the kernel address was mapped already: a stale translation") \
	S(VMALLOC_ABSENT,            "vmalloc-absent",              "the kernel's own table maps nothing there") \
	S(VMALLOC_NO_FRAME,          "vmalloc-no-frame",            "no frame for a lazily filled kernel page") \
	S(KERNEL_ADDRESS_REFUSED,    "kernel-address-refused",      "kernel address: user mode, protection or reserved bit, so no sync") \
	S(NO_CONTEXT,                "no_context",                  "kernel mode: fixup or oops") \
	S(NO_USER_CONTEXT,           "no-user-context",             "no address space, or atomic context: no vma is looked up") \
	S(SEARCH_EXCEPTION_TABLE,    "search_exception_tables",     "the exception table was searched") \
	S(FIXUP_EXCEPTION,           "fixup_exception",             "the exception table has a fixup for the instruction") \
	S(DO_KERNEL_FAULT,           "__do_kernel_fault",           "ARM and ARM64: kernel mode: fixup or oops") \
	S(DO_USER_FAULT,             "__do_user_fault",             "user mode: a signal") \
	S(OOPS,                      "oops",                        "kernel bug") \
	S(PANIC,                     "panic",                       "kernel bug in a context that cannot be ended") \
	/* Finding the vma. */ \
	S(MMAP_LOCK_TAKEN,           "mmap-lock",                   "mm lock taken without waiting") \
	S(MMAP_LOCK_CONTENDED,       "mmap-lock-contended",         "mm lock held by a writer") \
	S(FIND_VMA,                  "find_vma",                    "look up the vma at or above the address") \
	S(NO_VMA,                    "no-vma",                      "no vma at or above the address") \
	S(VMA_ABOVE,                 "vma-above",                   "the next vma is above the address and does not grow") \
	S(EXPAND_STACK,              "expand_stack",                "the vma above grows down: may it reach the address") \
	S(STACK_BELOW_SP,            "stack-below-sp",              "user access too far below the stack pointer") \
	S(STACK_RLIMIT,              "stack-rlimit",                "stack would exceed RLIMIT_STACK") \
	S(STACK_RLIMIT_AS,           "stack-rlimit-as",             "address space would exceed RLIMIT_AS") \
	S(STACK_MEMLOCK,             "stack-memlock",               "locked stack would exceed RLIMIT_MEMLOCK") \
	S(STACK_GUARD,               "stack-guard",                 "stack would enter the guard gap above another mapping") \
	S(STACK_OVERCOMMIT,          "stack-overcommit",            "commit limit reached") \
	S(STACK_MMAP_MIN,            "stack-mmap-min",              "stack would go below mmap_min_addr") \
	S(STACK_GROWN,               "stack-grown",                 "stack vma extended down to the address") \
	S(STACK_GUARD_PAGE,          "check_stack_guard_page",      "2.6: the lowest page of a stack: grow it by one page first") \
	S(ACCESS_ERROR,              "access_error",                "the vma does not allow the access") \
	S(GOOD_AREA,                 "good_area",                   "the vma allows the access") \
	S(BAD_AREA,                  "bad_area",                    "SIGSEGV after a vma look-up") \
	S(BAD_AREA_ACCESS_ERROR,     "bad_area_access_error",       "SIGSEGV: the vma forbids the access") \
	S(BAD_AREA_NOSEMAPHORE,      "bad_area_nosemaphore",        "SIGSEGV without the mm lock") \
	S(DO_BAD_AREA,               "do_bad_area",                 "ARM: __do_user_fault or __do_kernel_fault") \
	/* Down the levels. */ \
	S(HANDLE_MM_FAULT,           "handle_mm_fault",             "walk the page table, allocate missing levels") \
	S(HANDLE_MM_FAULT_LEVELS,    "__handle_mm_fault",           "since 3.12: the body of handle_mm_fault") \
	S(TABLE_ALLOCATED,           "table-allocated",             "a missing table was allocated") \
	S(HANDLE_BAD_PMD,            "__handle_bad_pmd",            "2.4: a corrupt upper entry: the process is killed") \
	S(PMD_CLEAR_BAD,             "pmd_clear_bad",               "a corrupt upper entry was cleared: the access is repeated") \
	S(HANDLE_PTE_FAULT,          "handle_pte_fault",            "decide by the state of the pte") \
	S(DO_ANONYMOUS_PAGE,         "do_anonymous_page",           "anonymous memory, pte is none") \
	S(ZERO_PAGE,                 "zero-page",                   "the shared zero page was mapped") \
	S(ANON_FRAME,                "anon-frame",                  "a cleared frame was mapped") \
	S(DO_NO_PAGE,                "do_no_page",                  "2.4 and 2.6: pte is none") \
	S(DO_FAULT,                  "do_fault",                    "file mapping, pte is none") \
	S(DO_READ_FAULT,             "do_read_fault",               "read access to a file page") \
	S(DO_FAULT_AROUND,           "do_fault_around",             "neighbouring cached pages were mapped too") \
	S(DO_COW_FAULT,              "do_cow_fault",                "write access to a private file page") \
	S(DO_SHARED_FAULT,           "do_shared_fault",             "write access to a shared file page") \
	S(PAGE_MKWRITE,              "page_mkwrite",                "the file is notified that a page becomes writable") \
	S(CACHE_HIT,                 "cache-hit",                   "the page was in the page cache") \
	S(CACHE_READ,                "cache-read",                  "the page was read from the file: major") \
	S(CACHE_SHMEM,               "cache-shmem",                 "a shared memory page was allocated") \
	S(BEYOND_EOF,                "beyond-eof",                  "page lies beyond the end of the file: SIGBUS") \
	S(IO_ERROR,                  "io-error",                    "read error: SIGBUS") \
	S(DO_SWAP_PAGE,              "do_swap_page",                "pte is a swap entry") \
	S(SWAP_CACHE_HIT,            "swap-cache-hit",              "the page was in the swap cache") \
	S(SWAP_READ,                 "swap-read",                   "the page was read from swap: major") \
	S(SWAP_BAD,                  "swap-bad",                    "the swap slot is unreadable or does not exist") \
	S(GUARD,                     "guard",                       "madvise made the page a guard: SIGSEGV") \
	S(DO_WP_PAGE,                "do_wp_page",                  "write access to a present, read-only pte") \
	S(WP_PAGE_COPY,              "wp_page_copy",                "the page was copied") \
	S(WP_PAGE_REUSE,             "wp_page_reuse",               "not shared with anyone: made writable in place") \
	S(WP_PAGE_SHARED,            "wp_page_shared",              "a shared page was made writable") \
	S(WP_ZERO_PAGE,              "wp-zero-page",                "the zero page was replaced by a cleared frame") \
	S(PAGE_COPIED,               "page-copied",                 "2.4 and 2.6: the page was copied") \
	S(PAGE_REUSED,               "page-reused",                 "2.4 and 2.6: the page was made writable in place") \
	S(ESTABLISH_PTE,             "establish_pte",               "accessed, and dirty on a write, were set in the pte") \
	S(SPURIOUS,                  "spurious-fault",              "the pte allows the access already: stale TLB entry flushed") \
	S(PTE_CHANGED,               "pte-changed",                 "another CPU changed the pte first") \
	S(PTE_CORRUPT,               "pte-corrupt",                 "a page-table entry with impossible bits") \
	/* Waiting and trying again. */ \
	S(LOCK_DROPPED,              "lock-dropped",                "mm lock dropped for I/O") \
	S(FAULT_RETRY,               "fault-retry",                 "the fault is retried") \
	/* Outcomes. */ \
	S(MINOR,                     "minor",                       "resolved, minor fault") \
	S(MAJOR,                     "major",                       "resolved, major fault") \
	S(SIGSEGV_MAPERR,            "SIGSEGV/MAPERR",              "nothing mapped at the address") \
	S(SIGSEGV_ACCERR,            "SIGSEGV/ACCERR",              "mapped, access not permitted") \
	S(SIGBUS,                    "SIGBUS",                      "mapped and permitted, but there is no page") \
	S(SIGNAL_OTHER,              "signal",                      "the signal of the syndrome table") \
	S(OUT_OF_MEMORY,             "out-of-memory",               "no free frame") \
	S(GROUP_LIMIT,               "group-limit",                 "a group may have no more pages") \
	S(OOM_KILL_TASK,             "oom-kill-task",               "the faulting process is killed")
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

/* Returns the name of a step ("do_anonymous_page"); "?" for no step. Any context. */
const char *quire_step_name(enum quire_step step);
/* Returns its meaning in one line; "?" for no step. Any context. */
const char *quire_step_text(enum quire_step step);

#ifdef __cplusplus
}
#endif
#endif
