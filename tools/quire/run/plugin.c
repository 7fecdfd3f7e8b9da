/* SPDX-License-Identifier: MIT */
/* A plugin of QEMU: the pages that programs of the guest access, one after another, by process.
 *
 * Code of programs is told from the kernel's by its address. Each access of it to memory is seen, and each block of its
 * code when it begins; what follows on the same page counts once. Of the kernel's code only one instruction is looked
 * at, a store that says whose the accesses are from now on: by the place it stores to.
 *
 * The interface is version 1, that of QEMU 6 to 8 (QEMU's manual, "QEMU TCG Plugins"). Debian has no package with its
 * header: what is used of it is declared here. Argument: out=FD, the file (references.h). */
#include "references.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* --- the interface ----------------------------------------------------------------------------------------- */

struct qemu_plugin_tb;   /* a block of translated code */
struct qemu_plugin_insn; /* an instruction of one */

enum {
	NO_REGISTERS = 0, /* QEMU_PLUGIN_CB_NO_REGS */
	WRITES = 2,       /* QEMU_PLUGIN_MEM_W */
	ALL_ACCESSES = 3  /* QEMU_PLUGIN_MEM_RW */
};

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
					   void (*translated)(uint64_t id, struct qemu_plugin_tb *tb));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t at);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*run)(unsigned cpu, void *context), int flags,
					    void *context);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
				      void (*accessed)(unsigned cpu, uint32_t info, uint64_t address,
						       void *context),
				      int flags, int accesses, void *context);

__attribute__((visibility("default"))) extern int qemu_plugin_version;
__attribute__((visibility("default"))) int qemu_plugin_install(uint64_t id, const void *info, int argc,
							       char **argv);
int qemu_plugin_version = 1;

/* --- references -------------------------------------------------------------------------------------------- */

#define PAGE_SHIFT   12
#define CPUS         64
#define KERNEL_BEGIN (UINT64_C(1) << 63)

static struct references_head *head;
static uint64_t *keys;
static bool busy; /* atomic: a lock, for a few instructions at a time */

static struct {
	uint64_t process, upper; /* its number, and the part of it that was told first */
	uint64_t last;           /* the key before */
} cpus[CPUS];

static bool is_kept(uint64_t key)
{
	return (references_hash(key) & (head->every - 1)) == 0;
}

/* Half of the pages are kept from now on, of the past as well. */
static void keep_half(void)
{
	uint64_t kept = 0;

	head->every *= 2;
	for (uint64_t i = 0; i < head->kept; i++)
		if (is_kept(keys[i]))
			keys[kept++] = keys[i];
	head->kept = kept;
}

static void reference(unsigned cpu, uint64_t page)
{
	uint64_t key = cpus[cpu].process << REFERENCES_PAGE_BITS | page;

	/* Process 0: the firmware, whose addresses are as low as a program's. */
	if (key == cpus[cpu].last || !cpus[cpu].process)
		return;
	cpus[cpu].last = key;
	while (__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE))
		;
	head->seen++;
	while (head->kept == REFERENCES_MOST)
		keep_half();
	if (is_kept(key))
		keys[head->kept++] = key;
	__atomic_store_n(&busy, false, __ATOMIC_RELEASE);
}

static void accessed(unsigned cpu, uint32_t info, uint64_t address, void *context)
{
	(void)info, (void)context;
	if (cpu < CPUS && address < KERNEL_BEGIN)
		reference(cpu, address >> PAGE_SHIFT);
}

static void executed(unsigned cpu, void *page)
{
	if (cpu < CPUS)
		reference(cpu, (uint64_t)(uintptr_t)page);
}

/* The kernel says whose accesses follow: the upper ten bits of the number in the second page of a pair, then the rest. */
static void marked(unsigned cpu, uint32_t info, uint64_t address, void *context)
{
	uint64_t bits = address >> 2 & 1023;

	(void)info, (void)context;
	if (cpu >= CPUS)
		return;
	if (address >> PAGE_SHIFT & 1)
		cpus[cpu].upper = bits;
	else
		cpus[cpu].process = cpus[cpu].upper << 10 | bits;
}

/* --- what is looked at -------------------------------------------------------------------------------------- */

/* movl $REFERENCES_MARK, (%rax): Intel SDM vol. 2, MOV, C7 /0. */
static bool is_mark(const struct qemu_plugin_insn *insn)
{
	const uint32_t mark = REFERENCES_MARK;
	const unsigned char *bytes = qemu_plugin_insn_data(insn);

	return qemu_plugin_insn_size(insn) == 6 && bytes[0] == 0xc7 && bytes[1] == 0x00 &&
	       memcmp(bytes + 2, &mark, sizeof(mark)) == 0;
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	uint64_t last = UINT64_MAX;

	(void)id;
	for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t at = qemu_plugin_insn_vaddr(insn), page = at >> PAGE_SHIFT;

		if (at >= KERNEL_BEGIN) {
			if (is_mark(insn))
				qemu_plugin_register_vcpu_mem_cb(insn, marked, NO_REGISTERS, WRITES, NULL);
			continue;
		}
		if (page != last)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, executed, NO_REGISTERS,
							       (void *)(uintptr_t)page);
		last = page;
		qemu_plugin_register_vcpu_mem_cb(insn, accessed, NO_REGISTERS, ALL_ACCESSES, NULL);
	}
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	int fd;

	(void)info;
	if (argc != 1 || sscanf(argv[0], "out=%d", &fd) != 1)
		return -1;
	head = mmap(NULL, REFERENCES_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (head == MAP_FAILED)
		return -1;
	keys = (uint64_t *)(void *)(head + 1);
	head->every = 1;
	head->magic = REFERENCES_MAGIC;
	for (unsigned i = 0; i < CPUS; i++)
		cpus[i].last = UINT64_MAX;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
