/* SPDX-License-Identifier: MIT */
/* RISC-V instructions and the text that GNU as made them from; what does not access memory, and what is cut. */
#include "../../tools/quire/explain/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	uint32_t word;
	unsigned bytes;
	const char *text;
} accesses[] = {
    {0xfff58503, 4, "lb a0,-1(a1)"},
    {0x00249283, 4, "lh t0,2(s1)"},
    {0x7ff1a903, 4, "lw s2,2047(gp)"},
    {0x80013083, 4, "ld ra,-2048(sp)"},
    {0x0007c503, 4, "lbu a0,0(a5)"},
    {0x006fd503, 4, "lhu a0,6(t6)"},
    {0x00cde503, 4, "lwu a0,12(s11)"},
    {0x00452787, 4, "flw fa5,4(a0)"},
    {0x00853d87, 4, "fld fs11,8(a0)"},
    {0xfea58fa3, 4, "sb a0,-1(a1)"},
    {0x00549123, 4, "sh t0,2(s1)"},
    {0x7f21afa3, 4, "sw s2,2047(gp)"},
    {0x80113023, 4, "sd ra,-2048(sp)"},
    {0x01f52227, 4, "fsw ft11,4(a0)"},
    {0xfe053c27, 4, "fsd ft0,-8(a0)"},
    {0x1005a52f, 4, "lr.w a0,(a1)"},
    {0x1405b52f, 4, "lr.d.aq a0,(a1)"},
    {0x1ac5a52f, 4, "sc.w.rl a0,a2,(a1)"},
    {0x18c5b52f, 4, "sc.d a0,a2,(a1)"},
    {0x0ec5a52f, 4, "amoswap.w.aqrl a0,a2,(a1)"},
    {0x00c5b52f, 4, "amoadd.d a0,a2,(a1)"},
    {0x2064202f, 4, "amoxor.w zero,t1,(s0)"},
    {0x60c5a52f, 4, "amoand.w a0,a2,(a1)"},
    {0x40c5b52f, 4, "amoor.d a0,a2,(a1)"},
    {0x80c5a52f, 4, "amomin.w a0,a2,(a1)"},
    {0xa0c5b52f, 4, "amomax.d a0,a2,(a1)"},
    {0xc0c5a52f, 4, "amominu.w a0,a2,(a1)"},
    {0xe0c5b52f, 4, "amomaxu.d a0,a2,(a1)"},
    {0x41c8, 2, "lw a0,4(a1)"},
    {0x5c7c, 2, "lw a5,124(s0)"},
    {0x6508, 2, "ld a0,8(a0)"},
    {0x7ff0, 2, "ld a2,248(a5)"},
    {0x20a8, 2, "fld fa0,64(s1)"},
    {0xc2b8, 2, "sw a4,64(a3)"},
    {0xe6f8, 2, "sd a4,200(a3)"},
    {0xa404, 2, "fsd fs1,8(s0)"},
    {0x50fe, 2, "lw ra,252(sp)"},
    {0x4f92, 2, "lw t6,4(sp)"},
    {0x7dfe, 2, "ld s11,504(sp)"},
    {0x6522, 2, "ld a0,8(sp)"},
    {0x2f92, 2, "fld ft11,256(sp)"},
    {0xdf86, 2, "sw ra,252(sp)"},
    {0xffee, 2, "sd s11,504(sp)"},
    {0xa0c6, 2, "fsd fa7,64(sp)"},
};

static bool decode(uint32_t word, size_t count, struct ex_access *access)
{
	const uint8_t bytes[4] = {(uint8_t)word, (uint8_t)(word >> 8), (uint8_t)(word >> 16),
				  (uint8_t)(word >> 24)};

	return ex_riscv_access(bytes, count, access);
}

static void every_access(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++) {
		struct ex_access access;

		assert_true(decode(accesses[i].word, accesses[i].bytes, &access));
		assert_string_equal(access.text, accesses[i].text);
	}
}

static void what_it_does(void **state)
{
	struct ex_access access;

	(void)state;
	assert_true(decode(0x80113023, 4, &access)); /* sd ra,-2048(sp) */
	assert_string_equal(access.base, "sp");
	assert_int_equal(access.offset, -2048);
	assert_true(access.writes && !access.reads);
	assert_true(decode(0x7dfe, 2, &access)); /* ld s11,504(sp) */
	assert_int_equal(access.offset, 504);
	assert_true(access.reads && !access.writes);
	assert_true(decode(0x00c5b52f, 4, &access)); /* amoadd.d a0,a2,(a1) */
	assert_true(access.reads && access.writes);
	assert_true(decode(0x18c5b52f, 4, &access)); /* sc.d a0,a2,(a1) */
	assert_true(access.writes && !access.reads);
	assert_true(decode(0x1005a52f, 4, &access)); /* lr.w a0,(a1) */
	assert_true(access.reads && !access.writes);
	assert_true(decode(0x00802503, 4, &access)); /* lw a0,8(zero) */
	assert_null(access.base);
}

static void no_access(void **state)
{
	struct ex_access access;

	(void)state;
	assert_false(decode(0x00858513, 4, &access)); /* addi a0,a1,8 */
	assert_false(decode(0x952e, 2, &access));     /* c.add a0,a1 */
	assert_false(decode(0x4002, 2, &access));     /* c.lwsp to x0: reserved */
	assert_false(decode(0x0000, 2, &access));     /* defined as illegal */
	assert_false(decode(0x00007503, 4, &access)); /* LOAD with funct3 7 */
	assert_false(decode(0x02056507, 4, &access)); /* a vector load */
	assert_false(decode(0x0005452f, 4, &access)); /* AMO with funct3 4 */
	assert_false(decode(0x2805a52f, 4, &access)); /* AMO with funct5 5 */
	/* cut: a long one of which half is there, and nothing */
	assert_false(decode(0x00853503, 2, &access));
	assert_false(decode(0x6508, 1, &access));
	assert_false(decode(0x6508, 0, &access));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_access),
	    cmocka_unit_test(what_it_does),
	    cmocka_unit_test(no_access),
	};

	return cmocka_run_group_tests_name("explain-riscv-insn", tests, NULL, NULL);
}
