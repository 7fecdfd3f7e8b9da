/* SPDX-License-Identifier: MIT */
/* quire explain: from the text of a log to what is said about each fault in it.
 *
 *   log ──disguise.c──► plain text ──scan.c──► struct ex_report ──finding.c──► struct ex_finding
 *                                   common.c    what the log     decode()      what it means:
 *                                   x86.c       says of one      path.c        statements, each with
 *                                   arm.c       fault            walk.c        where it comes from
 *                                   arm64.c     (report.h)       operand.c        │
 *                                   riscv.c                      address.c        ├─render.c─► text
 *                                   user.c                       story.c          └─json.c───► JSON
 *                                   other.c
 *
 * The rule: a line of output is read (the report has it), decoded (from the syndrome, by the manual), or
 * deduced, and then it names its premise. What is not known is left out. */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include <stdio.h>

#include "report.h"

const char *ex_arch_name(enum ex_arch arch); /* "x86_64" */
enum ex_arch ex_arch_find(const char *name); /* EX_ARCH_NONE: not known */
enum ex_arch ex_arch_of_code(uint64_t code); /* whose syndrome this can only be; EX_ARCH_NONE */

/* --- statements: everything that is said ---------------------------------------------------------- */

enum ex_basis {
	EX_READ,    /* the report has it */
	EX_DECODED, /* the syndrome, by the manual */
	EX_DEDUCED  /* it follows, from a premise that is named */
};
const char *ex_basis_name(enum ex_basis basis);

enum ex_part {
	EX_PART_STORY, /* a sentence of the short form */
	EX_PART_WHAT,
	EX_PART_WHERE,
	EX_PART_WHY,
	EX_PART_WALK,
	EX_PART_PATH,
	EX_PART_RULE,
	EX_PART_END,
	EX_PART_LOG, /* of a bare code: what the kernel would print */
	EX_PART_OPERAND,
	EX_PART_ADDRESS, /* the hints */
	EX_PART_NOTE,
	EX_PARTS
};
const char *ex_part_name(enum ex_part part);

#define EX_STATEMENTS 40
struct ex_statement {
	uint8_t part;  /* enum ex_part */
	uint8_t basis; /* enum ex_basis */
	char text[248];
	char premise[152]; /* "": none is needed */
};

/* --- findings ------------------------------------------------------------------------------------- */

/* One field of a syndrome, and what its value means. */
struct ex_bit {
	const char *field;
	uint8_t high, low;
	uint32_t value;
	const char *meaning;
};
#define EX_BITS 24

/* How the library goes on after such a fault, over an address space where nothing permits the access:
 * steps of <quire/steps.h>, and the rule that ends it. tests/explain/way.c compares it with the machine. */
#define EX_STEPS 24
struct ex_way {
	uint8_t steps[EX_STEPS];
	unsigned count;
	enum quire_outcome_kind outcome;
	enum quire_step rule;   /* of the outcome, as the library names it */
	enum quire_step reason; /* the step that made it end so: a signal's rule, or why the kernel died */
};

/* What is known of how the kernel itself decided. */
enum ex_lookup {
	EX_LOOKUP_UNTOLD = 0, /* whether it looked at the vmas is not told */
	EX_LOOKUP_NONE,       /* it decided before */
	EX_LOOKUP_DONE        /* it looked, and nothing permitted the access */
};

/* The path by the names of the release that the report prints. */
#define EX_PATH 16
struct ex_path {
	const char *names[EX_PATH];
	unsigned count;
	enum ex_lookup lookup;
	bool no_fixup;            /* no exception table is asked */
	const char *rule;         /* what decided, in words; NULL: not told */
	const char *premise;      /* of the rule */
	unsigned signal, si_code; /* 0: none, or not told */
};

#define EX_INSTRUCTIONS 3
struct ex_listing {
	struct {
		uint64_t address;
		char text[96];
	} line[EX_INSTRUCTIONS];
	unsigned count;              /* the first is the one that faulted */
	bool reads, writes, fetches; /* memory: what the instruction does by its nature */
	bool has_operand;            /* its memory operand, and the registers that the report has for it */
	uint64_t operand;
	char formula[96]; /* "[rax + 8] = 0x0 + 8" */
	char base[8];     /* "rax" */
	bool has_base;
	uint64_t base_value;
};

struct ex_source {
	char function[128];
	uint64_t offset;
	char file[160];
	int line;
	char text[120];    /* the source line itself, where the file is there */
	char inlined[128]; /* "a < b": the functions that were inlined around the address */
	bool found;
};

struct ex_finding {
	const struct ex_report *report;
	unsigned number;
	unsigned times; /* how often the log has it; at least 1 */
	enum ex_arch id;
	const char *arch_premise; /* NULL: the report itself says which */
	struct quire_arch arch;   /* a copy, with the user's end where Linux has it */
	const struct quire_profile *profile;
	bool profile_guessed, decoded;
	const char *reg; /* "ESR_EL1" */
	struct quire_trap trap;
	struct quire_fault fault;
	const struct quire_fault_row *row; /* NULL: the code has none */
	struct ex_way way;
	struct ex_path path;
	struct ex_listing listing;
	struct ex_source source;
	bool split_known; /* 32 bits: the report proves where the kernel's half begins */
	bool level5;      /* x86-64: the address proves that paging has five levels */
	unsigned said_count;
	struct ex_statement said[EX_STATEMENTS]; /* the last member: only what is said is written */
};

