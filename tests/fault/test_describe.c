/* SPDX-License-Identifier: MIT */
/* The report lines of the described kernels, to the letter. */
#include "fixture.h"

#include <string.h>

static const char *describe(const char *arch_name, const char *profile_name, const struct quire_trap *trap)
{
	static char text[512];
	const struct quire_arch *arch = quire_arch_find(arch_name);
	const struct quire_profile *profile = quire_profile_find(profile_name);
	struct quire_fault fault;
	size_t used;

	arch->decode(arch, profile, NULL, trap, &fault);
	used = quire_fault_describe(arch, profile, &fault, text, sizeof(text));
	assert_int_equal(used, strlen(text));
	return text;
}

static const char *arm(const char *profile, enum quire_vector vector, uint64_t fsr, uint64_t va,
		       enum quire_mode mode)
{
	return describe(
	    "arm", profile,
	    &(struct quire_trap){.vector = vector, .mode = mode, .syndrome = fsr, .address = (quire_va)va});
}

static const char *arm64(const char *profile, uint64_t esr, uint64_t va)
{
	return describe("arm64_39", profile,
			&(struct quire_trap){.vector = QUIRE_VECTOR_SYNC,
					     .mode = QUIRE_MODE_KERNEL,
					     .syndrome = esr,
					     .address = (quire_va)va});
}

static const char *x86(const char *arch, const char *profile, uint64_t code, uint64_t va)
{
	return describe(arch, profile,
			&(struct quire_trap){.vector = QUIRE_VECTOR_PAGE_FAULT,
					     .mode = QUIRE_MODE_KERNEL,
					     .syndrome = code,
					     .address = (quire_va)va});
}

static void arm_reports_unhandled_aborts(void **state)
{
	(void)state;
	assert_string_equal(arm("linux-2.6", QUIRE_VECTOR_DATA_ABORT, 0x008, 0x100004, QUIRE_MODE_USER),
			    "Unhandled fault: external abort on non-linefetch (0x008) at 0x00100004");
	assert_string_equal(arm("linux-2.6", QUIRE_VECTOR_DATA_ABORT, 0x01b, 0x10000, QUIRE_MODE_KERNEL),
			    "Unhandled fault: page domain fault (0x01b) at 0x00010000");
	assert_string_equal(
	    arm("linux-4.14", QUIRE_VECTOR_PREFETCH_ABORT, 0x409, 0xc0008000, QUIRE_MODE_USER),
	    "Unhandled prefetch abort: unknown 25 (0x409) at 0xc0008000");
}

static void arm_reports_kernel_faults(void **state)
{
	(void)state;
	assert_string_equal(arm("linux-2.6", QUIRE_VECTOR_DATA_ABORT, 0x005, 4, QUIRE_MODE_KERNEL),
			    "Unable to handle kernel NULL pointer dereference at virtual address 00000004");
	assert_string_equal(arm("linux-2.6", QUIRE_VECTOR_DATA_ABORT, 0x805, 0xc8000000, QUIRE_MODE_KERNEL),
			    "Unable to handle kernel paging request at virtual address c8000000");
	assert_string_equal(arm("linux-6", QUIRE_VECTOR_DATA_ABORT, 0x80d, 0xc0008000, QUIRE_MODE_KERNEL),
			    "8<--- cut here ---\n"
			    "Unable to handle kernel paging request at virtual address c0008000 when write");
	/* A program's own fault is its signal, and no line. */
	assert_string_equal(arm("linux-2.6", QUIRE_VECTOR_DATA_ABORT, 0x005, 4, QUIRE_MODE_USER), "");
}

static void arm64_4_14_decodes_the_syndrome(void **state)
{
	(void)state;
	assert_string_equal(arm64("linux-4.14", 0x96000210, 0xffffff800a1c0000),
			    "Unhandled fault: synchronous external abort (0x96000210) at 0xffffff800a1c0000\n"
			    "Mem abort info:\n"
			    "  Exception class = DABT (current EL), IL = 32 bits\n"
			    "  SET = 0, FnV = 0\n"
			    "  EA = 1, S1PTW = 0\n"
			    "Data abort info:\n"
			    "  ISV = 0, ISS = 0x00000210\n"
			    "  CM = 0, WnR = 0");
	assert_string_equal(
	    arm64("linux-4.14", 0x9600004f, 0xffffff8008a51000),
	    "Unable to handle kernel write to read-only memory at virtual address ffffff8008a51000\n"
	    "Mem abort info:\n"
	    "  Exception class = DABT (current EL), IL = 32 bits\n"
	    "  SET = 0, FnV = 0\n"
	    "  EA = 0, S1PTW = 0\n"
	    "Data abort info:\n"
	    "  ISV = 0, ISS = 0x0000004f\n"
	    "  CM = 0, WnR = 1");
	/* An instruction abort has no data abort to tell of. */
	assert_string_equal(
	    arm64("linux-4.14", 0x86000005, 0x10),
	    "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000010\n"
	    "Mem abort info:\n"
	    "  Exception class = IABT (current EL), IL = 32 bits\n"
	    "  SET = 0, FnV = 0\n"
	    "  EA = 0, S1PTW = 0");
}

