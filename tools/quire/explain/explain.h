/* SPDX-License-Identifier: MIT */
/* quire explain: from the text of a log to what is said about each fault in it.
 *
 *   log ──scan.c──► struct ex_report ──finding.c──► struct ex_finding ──render.c──► text
 *         x86.c      what the log says   decode()     what it means     json.c────► JSON
 *         arm.c      of one fault        way.c
 *         arm64.c                        hints.c
 *         riscv.c                        disasm.c, symbols.c
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include <stdio.h>

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
const char *ex_arch_name(enum ex_arch arch); /* "x86_64" */
enum ex_arch ex_arch_find(const char *name); /* EX_ARCH_NONE: not known */
enum ex_arch ex_arch_of_code(uint64_t code); /* whose syndrome this can only be; EX_ARCH_NONE */

/* How a report ended, as far as the log says. */
enum ex_end {
	EX_END_UNKNOWN = 0,
	EX_END_OOPS,  /* the kernel reports on itself */
	EX_END_SIGNAL /* the kernel reports on a program */
};

/* Machine code that the log shows. */
#define EX_CODE_BYTES 128
struct ex_code {
	uint8_t bytes[EX_CODE_BYTES];
	unsigned count;
	unsigned fault; /* where the faulting instruction begins */
	unsigned unit;  /* bytes of what the log calls one: 1, 2 (Thumb), 4 */
};

/* What a log says of one fault. */
struct ex_report {
	unsigned line;      /* where it begins; 0: not from a log */
	unsigned last_line; /* the last that belonged to it */
	uint32_t caller;
	bool closed;
	uint8_t votes[EX_ARCHES]; /* signs of each architecture */
	enum quire_release decade; /* what the wording suggests */
	bool has_decade;

	bool has_address, has_code, has_pc, has_sp;
	bool oops_line; /* "Oops: ..." or "Internal error: ..." was seen */
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
	char place[96];  /* "function+0x12/0x40", as the log has it */
	char object[64]; /* "libc.so.6", of "in libc.so.6[base+size]" */
	uint64_t object_base;
	char walk[128]; /* the page-table walk, as the log has it */
	struct ex_code machine;
};

/* --- scanning: the dialects fill the reports ------------------------------------------------------ */

struct ex_scan;

/* One phrase that a dialect knows. `read` is called with the cursor behind the phrase. */
struct ex_anchor {
	const char *phrase;
	void (*read)(struct ex_scan *scan, struct ex_cursor *cursor);
};
extern const struct ex_anchor ex_x86_anchors[], ex_arm_anchors[], ex_arm64_anchors[], ex_riscv_anchors[];

typedef void ex_sink(void *context, const struct ex_report *report);

/* Reads a whole log; each report goes to `sink` in the order of the log. */
void ex_scan_log(const char *data, size_t size, ex_sink *sink, void *context);

/* For the dialects. A new report, which begins at this line; never NULL. */
struct ex_report *ex_open(struct ex_scan *scan, enum ex_arch arch, unsigned votes);
/* The open report that this line belongs to; NULL when there is none. */
struct ex_report *ex_current(struct ex_scan *scan);
/* The open report, or a new one where the announcing line is missing. */
struct ex_report *ex_require(struct ex_scan *scan, enum ex_arch arch, unsigned votes);
void ex_close(struct ex_scan *scan);
void ex_vote(struct ex_report *report, enum ex_arch arch, unsigned votes);
/* Whether `words` stand right before the phrase, on the same line. */
bool ex_follows(const struct ex_scan *scan, const char *words);
/* The name and number before the phrase: "name[123]: " or "name: ". */
void ex_task_before(struct ex_scan *scan, struct ex_report *report);
void ex_set_address(struct ex_report *report, uint64_t address, unsigned digits);
void ex_set_code(struct ex_report *report, uint64_t code);
/* "[<c0123456>] (name+0x1/0x2)", "name+0x1/0x2", "0010:[<..>]": what stands behind "pc" and "RIP". */
void ex_read_place(struct ex_report *report, struct ex_cursor *cursor);
void ex_read_sp(struct ex_report *report, struct ex_cursor *cursor);