/* Adds a statement. `premise` is NULL where the basis needs none. */
__attribute__((format(printf, 5, 6))) void ex_say(struct ex_finding *finding, enum ex_part part,
						  enum ex_basis basis, const char *premise,
						  const char *format, ...);

struct ex_symbols;
struct ex_disassembler;

struct ex_options {
	enum ex_arch arch;                   /* NONE: guess */
	const struct quire_profile *profile; /* NULL: guess */
	enum quire_mode mode;                /* bare codes: ARM and RISC-V codes do not say */
	bool prefetch;
	bool short_form;                      /* what only the long form and JSON show is left out */
	struct ex_symbols *symbols;           /* NULL: none */
	struct ex_disassembler *disassembler; /* NULL: none */
};

enum ex_verdict {
	EX_EXPLAINED,
	EX_NOTHING, /* no memory fault */
	EX_FOREIGN  /* of a machine that is not known, or that the report does not tell */
};

/* What a report means. `last`: the architecture of the finding before it, for reports that say nothing
 * of their own. */
enum ex_verdict ex_find_out(const struct ex_options *options, const struct ex_report *report,
			    enum ex_arch last, struct ex_finding *out_finding);

void ex_find_way(struct ex_finding *finding);
void ex_find_path(struct ex_finding *finding);
void ex_find_walk(struct ex_finding *finding);
void ex_find_operand(struct ex_finding *finding);
void ex_find_hints(struct ex_finding *finding);
void ex_tell(struct ex_finding *finding, bool short_form);
/* What a register's value is known for: "null", a poison, text. Returns false when for nothing. */
bool ex_value_words(const struct ex_finding *finding, uint64_t value, char *out, size_t size);
/* Hints of an address that only the operand tells. */
void ex_value_hints(struct ex_finding *finding, uint64_t value);
/* The first hint of a kind, or NULL. */
const char *ex_hint(const struct ex_finding *finding, const char *kind);

/* What an instruction does to memory. */
struct ex_access {
	char text[48];    /* "ld a0,8(a1)" */
	const char *base; /* the register that its address is relative to; NULL: zero */
	int64_t offset;
	bool reads, writes;
};
/* Decodes the RISC-V instruction that begins at `bytes`. Returns false where it does not access memory. */
bool ex_riscv_access(const uint8_t *bytes, size_t count, struct ex_access *out_access);

unsigned ex_bits(const struct ex_finding *finding, struct ex_bit *out_bits);
unsigned ex_x86_bits(const struct ex_finding *finding, struct ex_bit *out_bits);
unsigned ex_arm_bits(const struct ex_finding *finding, struct ex_bit *out_bits);
unsigned ex_arm64_bits(const struct ex_finding *finding, struct ex_bit *out_bits);
unsigned ex_riscv_bits(const struct ex_finding *finding, struct ex_bit *out_bits);

static inline bool ex_is_x86(const struct ex_finding *finding)
{
	return finding->id == EX_X86_64 || finding->id == EX_I386;
}
static inline bool ex_is_arm(const struct ex_finding *finding)
{
	return finding->id == EX_ARM || finding->id == EX_ARM_LPAE;
}

/* x86: Linux sets P in what it shows of a program's fault on a kernel address, whatever the hardware said. */
bool ex_hides_present(const struct ex_finding *finding);

/* --- releases: what changed in the fault path, and when -------------------------------------------- */

/* Whether the report's kernel is at least that release. Unknown: the newest release of its profile is
 * meant. */
bool ex_since(const struct ex_finding *finding, unsigned major, unsigned minor);
/* The name of a step in the report's release; NULL: that release has no such function. */
const char *ex_release_name(const struct ex_finding *finding, enum quire_step step);
/* The table, as docs/profiles.md has it. */
void ex_print_releases(FILE *out);

struct ex_disassembler *ex_disassembler_open(void);
void ex_disassembler_close(struct ex_disassembler *disassembler);
void ex_disassemble(struct ex_disassembler *disassembler, struct ex_finding *finding);

/* The symbols of a kernel, or of several: NULL, or the ones that there are. Returns NULL and says why on
 * stderr when the file has none. */
struct ex_symbols *ex_symbols_open(struct ex_symbols *symbols, const char *path);
void ex_symbols_close(struct ex_symbols *symbols);
void ex_symbolize(struct ex_symbols *symbols, struct ex_finding *finding);
/* The function at `offset` of a program or library, opened as ex_symbols_open() does but silently. False: none. */
bool ex_symbol_of(struct ex_symbols **symbols, const char *path, uint64_t offset,
		  struct ex_source *out_source);

enum ex_form {
	EX_FORM_SHORT,
	EX_FORM_LONG,
	EX_FORM_BRIEF
};
struct ex_style {
	enum ex_form form;
	bool colour;
};
void ex_render(FILE *out, const struct ex_finding *finding, const struct ex_style *style);
/* One element of the array; `first` puts no comma before it. Returns false when memory ran out. */
bool ex_render_json(FILE *out, const struct ex_finding *finding, bool first);
struct json_t;
/* The faults of a log, each in the words that every command has for one. NULL: memory ran out. */
struct json_t *ex_faults_json(const struct ex_options *options, const char *log, size_t size);

/* The log as plain text: without colours, entities and mail encoding, journal entries as lines. Returns
 * `data` itself where there is nothing to undo, or a new buffer; NULL when memory ran out. The number of
 * each line stays. */
char *ex_undisguise(char *data, size_t size, size_t *out_size);

#endif
