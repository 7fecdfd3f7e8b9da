/* SPDX-License-Identifier: MIT */
/* The way that explain names is the way that the machine takes: the same syndromes, by user and by kernel,
 * go to both, and every step is compared. The address space is what an explanation assumes where a log
 * does not tell: nothing mapped where no translation was found, a forbidding vma where one was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../tools/quire/explain/explain.h"
#include "sim.h"

#define NULL_ADDRESS UINT64_C(0x18)
#define FORBIDDEN    UINT64_C(0x400000)
#define KMAP_BYTES   (UINT64_C(1) << 20)

struct machine {
	struct sim *sim;
	struct sim_cpu *cpu;
	struct sim_process *process;
	enum ex_arch id;
	const struct quire_profile *profile;
	unsigned compared;
};

static void machine_open(struct machine *machine, enum ex_arch id, const struct quire_profile *profile)
{
	struct sim_config config = {
	    .arch = ex_arch_name(id), .profile = profile->name, .kmap_bytes = KMAP_BYTES};
	struct quire_mapping how = {.addr = (quire_va)FORBIDDEN,
				    .length = 0x1000,
				    .prot = QUIRE_PROT_NONE,
				    .flags = QUIRE_MAP_FIXED | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_PRIVATE};
	const char *why = "?";
	quire_va got;

	*machine = (struct machine){.id = id, .profile = profile};
	machine->sim = sim_create(&config, &why);
	if (!machine->sim)
		fail_msg("%s: %s", config.arch, why);
	machine->cpu = sim_cpu(machine->sim, 0);
	sim_use_cpu(machine->cpu);
	assert_int_equal(sim_process_create(machine->sim, NULL, &machine->process), QUIRE_OK);
	sim_switch(machine->cpu, machine->process);
	assert_int_equal(SIM_OP(machine->cpu, "mmap", quire_mmap(machine->process->mm, &how, &got)),
			 QUIRE_OK);
	assert_int_equal(got, FORBIDDEN);
}

static void machine_close(struct machine *machine)
{
	assert_int_equal(sim_destroy(machine->sim), 0);
}

static void print_steps(const char *who, const uint8_t *steps, unsigned count)
{
	print_error("%-8s", who);
	for (unsigned i = 0; i < count; i++)
		print_error(" %s", quire_step_name((enum quire_step)steps[i]));
	print_error("\n");
}

/* One syndrome through both. */
static void compare(struct machine *machine, enum quire_vector vector, uint64_t code, uint64_t address,
		    enum quire_mode mode)
{
	struct quire_trap trap = {
	    .vector = vector, .mode = mode, .syndrome = code, .address = (quire_va)address, .pc = 0x1234};
	struct ex_report report = {.has_code = true,
				   .has_address = true,
				   .code = code,
				   .address = address,
				   .mode = mode,
				   .access = QUIRE_ACCESS_UNKNOWN,
				   .has_pc = true,
				   .pc = 0x1234,
				   .prefetch = vector == QUIRE_VECTOR_PREFETCH_ABORT};
	struct ex_options options = {.arch = machine->id, .profile = machine->profile};
	const struct quire_trace *trace;
	struct ex_finding finding;
	bool same;

	report.end = mode == QUIRE_MODE_USER ? EX_END_SIGNAL : EX_END_OOPS;
	assert_int_equal(ex_find_out(&options, &report, EX_ARCH_NONE, &finding), EX_EXPLAINED);
	sim_raise(machine->cpu, &trap);
	trace = &sim_last(machine->cpu)->trace[0];
	assert_int_equal(sim_last(machine->cpu)->traces, 1);

	same = trace->steps_total == finding.way.count &&
	       memcmp(trace->steps, finding.way.steps, trace->steps_total) == 0 &&
	       trace->outcome.kind == finding.way.outcome && trace->outcome.rule == finding.way.rule;
	if (!same) {
		print_error("%s, %s, code %#llx, address %#llx: machine %s by %s, explain %s by %s\n",
			    ex_arch_name(machine->id), machine->profile->name, (unsigned long long)code,
			    (unsigned long long)address, quire_outcome_name(trace->outcome.kind),
			    quire_step_name(trace->outcome.rule), quire_outcome_name(finding.way.outcome),
			    quire_step_name(finding.way.rule));
		print_steps("machine", trace->steps, trace->steps_total);
		print_steps("explain", finding.way.steps, finding.way.count);
	}
	assert_true(same);
	machine->compared++;
}

