#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Uses the library as somebody else's project would: by its source list, and by the README's example.

  consume.py ROOT COMPILER

1. The files of sources.txt are compiled with the command of that file and archived.
2. The C block of README.md is compiled as it stands, with the little that it takes from its kernel
   around it, linked with that archive, and run: a fault must be resolved, another must be a signal.
3. Where CMake is installed, a project of four lines builds the same archive from the same list.
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile

BEFORE = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <quire/quire.h>

struct registers { uint64_t rip, rsp; };
static struct quire_system *system_;
#define system system_
static struct quire_mm *mm;
static struct { struct quire_mm *mm; int signal; } task, *current = &task;
static unsigned this_cpu;
static char memory[8 << 20] __attribute__((aligned(4096)));
static const uint64_t ram_start = 1 << 20, ram_bytes = sizeof(memory);
static void *const ram_mapped_at = memory;
static void my_panic(void *host, const char *text) { (void)host; puts(text); exit(1); }
static void my_flush(void *host, const struct quire_flush *flush) { (void)host, (void)flush; }
static const struct quire_host my_host = {.panic = my_panic, .tlb_flush = my_flush};
static uint64_t root;
static void load_page_table(quire_pa pa) { root = pa.v; }
static void send_signal(void *to, int signal, int code, uint64_t va) { (void)to, (void)code, (void)va; task.signal = signal; }
static void out_of_memory(void) { exit(1); }
static void die(struct registers *regs, enum quire_step rule) { (void)regs, (void)rule; exit(1); }
"""

AFTER = r"""
int main(void)
{
	struct quire_mapping how = {.length = 4096, .prot = 3, .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS};
	struct registers regs = {0x400000, 0x7fff0000};
	struct quire_usage usage;
	quire_va addr;

	start();
	task.mm = mm;
	if (quire_mmap(mm, &how, &addr) != QUIRE_OK) return 2;
	page_fault(&regs, 6, addr);
	quire_mm_usage(mm, &usage);
	if (task.signal || usage.rss_anon != 1 || !root) return 3;
	page_fault(&regs, 6, addr + 4096);
	if (task.signal != QUIRE_SIGSEGV) return 4;
	quire_mm_leave(mm, this_cpu);
	quire_mm_put(mm);
	quire_system_destroy(system);
	puts("the README's example resolves a fault and refuses another");
	return 0;
}
"""

CMAKE = """cmake_minimum_required(VERSION 3.20)
project(user C)
file(STRINGS {root}/sources.txt QUIRE_SOURCES REGEX "^[^#]")
list(TRANSFORM QUIRE_SOURCES PREPEND {root}/)
add_library(quire STATIC ${{QUIRE_SOURCES}})
target_include_directories(quire PUBLIC {root}/include PRIVATE {root}/src {root}/arch {root})
"""


def run(words, **options):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}\n{done.stdout}")
    return done.stdout


def library(root, compiler, folder):
    """Compiles sources.txt one file a command, as its comment says."""
    with open(os.path.join(root, "sources.txt"), encoding="utf-8") as lines:
        sources = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    objects = [os.path.join(folder, source.replace("/", "_") + ".o") for source in sources]

    def compile_one(pair):
        run(compiler + ["-std=c11", "-ffreestanding", "-O1", "-Iinclude", "-Isrc", "-Iarch", "-I.", "-c", pair[0],
                        "-o", pair[1]], cwd=root)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(compile_one, zip(sources, objects)))
    archive = os.path.join(folder, "libquire.a")
    run(["ar", "rcs", archive] + objects)
    return archive, len(sources)


def readme_block(root):
    with open(os.path.join(root, "README.md"), encoding="utf-8") as file:
        blocks = re.findall(r"```c\n(.*?)```", file.read(), re.S)
    if len(blocks) != 1:
        sys.exit("README.md has not exactly one C block")
    setup, handler = blocks[0].split("void page_fault(", 1)
    return "static void start(void)\n{\n" + setup + "}\n\nstatic void page_fault(" + handler


def main():
    root, compiler = os.path.abspath(sys.argv[1]), sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        archive, count = library(root, compiler, folder)
        print(f"{count} files of sources.txt, compiled one by one")
        source = os.path.join(folder, "example.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write(BEFORE + readme_block(root) + AFTER)
        program = os.path.join(folder, "example")
        run(compiler + ["-std=gnu11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{root}/include", source, archive, "-o", program])
        print(run([program]).strip())
        if shutil.which("cmake"):
            with open(os.path.join(folder, "CMakeLists.txt"), "w", encoding="utf-8") as file:
                file.write(CMAKE.format(root=root))
            run(["cmake", "-S", folder, "-B", f"{folder}/b", f"-DCMAKE_C_COMPILER={compiler[-1]}"])
            run(["cmake", "--build", f"{folder}/b", "-j2"])
            print("the same list builds with CMake")


if __name__ == "__main__":
    main()
