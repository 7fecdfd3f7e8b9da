/* SPDX-License-Identifier: MIT */
/* Reports that cannot be explained, each refused by its name: of machines that are not known, and of
 * exceptions that are no memory fault. A sign is a word that only that machine prints. */
#include "explain.h"

#define NOT_KNOWN "; not an architecture this tool knows"

#define POWERPC    "a PowerPC report" NOT_KNOWN
#define MIPS       "a MIPS report" NOT_KNOWN
#define LOONGARCH  "a LoongArch report" NOT_KNOWN
#define S390       "an s390 report" NOT_KNOWN
#define SPARC      "a SPARC report" NOT_KNOWN
#define ALPHA      "an Alpha report" NOT_KNOWN
#define SUPERH     "a SuperH report" NOT_KNOWN
#define M68K       "an m68k report" NOT_KNOWN
#define CSKY       "a C-SKY report" NOT_KNOWN
#define XTENSA     "an Xtensa report" NOT_KNOWN
#define NIOS2      "a Nios II report" NOT_KNOWN
#define PARISC     "a PA-RISC report" NOT_KNOWN
#define ITANIUM    "an Itanium report" NOT_KNOWN
#define OPENRISC   "an OpenRISC report" NOT_KNOWN
#define ARC        "an ARC report" NOT_KNOWN
#define MICROBLAZE "a MicroBlaze report" NOT_KNOWN
#define HEXAGON    "a Hexagon report" NOT_KNOWN

static void foreign(struct ex_scan *scan, const char *what)
{
	struct ex_report *report = ex_current(scan);

	if (!report)
		ex_refuse(scan, what);
	else if (!report->foreign)
		report->foreign = what;
}

/* Signs that some program may print as well count within a report only. */
static void foreign_within(struct ex_scan *scan, const char *what)
{
	struct ex_report *report = ex_current(scan);

	if (report && !report->foreign)
		report->foreign = what;
}

static void machine(struct ex_scan *scan, struct ex_cursor *cursor)
{
	foreign(scan, ex_about(scan));
}

static void machine_within(struct ex_scan *scan, struct ex_cursor *cursor)
{
	foreign_within(scan, ex_about(scan));
}

static void no_memory_fault(struct ex_scan *scan, struct ex_cursor *cursor)
{
	ex_refuse(scan, ex_about(scan));
}

/* RV32 and C-SKY print the same line with eight digits. */
void ex_refuse_narrow(struct ex_scan *scan)
{
	ex_refuse(scan, "a report of a 32-bit machine (RISC-V or C-SKY)" NOT_KNOWN);
}

void ex_refuse_rv32(struct ex_scan *scan)
{
	foreign_within(scan, "a report of 32-bit RISC-V" NOT_KNOWN);
}

const struct ex_anchor ex_other_anchors[] = {
    {"Faulting instruction address:", machine, POWERPC},
    {"BUG: Unable to handle kernel", machine, POWERPC},
    {"BUG: Kernel NULL pointer dereference", machine, POWERPC},
    {"Unable to handle kernel paging request for", machine, POWERPC},
    {"Unable to handle kernel data access", machine, POWERPC},
    {"NIP:", machine_within, POWERPC},
    {"NIP [", machine_within, POWERPC},
    {"DSISR:", machine_within, POWERPC},
    {"segfault (", machine, POWERPC},
    {"epc ==", machine_within, MIPS},
    {"Cause :", machine_within, MIPS},
    {"BadVA :", machine_within, MIPS},
    {"era ==", machine_within, LOONGARCH},
    {"BADV:", machine_within, LOONGARCH},
    {"CRMD:", machine_within, LOONGARCH},
    {"Krnl PSW :", machine, S390},
    {"User PSW :", machine, S390},
    {"Failing address:", machine, S390},
    {"ilc:", machine, S390},
    {"Unable to handle kernel pointer dereference in", machine, S390},
    {"tsk->{mm,active_mm}", machine, SPARC},
    {"TSTATE:", machine, SPARC},
    {"TPC:", machine_within, SPARC},
    {"PSR: %psr", machine_within, SPARC},
    {"PR :", machine_within, SUPERH},
    {"TEA :", machine_within, SUPERH},
    {"MACH:", machine_within, SUPERH},
    {"Format ", machine_within, M68K},
    {"orig_a0:", machine_within, CSKY},
    {"CURRENT PROCESS:", machine_within, CSKY},
    {"wmask,", machine_within, XTENSA},
    {"depc:", machine_within, XTENSA},
    {"excvaddr", machine_within, XTENSA},
    {"(pc =", machine_within, XTENSA},
    {"ea :", machine_within, NIOS2},
    {"estatus:", machine_within, NIOS2},
    {"Kernel Fault: Code=", machine, PARISC},
    {"IASQ:", machine_within, PARISC},
    {"IAOQ:", machine_within, PARISC},
    {"Unable to handle kernel NULL pointer dereference (address", machine, ITANIUM},
    {"psr :", machine_within, ITANIUM},
    {"ps: ", machine_within, ALPHA},
    {"pc is at [<fffffc", machine_within, ALPHA},
    {"Oops#:", machine, OPENRISC},
    {"CPU #:", machine_within, OPENRISC},
    {"[ECR ]:", machine, ARC},
    {"[ECR]:", machine, ARC},
    {"[EFA ]:", machine, ARC},
    {"Registers dump: mode=", machine, MICROBLAZE},
    {"BADVA:", machine_within, HEXAGON},
    {"----[ Xen-", no_memory_fault, "the Xen hypervisor reports on itself; only reports of Linux are known"},
    {"dumped core", no_memory_fault, "a core dump was written: the line has neither an address nor a code"},
    {"invalid opcode", no_memory_fault, "an invalid opcode is no memory fault"},
    {"divide error", no_memory_fault, "a division error is no memory fault"},
    {"trap int3", no_memory_fault, "a breakpoint is no memory fault"},
    {"int3:", no_memory_fault, "a breakpoint is no memory fault"},
    {"stack segment", no_memory_fault, "a stack segment fault (#SS) is no page fault, and has no address"},
    {"double fault:", no_memory_fault, "a double fault (#DF) has no address and no cause of its own"},
    {"control protection", no_memory_fault,
     "a control protection exception (#CP) is no memory fault: a branch or return was not allowed"},
    {NULL, NULL, NULL},
};