/* --- findings ------------------------------------------------------------------------------------- */

/* One field of a syndrome, and what its value means. */
struct ex_bit {
	const char *field;
	uint8_t high, low;
	uint32_t value;
	const char *meaning;
};
#define EX_BITS 24

/* How the kernel went on: steps of <quire/steps.h>, and the rule that ended it. */
#define EX_STEPS 24
struct ex_way {
	uint8_t steps[EX_STEPS];
	unsigned count;
	enum quire_outcome_kind outcome;
	enum quire_step rule;   /* of the outcome, as the library names it */
	enum quire_step reason; /* the step that made it end so: a signal's rule, or why the kernel died */
	bool assumed; /* the log does not say how it ended: this is the way when nothing fits there */
};

#define EX_HINTS 8
struct ex_hint {
	char text[160];
};

#define EX_INSTRUCTIONS 5
struct ex_listing {
	struct {
		uint64_t address;
		char text[96];
		bool fault;
	} line[EX_INSTRUCTIONS];
	unsigned count;
};

struct ex_source {
	char function[128];
	uint64_t offset;
	char file[160];
	int line;
	bool found;
};

struct ex_finding {
	const struct ex_report *report;
	unsigned number;
	enum ex_arch id;
	struct quire_arch arch; /* a copy, with the user's end where Linux has it */
	const struct quire_profile *profile;
	bool profile_guessed, decoded;
	const char *reg; /* "ESR_EL1" */
	struct quire_trap trap;
	struct quire_fault fault;
	const struct quire_fault_row *row; /* NULL: the code has none */
	struct ex_way way;
	struct ex_hint hints[EX_HINTS];
	unsigned hints_count;
	struct ex_listing listing;
	struct ex_source source;
};

struct ex_symbols;
struct ex_disassembler;

struct ex_options {
	enum ex_arch arch;                   /* NONE: guess */
	const struct quire_profile *profile; /* NULL: guess */
	enum quire_mode mode;                /* bare codes: ARM and RISC-V codes do not say */
	bool prefetch;
	struct ex_symbols *symbols;           /* NULL: none */
	struct ex_disassembler *disassembler; /* NULL: none */
};

/* What a report means. `last`: the architecture of the finding before it, for reports that say nothing
 * of their own. Returns false when it is none of ours: nothing there to explain. */
bool ex_find_out(const struct ex_options *options, const struct ex_report *report, enum ex_arch last,
		 struct ex_finding *out_finding);

void ex_find_way(struct ex_finding *finding);
void ex_find_hints(struct ex_finding *finding);
unsigned ex_bits(const struct ex_finding *finding, struct ex_bit *out_bits);
unsigned ex_x86_bits(const struct ex_finding *finding, struct ex_bit *out_bits);
unsigned ex_arm_bits(const struct ex_finding *finding, struct ex_bit *out_bits);
unsigned ex_arm64_bits(const struct ex_finding *finding, struct ex_bit *out_bits);
unsigned ex_riscv_bits(const struct ex_finding *finding, struct ex_bit *out_bits);

struct ex_disassembler *ex_disassembler_open(void);
void ex_disassembler_close(struct ex_disassembler *disassembler);
void ex_disassemble(struct ex_disassembler *disassembler, struct ex_finding *finding);

/* The symbols of a kernel. Returns NULL and says why on stderr when the file has none. */
struct ex_symbols *ex_symbols_open(const char *path);
void ex_symbols_close(struct ex_symbols *symbols);
void ex_symbolize(struct ex_symbols *symbols, struct ex_finding *finding);

void ex_render(FILE *out, const struct ex_finding *finding, bool colour);
/* One element of the array; `first` puts no comma before it. Returns false when memory ran out. */
bool ex_render_json(FILE *out, const struct ex_finding *finding, bool first);

#endif
