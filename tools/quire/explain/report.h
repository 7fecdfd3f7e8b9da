/* SPDX-License-Identifier: MIT */
/* What a log says of one fault, and nothing that it does not say. The readers fill it, the rest reads it. */
#ifndef EXPLAIN_REPORT_H
#define EXPLAIN_REPORT_H

#include <quire/port/arch.h>

#include "lex.h"

enum ex_arch {
	EX_ARCH_NONE = 0,
	EX_X86_64,
	EX_I386,
	EX_ARM,
	EX_ARM_LPAE,
	EX_ARM64,
	EX_RISCV64,
	EX_ARCHES
};

/* How a report ended, as far as the log says. */
enum ex_end {
	EX_END_UNKNOWN = 0,
	EX_END_OOPS,  /* the kernel reports on itself */
	EX_END_SIGNAL /* the kernel reports on a program */
};

/* Which exception the report is about. Only the first has a syndrome of a page fault. */
enum ex_kind {
	EX_KIND_FAULT = 0,
	EX_KIND_PROTECTION, /* x86: #GP, which has no address and no cause */
	EX_KIND_SERROR,     /* ARM64: SError, which is asynchronous */
	EX_KIND_BAD_MODE,   /* ARM64: an exception that this vector may not take */
	EX_KIND_DUMP        /* a crash dump of user space: signal and address, no syndrome */
};

/* Machine code that the log shows. */
#define EX_CODE_BYTES 128
struct ex_code {
	uint8_t bytes[EX_CODE_BYTES];
	unsigned count;
	unsigned fault; /* where the faulting instruction begins */
	unsigned unit;  /* bytes of what the log calls one: 1, 2 (Thumb, RISC-V), 4 */
	bool marked;    /* the log marks where it begins */
	bool closed;    /* a line without a byte in it was seen: the code is not told */
};

/* A register of the frame that faulted, by its name in the log, in lower case. */
struct ex_register {
	char name[8];
	uint64_t value;
};
#define EX_REGISTERS 48

/* An entry of the page-table walk that the log shows. */
struct ex_entry {
	char name[8]; /* "pgd" */
	uint64_t value;
	bool unread; /* "BAD": the table could not be read */
};
#define EX_ENTRIES 8

/* "5.19.0-rc6": the release that counts, and the text it came from. */
struct ex_version {
	uint16_t major, minor, patch;
	char text[64]; /* "": not told */
};

struct ex_report {
	unsigned line;      /* where it begins; 0: not from a log */
	unsigned last_line; /* the last that belonged to it */
	uint32_t caller;
	bool closed;
	uint8_t votes[EX_ARCHES];   /* signs of each architecture */
	const char *foreign;        /* the machine that a line names, of those that are not known; or NULL */
	enum quire_release release; /* what the wording suggests */
	bool has_release;
	enum ex_kind kind;

	bool has_address, has_code, has_pc, has_sp;
	bool oops_line;       /* "Oops: ..." or "Internal error: ..." was seen */
	bool frame_seen;      /* RIP or EIP of the frame that faulted */
	bool interrupted;     /* another report began before this one came to its oops line */
	bool other_frame;     /* what follows is of another frame: of the program that called */
	unsigned place_line;  /* where RIP, EIP or pc was last seen */
	unsigned oops_number; /* of "[#2]"; 0: not told */
	bool no_mm;           /* "user address but active_mm is swapper" */
	bool maybe_not_oops;  /* an announcement that a program's fault has too */
	bool outside_uaccess; /* the words say that the kernel took a user's address without permission */
	bool aligned_pc;      /* the pc is that of the culprit, and the dump's is one instruction further */
	bool implicit;        /* x86: a supervisor access of the CPU itself, in user mode */
	bool machine_mode;    /* RISC-V: the kernel runs in M-mode */
	bool arm_smp;         /* the oops line says SMP or THUMB2: the CPU is no older than ARMv6 */
	unsigned address_digits;
	uint64_t address, code, pc, sp;
	enum quire_access access; /* what the words say, where they do */
	enum quire_mode mode;
	bool prefetch;            /* ARM: IFSR, not DFSR */
	bool walk_pmd;            /* the walk line shows a pmd */
	unsigned signal, si_code; /* as the log has them; 0: not said */
	bool has_si_code;
	enum ex_end end;

	char wording[160]; /* the line that announced it */
	char task[32];
	unsigned pid;
	bool has_pid;
	char place[96];        /* "function+0x12/0x40", as the log has it */
	char caller_place[96]; /* the same of the link register, or of the trace's first line */
	char object[64];       /* "libc.so.6", of "in libc.so.6[base+size]" */
	uint64_t object_base;
	bool traced;            /* a fault of a trace of quire run or quire try */
	bool resolved;          /* ... that was resolved */
	uint64_t object_size;   /* 0: not told */
	bool has_object_offset; /* "in libc.so.6[1234,base+size]" since 6.8 */
	uint64_t object_offset;
	uint64_t slide; /* "Kernel Offset: 0x1c000000" */
	bool has_slide;
	uint64_t low, high; /* KASAN's range of addresses behind a shadow that is not there */
	bool has_range;
	bool non_canonical;      /* "probably for non-canonical address" */
	unsigned sanitizer_line; /* where KASAN, KFENCE or UBSAN complained before it */
	struct ex_version version;
	struct ex_entry walk[EX_ENTRIES];
	unsigned walk_count;
	struct ex_register registers[EX_REGISTERS];
	unsigned registers_count;
	struct ex_code machine;
};