/* ISV: the fields of the access. 0x95: 2 bytes, sign-extended, register 21, 64 bits, acquire. */
static void arm64_decodes_the_access(void **state)
{
	(void)state;
	assert_string_equal(
	    arm64("linux-4.14", 0x96000000 | 1u << 24 | 1u << 22 | 1u << 21 | 21u << 16 | 3u << 14 | 5, 0x10),
	    "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000010\n"
	    "Mem abort info:\n"
	    "  Exception class = DABT (current EL), IL = 32 bits\n"
	    "  SET = 0, FnV = 0\n"
	    "  EA = 0, S1PTW = 0\n"
	    "Data abort info:\n"
	    "  Access size = 2 byte(s)\n"
	    "  SSE = 1, SRT = 21\n"
	    "  SF = 1, AR = 1\n"
	    "  CM = 0, WnR = 0");
}

static void arm64_6_names_the_status(void **state)
{
	(void)state;
	assert_string_equal(
	    arm64("linux-6", 0x96000044, 8),
	    "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008\n"
	    "Mem abort info:\n"
	    "  ESR = 0x0000000096000044\n"
	    "  EC = 0x25: DABT (current EL), IL = 32 bits\n"
	    "  SET = 0, FnV = 0\n"
	    "  EA = 0, S1PTW = 0\n"
	    "  FSC = 0x04: level 0 translation fault\n"
	    "Data abort info:\n"
	    "  ISV = 0, ISS = 0x00000044\n"
	    "  CM = 0, WnR = 1");
}

static void x86_words_its_oops_by_release(void **state)
{
	(void)state;
	assert_string_equal(x86("i386", "linux-2.4", 2, 0),
			    "Unable to handle kernel NULL pointer dereference at virtual address 00000000");
	assert_string_equal(x86("i386", "linux-2.6", 0, 0x14),
			    "BUG: unable to handle kernel NULL pointer dereference at 00000014");
	assert_string_equal(x86("x86_64", "linux-2.6", 0, 0),
			    "BUG: unable to handle kernel NULL pointer dereference at           (null)");
	assert_string_equal(x86("x86_64", "linux-4.14", 0, 0xffffc90000a5f000),
			    "BUG: unable to handle kernel paging request at ffffc90000a5f000");
	assert_string_equal(x86("x86_64", "linux-6", 2, 8),
			    "BUG: kernel NULL pointer dereference, address: 0000000000000008\n"
			    "#PF: supervisor write access in kernel mode\n"
			    "#PF: error_code(0x0002) - not-present page");
	assert_string_equal(x86("x86_64", "linux-6", 0x11, 0xffff888104a21000),
			    "BUG: unable to handle page fault for address: ffff888104a21000\n"
			    "#PF: supervisor instruction fetch in kernel mode\n"
			    "#PF: error_code(0x0011) - permissions violation");
}

static void a_short_buffer_keeps_what_fits(void **state)
{
	const struct quire_arch *arch = quire_arch_find("arm");
	const struct quire_profile *profile = quire_profile_find("linux-2.6");
	struct quire_trap trap = {
	    .vector = QUIRE_VECTOR_DATA_ABORT, .mode = QUIRE_MODE_USER, .syndrome = 8, .address = 4};
	struct quire_fault fault;
	char text[16];

	(void)state;
	arch->decode(arch, profile, NULL, &trap, &fault);
	memset(text, 'x', sizeof(text));
	assert_int_equal(quire_fault_describe(arch, profile, &fault, text, 10), 9);
	assert_string_equal(text, "Unhandled");
	assert_int_equal(text[10], 'x');
	assert_int_equal(quire_fault_describe(arch, profile, &fault, text, 0), 0);
	assert_int_equal(quire_fault_describe(arch, profile, &fault, NULL, 10), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(arm_reports_unhandled_aborts),
	    cmocka_unit_test(arm_reports_kernel_faults),
	    cmocka_unit_test(arm64_4_14_decodes_the_syndrome),
	    cmocka_unit_test(arm64_decodes_the_access),
	    cmocka_unit_test(arm64_6_names_the_status),
	    cmocka_unit_test(x86_words_its_oops_by_release),
	    cmocka_unit_test(a_short_buffer_keeps_what_fits),
	};

	return cmocka_run_group_tests_name("reports", tests, NULL, NULL);
}