/* Where nothing fits: by the decoder's own word whether a translation was found. */
static void compare_all(struct machine *machine, enum quire_vector vector, uint64_t code,
			enum quire_mode mode)
{
	const struct quire_arch *arch = sim_arch(machine->sim);
	struct quire_trap trap = {.vector = vector, .mode = mode, .syndrome = code, .address = FORBIDDEN};
	struct quire_fault fault;

	arch->decode(arch, machine->profile, NULL, &trap, &fault);
	compare(machine, vector, code, fault.present ? FORBIDDEN : NULL_ADDRESS, mode);
	/* A kernel address that nothing maps: the last page of the half. A translation cannot have been
	 * found there. */
	if (!fault.present)
		compare(machine, vector, code, arch->kernel_end & ~UINT64_C(0xfff), mode);
}

static void each_profile(enum ex_arch id, void (*body)(struct machine *machine))
{
	for (unsigned p = 0; quire_profile_at(p); p++) {
		struct machine machine;

		machine_open(&machine, id, quire_profile_at(p));
		body(&machine);
		print_message("%s, %s: %u ways compared\n", ex_arch_name(id), machine.profile->name,
			      machine.compared);
		assert_true(machine.compared > 0);
		machine_close(&machine);
	}
}

/* U of the error code is the mode. */
static void x86_codes(struct machine *machine)
{
	static const uint64_t above[] = {0, 1 << 5, 1 << 6, 1 << 15, UINT64_C(1) << 31};

	for (size_t a = 0; a < sizeof(above) / sizeof(above[0]); a++) {
		for (uint64_t code = 0; code < 32; code++)
			compare_all(machine, QUIRE_VECTOR_PAGE_FAULT, code | above[a],
				    code & 4 ? QUIRE_MODE_USER : QUIRE_MODE_KERNEL);
	}
}

static void arm_codes(struct machine *machine)
{
	for (unsigned v = QUIRE_VECTOR_DATA_ABORT; v <= QUIRE_VECTOR_PREFETCH_ABORT; v++) {
		for (unsigned index = 0; index < 64; index++) {
			uint64_t code = (index & 15) | (index & 16) << 6 | (index & 32) << 6;

			compare_all(machine, (enum quire_vector)v, code, QUIRE_MODE_USER);
			compare_all(machine, (enum quire_vector)v, code, QUIRE_MODE_KERNEL);
		}
	}
}

static void arm64_codes(struct machine *machine)
{
	for (uint64_t ec = 0; ec < 64; ec++) {
		for (uint64_t fsc = 0; fsc < 64; fsc++) {
			uint64_t code = ec << 26 | 1 << 25 | (fsc & 1) << 6 | fsc;

			compare_all(machine, QUIRE_VECTOR_SYNC, code,
				    ec & 1 ? QUIRE_MODE_KERNEL : QUIRE_MODE_USER);
		}
	}
}

static void riscv_codes(struct machine *machine)
{
	for (uint64_t cause = 0; cause < 32; cause++) {
		compare_all(machine, QUIRE_VECTOR_CAUSE, cause, QUIRE_MODE_USER);
		compare_all(machine, QUIRE_VECTOR_CAUSE, cause, QUIRE_MODE_KERNEL);
	}
}

static void x86_64(void **state)
{
	each_profile(EX_X86_64, x86_codes);
}

static void i386(void **state)
{
	each_profile(EX_I386, x86_codes);
}

static void arm(void **state)
{
	each_profile(EX_ARM, arm_codes);
}

static void arm64(void **state)
{
	each_profile(EX_ARM64, arm64_codes);
}

static void riscv64(void **state)
{
	each_profile(EX_RISCV64, riscv_codes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(x86_64), cmocka_unit_test(i386),    cmocka_unit_test(arm),
	    cmocka_unit_test(arm64),  cmocka_unit_test(riscv64),
	};

	return cmocka_run_group_tests_name("explain-way", tests, NULL, NULL);
}
