#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The ways of real exceptions, as the descriptions tell them: what the kernel's trace says of each fault of ways.c.

usage: ways.py QUIRE GUEST-PROGRAM ARCH PROFILE"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'tools'))
import schema  # noqa: E402

QUIRE, GUEST, ARCH, PROFILE = sys.argv[1:5]

# After which word: whose access, and the steps that must come in this order; the outcome, and how many faults if not one.
WAYS = {
    'i386': {
        'stack': ('user', 'do_page_fault find_vma expand_stack handle_mm_fault handle_pte_fault do_no_page '
                          'do_anonymous_page', 'resume'),
        'first-write': ('user', 'do_page_fault find_vma good_area handle_mm_fault handle_pte_fault do_no_page '
                                'do_anonymous_page', 'resume'),
        'after-fork': ('user', 'do_page_fault find_vma good_area handle_mm_fault handle_pte_fault do_wp_page page-copied',
                       'resume'),
        'file-read': ('user', 'do_page_fault find_vma good_area handle_mm_fault handle_pte_fault do_no_page', 'resume'),
        'bad-user': ('user', 'do_page_fault find_vma bad_area', 'signal'),
        'bad-kernel': ('kernel', 'do_page_fault find_vma bad_area no_context search_exception_tables', 'fixup'),
        'kernel-mapping': ('kernel', 'do_page_fault vmalloc_fault vmalloc-synced', 'resume'),
        'null-write': ('kernel', 'do_page_fault no_context oops', 'oops'),
    },
    'x86_64': {
        'stack': ('user', 'do_page_fault find_vma expand_stack handle_mm_fault handle_pte_fault do_no_page '
                          'do_anonymous_page', 'resume'),
        'first-write': ('user', 'do_page_fault find_vma good_area handle_mm_fault handle_pte_fault do_no_page '
                                'do_anonymous_page', 'resume'),
        'after-fork': ('user', 'do_page_fault find_vma good_area handle_mm_fault handle_pte_fault do_wp_page page-copied',
                       'resume'),
        'file-read': ('user', 'do_page_fault find_vma good_area handle_mm_fault handle_pte_fault do_no_page', 'resume'),
        'bad-user': ('user', 'do_page_fault find_vma bad_area', 'signal'),
        'bad-kernel': ('kernel', 'do_page_fault find_vma bad_area no_context search_exception_tables fixup_exception',
                       'fixup'),
        # The entry of the root is everybody's: what is lazy is the page.
        'kernel-mapping': ('kernel', 'do_page_fault vmalloc_fault vmalloc-filled', 'resume'),
        'null-write': ('kernel', 'do_page_fault no_context search_exception_tables oops', 'oops'),
    },
    # A kernel mapping has two levels, and an address space may lack either.
    'arm': {
        'stack': ('user', 'do_DataAbort do_page_fault find_vma expand_stack handle_mm_fault handle_pte_fault do_no_page '
                          'do_anonymous_page', 'resume'),
        'first-write': ('user', 'do_DataAbort do_translation_fault do_page_fault find_vma good_area handle_mm_fault '
                                'handle_pte_fault do_no_page do_anonymous_page', 'resume'),
        'after-fork': ('user', 'do_DataAbort do_page_fault find_vma good_area handle_mm_fault handle_pte_fault do_wp_page '
                               'page-copied', 'resume'),
        'file-read': ('user', 'do_DataAbort do_page_fault find_vma good_area handle_mm_fault handle_pte_fault do_no_page',
                      'resume'),
        'bad-user': ('user', 'do_DataAbort do_page_fault find_vma __do_user_fault', 'signal'),
        'bad-kernel': ('kernel', 'do_DataAbort do_page_fault find_vma __do_kernel_fault search_exception_tables '
                                 'fixup_exception', 'fixup'),
        'kernel-mapping': ('kernel', 'do_DataAbort do_translation_fault vmalloc_fault vmalloc-synced', 'resume'),
        'kernel-mapping page': ('kernel', 'do_DataAbort do_page_fault vmalloc_fault vmalloc-filled', 'resume'),
        'null-write': ('kernel', 'do_DataAbort do_page_fault __do_kernel_fault search_exception_tables oops', 'oops'),
    },
    # Program and kernel have a root each: a kernel mapping takes no fault.
    'arm64': {
        'stack': ('user', 'do_mem_abort do_translation_fault do_page_fault find_vma expand_stack handle_mm_fault '
                          '__handle_mm_fault handle_pte_fault do_anonymous_page', 'resume'),
        'first-write': ('user', 'do_mem_abort do_translation_fault do_page_fault find_vma good_area handle_mm_fault '
                                '__handle_mm_fault handle_pte_fault do_anonymous_page', 'resume'),
        'after-fork': ('user', 'do_mem_abort do_page_fault find_vma good_area handle_mm_fault __handle_mm_fault '
                               'handle_pte_fault do_wp_page wp_page_copy', 'resume'),
        'file-read': ('user', 'do_mem_abort do_translation_fault do_page_fault find_vma good_area handle_mm_fault '
                              '__handle_mm_fault handle_pte_fault do_fault do_read_fault do_fault_around', 'resume'),
        'bad-user': ('user', 'do_mem_abort do_translation_fault do_page_fault find_vma __do_user_fault', 'signal'),
        'bad-kernel': ('kernel', 'do_mem_abort do_translation_fault do_page_fault find_vma __do_kernel_fault '
                                 'search_exception_tables fixup_exception', 'fixup'),
        'null-write': ('kernel', 'do_mem_abort do_translation_fault do_page_fault __do_kernel_fault '
                                 'search_exception_tables oops', 'oops'),
    },
}


def run():
    """What the program said, as pairs; and the faults of the trace."""
    with tempfile.TemporaryDirectory() as work:
        trace = os.path.join(work, 'trace')
        done = subprocess.run([QUIRE, 'run', '--profile', PROFILE, '--mem', '64M', '--cpus', '1', '--timeout', '600', '--oops',
                               'allow', '--quiet', '--trace', trace, '--', GUEST],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1200, check=False)
        if done.returncode:
            sys.exit(f'FAIL status {done.returncode}\n{done.stdout}{done.stderr}')
        with open(trace, encoding='utf-8') as file:
            lines = [json.loads(line) for line in file]
    return [line.rsplit(' ', 1) for line in done.stdout.splitlines()], [line for line in lines if 'way' in line]


def in_order(wanted, steps):
    at = iter(steps)
    return all(step in at for step in wanted.split())


def main():
    said, faults = run()
    places = {words.split()[0]: int(place, 16) for words, place in said}
    wrong = [text for text in (schema.wrong(fault, schema.load(ROOT)) for fault in faults) if text]
    failed = len(wrong)
    if wrong:
        print(f'FAIL {len(wrong)} faults are not as docs/fault.schema.json says: {wrong[0]}')
    for word, (mode, wanted, outcome) in WAYS[ARCH].items():
        place = places[word.split()[0]]
        found = [fault for fault in faults if fault['mode'] == mode and fault['outcome'] == outcome and
                 in_order(wanted, fault['way']) and
                 (place == 0 or int(fault['address'], 16) & ~0xfff == place & ~0xfff)]
        if len(found) == 1:
            print(f'{word:19} {mode:7} {" ".join(found[0]["way"])} -> {outcome}')
        else:
            failed += 1
            there = [fault for fault in faults if place and int(fault['address'], 16) & ~0xfff == place & ~0xfff]
            print(f'FAIL {word}: {len(found)} faults went {wanted} -> {outcome}; at the place: {there}')
    sys.exit(failed != 0)


main()