/* The value of a register of the faulting frame. Returns false when the log does not show it. */
bool ex_register(const struct ex_report *report, const char *name, uint64_t *out_value);

/* --- scanning: the dialects fill the reports ------------------------------------------------------ */

struct ex_scan;

/* One phrase that a dialect knows. `read` is called with the cursor behind the phrase. */
struct ex_anchor {
	const char *phrase;
	void (*read)(struct ex_scan *scan, struct ex_cursor *cursor);
	const char *about; /* for `read`, by ex_about(); or NULL */
};
extern const struct ex_anchor ex_common_anchors[], ex_x86_anchors[], ex_arm_anchors[], ex_arm64_anchors[],
    ex_riscv_anchors[], ex_user_anchors[], ex_trace_anchors[], ex_other_anchors[];

/* What the scan hands out: a report, or the reason why something that looks like one is none. */
struct ex_sink {
	void (*report)(void *context, const struct ex_report *report);
	void (*refuse)(void *context, unsigned line, const char *what); /* may be NULL */
	void *context;
};

/* Reads a whole log; each report goes to `sink` in the order of the log. */
void ex_scan_log(const char *data, size_t size, const struct ex_sink *sink);

/* The line that announces a report came after its head. */
void ex_announce(struct ex_scan *scan, struct ex_report *report);
/* For the dialects. A new report, which begins at this line; never NULL. */
struct ex_report *ex_open(struct ex_scan *scan, enum ex_arch arch, unsigned votes);
/* The open report that this line belongs to; NULL when there is none. */
struct ex_report *ex_current(struct ex_scan *scan);
/* The same while its own frame is being told; NULL once another's has begun. */
struct ex_report *ex_current_frame(struct ex_scan *scan);
/* The open report, or a new one where the announcing line is missing. */
struct ex_report *ex_require(struct ex_scan *scan, enum ex_arch arch, unsigned votes);
void ex_close(struct ex_scan *scan);
void ex_vote(struct ex_report *report, enum ex_arch arch, unsigned votes);
void ex_set_release(struct ex_report *report, enum quire_release release);
/* Whether `words` stand right before the phrase, on the same line. */
bool ex_follows(const struct ex_scan *scan, const char *words);
/* What the table has about the phrase that was found. */
const char *ex_about(const struct ex_scan *scan);
unsigned ex_line_number(const struct ex_scan *scan);
/* What looks like a report and is none that can be explained: "a PowerPC report; ...". */
void ex_refuse(struct ex_scan *scan, const char *what);
/* The next report comes after this complaint. */
void ex_note_sanitizer(struct ex_scan *scan);
/* RISC-V and C-SKY machines of 32 bits have the same lines as RISC-V's of 64, with eight digits. */
void ex_refuse_narrow(struct ex_scan *scan);
void ex_refuse_rv32(struct ex_scan *scan);
void ex_read_riscv_signal(struct ex_scan *scan, struct ex_cursor *cursor);
/* ARM: whether a WnR of 0 says that the access was a read. */
bool ex_arm_tells_write(const struct ex_report *report);
void ex_note_version(struct ex_scan *scan, const struct ex_version *version);
/* The machine of the trace that the next faults are of. */
void ex_note_traced(struct ex_scan *scan, enum ex_arch arch);
enum ex_arch ex_traced(const struct ex_scan *scan);
/* The name and number before the phrase: "name[123]: " or "name: ". */
void ex_task_before(struct ex_scan *scan, struct ex_report *report);
void ex_set_task(struct ex_report *report, const char *at, const char *end);
void ex_set_pid(struct ex_report *report, unsigned pid);
void ex_set_address(struct ex_report *report, uint64_t address, unsigned digits);
void ex_set_code(struct ex_report *report, uint64_t code);
void ex_set_register(struct ex_report *report, const char *name, size_t length, uint64_t value);
/* "[<c0123456>] (name+0x1/0x2)", "name+0x1/0x2", "0010:[<..>]": what stands behind "pc" and "RIP". */
void ex_read_place(struct ex_report *report, struct ex_cursor *cursor);
/* "name+0x1/0x2" alone, into a buffer of the size of ex_report.place. */
bool ex_read_symbol(struct ex_cursor *cursor, char *out, size_t size);
void ex_read_sp(struct ex_report *report, struct ex_cursor *cursor);
/* " in libc.so.6[base+size]", " in libc.so.6[offset,base+size]" */
void ex_read_object(struct ex_report *report, struct ex_cursor *cursor);
void ex_add_entry(struct ex_report *report, const char *name, size_t length, uint64_t value, bool unread);
/* "5.19.0-rc6" within the next `within` bytes. */
bool ex_read_version(struct ex_cursor *cursor, size_t within, struct ex_version *out_version);

#endif
