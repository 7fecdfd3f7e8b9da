/* SPDX-License-Identifier: MIT */
/* Two functions of Thumb code and one of ARM code, of twelve bytes each. */
	.syntax unified
	.text

	.thumb
	.globl first, second
	.thumb_func
	.type first, %function
first:
	.rept 6
	nop
	.endr
	.size first, . - first

	.thumb_func
	.type second, %function
second:
	.rept 6
	nop
	.endr
	.size second, . - second

	.arm
	.globl third
	.type third, %function
third:
	.rept 3
	nop
	.endr
	.size third, . - third
