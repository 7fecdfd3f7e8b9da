#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The kernel stack that each public function needs, from the compiler's own figures, against docs/stack.md and the
public headers; and what it may sleep for, from who calls whom, against the headers.

  stack.py ROOT check COMPILER ARCH [COMPILER ARCH]...    more than they say, or a function that they lack, fails
  stack.py ROOT print COMPILER ARCH [COMPILER ARCH]...    the table, an eighth more than measured
  stack.py ROOT calls COMPILER ARCH                       of each function what it may sleep for, and its stack

Every file of the library is compiled for one architecture with -fcallgraph-info=su: frames, and who calls whom. What is
called through a pointer is the port's (the host, a file's or store's functions: not counted), or listed here."""
import collections
import concurrent.futures
import glob
import os
import re
import subprocess
import sys
import tempfile

import headers

# Calls through pointers inside the library, by the words of the call: what it can reach. None: the port's.
POINTERS = (
    (r"host->|ops->|which_cpu|->say\(|parts\[|->tables\(|arch->|op\[", None),
    (r"->dirtied\(", ["page_dirtied"]),
    (r"->unmapped\(", ["qr_swap_collect"]),
    (r"->bring\(", ["qr_shmem_bring"]),
    (r"swap_hooks->put\(|hooks->put\(", ["qr_swap_put"]),
    (r"->dup\(", ["qr_swap_dup"]),
    (r"pt->count\(", ["count_moved"]),
    (r"->enter\(", ["enter_space"]),
    (r"->leave\(", ["leave_space"]),
    (r"->may_leave\(", ["may_leave"]),
    (r"reclaim_hooks->came\(", ["came"]),
    (r"reclaim_hooks->freed\(", ["freed"]),
    (r"reclaim_hooks->paid\(", ["paid"]),
    (r"reclaim_hooks->begin\(", ["begin"]),
    (r"reclaim_hooks->retry\(", ["qr_reclaim_retry"]),
    (r"reclaim_hooks->room\(", ["qr_reclaim_room"]),
    (r"system->trim\(", ["qr_mm_trim"]),
    (r"policy->\w+\(", []),  # a policy calls nothing
    (r"\bvisit\(", []),  # a few loads each: measured with their callers' frames
    (r"walk->put\(", []),
)
SELFTEST_FRAME = 1024

# What it means that a function is called, and the words of a call through a pointer, to a caller that must not sleep.
SLEEPS = {"qr_mm_read_lock": "the mm lock", "qr_mm_write_lock": "the mm lock", "qr_page_lock": "pages",
          "qr_reclaim_retry": "memory", "qr_reclaim_room": "memory", "qr_lock_slow": "spin"}
SLEEPS_THROUGH = ((r"ops->|op\[", "pages"), (r"hooks->(retry|room)\(", "memory"), (r"host->wait\(", "spin"))


def compile_one(words):
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"FAILED: {' '.join(words)}\n{done.stderr}")


def compile_all(root, compiler, arch, work):
    with open(os.path.join(root, "sources.txt"), encoding="utf-8") as lines:
        sources = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    sources += sorted(os.path.relpath(path, root) for path in glob.glob(os.path.join(root, "ports/selftest/**/*.c"),
                                                                       recursive=True))
    flags = ["-std=c11", "-ffreestanding", "-O2", "-fno-stack-protector", "-fcallgraph-info=su", f"-DQUIRE_ARCH={arch}",
             "-Iinclude", "-Isrc", "-Iarch", "-I.", "-Iports/selftest", "-Iports/selftest/conformance"]
    jobs = [[compiler] + [re.sub(r"^-I", f"-I{root}/", flag) if flag.startswith("-I") else flag for flag in flags]
            + ["-c", os.path.join(root, source), "-o", os.path.join(work, source.replace("/", "_") + ".o")]
            for source in sources]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(compile_one, jobs))


# What only a system with a store calls.
OF_A_STORE = ("qr_swap_out", "qr_swap_in", "qr_swap_tell", "qr_do_swap_page")


class Graph:
    """Frames and calls of one build."""

    def __init__(self, root, work):
        self.frame, self.calls, self.memo, self.unknown = {}, collections.defaultdict(set), {}, []
        self.marks = collections.defaultdict(set)
        text, in_kmap = "", set()
        for path in sorted(glob.glob(os.path.join(work, "*.ci"))):
            with open(path, encoding="utf-8") as file:
                text += file.read()
        for title, label in re.findall(r'node: \{ title: "([^"]+)" label: "([^"]*)"', text):
            size = re.search(r"\\n(\d+) bytes", label)
            if size:
                self.frame[title] = int(size.group(1))
                in_kmap |= {title} if "src/kmap/" in label else set()
        by_name = collections.defaultdict(list)
        for title in self.frame:
            by_name[title.split(":")[-1]].append(title)
        for caller, callee, place in re.findall(
                r'sourcename: "([^"]+)" targetname: "([^"]+)"(?: label: "([^"]*)")?', text):
            if callee != "__indirect_call":
                self.calls[caller].add(callee)
                if callee in SLEEPS:
                    # The only lock of src/kmap is the one that sleeps.
                    self.marks[caller].add("the kernel map" if callee == "qr_lock_slow" and caller in in_kmap
                                           else SLEEPS[callee])
            else:
                for name in self.through_pointer(root, caller, place):
                    self.calls[caller].update(by_name[name])

    def through_pointer(self, root, caller, place):
        match = re.match(r"(.+):(\d+):\d+", place)
        with open(os.path.join(root, match.group(1)), encoding="utf-8") as file:
            line = file.read().split("\n")[int(match.group(2)) - 1].strip()
        self.marks[caller].update(word for pattern, word in SLEEPS_THROUGH if re.search(pattern, line))
        for pattern, targets in POINTERS:
            if re.search(pattern, line):
                return targets or []
        self.unknown.append(f"{place}: {caller} calls through a pointer that stack.py does not know: {line}")
        return []

    def need(self, name, way=()):
        """Bytes from the entry of `name` down to the deepest frame, and the way there."""
        if name in way:
            return 0, ()  # swap-in from a page that is collected, and the like: a way that is not taken twice
        if name not in self.memo:
            deepest, below = 0, ()
            for callee in sorted(self.calls[name]):
                if callee in self.frame:
                    size, path = self.need(callee, way + (name,))
                    if size > deepest:
                        deepest, below = size, path
            self.memo[name] = (self.frame[name] + deepest, (name,) + below)
        return self.memo[name]

    def waits(self, name):
        """What the function may wait for: words of headers.py, and "spin". What reclaim does is "memory"."""
        seen, left, found = set(), [name], set()
        while left:
            title = left.pop()
            if title in seen or title == "qr_reclaim_retry":
                continue
            seen.add(title)
            found |= self.marks[title]
            left += [callee for callee in self.calls[title] if callee in self.frame]
        return found

    def without_a_store(self):
        """The same graph for a system that never calls a store."""
        other = object.__new__(Graph)
        ends = {title for title in self.frame if title.split(":")[-1] in OF_A_STORE}
        other.frame = {title: 0 if title in ends else size for title, size in self.frame.items()}
        other.calls = collections.defaultdict(set, {title: calls for title, calls in self.calls.items() if title not in ends})
        other.memo, other.unknown, other.marks = {}, [], self.marks
        return other


def measure(root, compiler, arch):
    with tempfile.TemporaryDirectory() as work:
        compile_all(root, compiler, arch, work)
        return Graph(root, work)


def public(graph):
    return sorted(name for name in graph.frame if name.startswith("quire_") and name != "quire_conformance")


def table_of(root):
    """docs/stack.md: function, then bytes for each architecture."""
    with open(os.path.join(root, "docs/stack.md"), encoding="utf-8") as file:
        lines = file.read().split("\n")
    head = next(line for line in lines if line.startswith("| function"))
    arches = [word.strip() for word in head.strip("|").split("|")[1:]]
    rows = {}
    for line in lines:
        match = re.match(r"\| `(quire_\w+)\(\)` \|(.*)\|$", line)
        if match:
            rows[match.group(1)] = dict(zip(arches, (int(word) for word in match.group(2).split("|"))))
    return rows


def check(root, arch, graph):
    failures, rows = list(graph.unknown), table_of(root)
    for name in public(graph):
        bytes_, way = graph.need(name)
        said = rows.get(name, {}).get(arch, 0)
        if bytes_ > said:
            path = " > ".join(f"{step.split(':')[-1]} {graph.frame[step]}" for step in way)
            failures.append(f"{arch}: {name}() needs {bytes_} bytes, docs/stack.md says {said}: {path}")
    for name, frame in graph.frame.items():
        if "ports/selftest" in name and frame > SELFTEST_FRAME or name == "quire_conformance_tables" and frame > SELFTEST_FRAME:
            failures.append(f"{arch}: {name} of the self-test has a frame of {frame} bytes")
    for name in sorted(set(rows) - set(public(graph))):
        failures.append(f"docs/stack.md: there is no {name}()")
    return failures


def check_headers(root, graphs, said=None):
    """What the headers say of each function, against every architecture."""
    said, limits, failures = said or headers.read(root), headers.limits(root), []
    small = {arch: graph.without_a_store() for arch, graph in graphs.items()}
    for name in sorted(set.intersection(*(set(public(graph)) for graph in graphs.values())) - {"quire_port_selftest"}):
        one = said.get(name)
        if not one or not one.says() or one.stack not in headers.CLASSES:
            failures.append(f"{name}(): the header does not say its context")
            continue
        waits = set() if one.alone else set().union(*(graph.waits(name) for graph in graphs.values()))
        sleeps = waits & set(headers.WORDS)
        if one.sleeps is None and sleeps or one.sleeps is not None and one.sleeps != sleeps:
            failures.append(f"{name}(): may sleep for {', '.join(sorted(sleeps)) or 'nothing'}, the header says "
                            f"{', '.join(sorted(one.sleeps or ())) or 'nothing'}")
        elif one.any and one.sleeps is None and "spin" in waits:
            failures.append(f"{name}(): takes a lock, the header says any context")
        most = max(graph.need(name)[0] for graph in graphs.values())
        plain = max(graph.need(name)[0] for graph in small.values())
        if plain > limits[one.stack][0] or most > limits[one.stack][1]:
            failures.append(f"{name}(): {plain} bytes of stack, {most} with a store, the header says {one.stack}")
        if one.stack != "small" and most <= limits["small"][0] / (2 if one.stack == "middle" else 1):
            failures.append(f"{name}(): {most} bytes of stack are not {one.stack}")
    return failures


def calls(graph):
    small = graph.without_a_store()
    for name in public(graph):
        print(name, small.need(name)[0], graph.need(name)[0], ", ".join(sorted(graph.waits(name))))


def rounded(size):
    """What is promised: a little more, so that another compiler of the kind keeps it."""
    return (size + size // 8 + 63) // 64 * 64


def main():
    root, command, pairs = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3:]
    graphs = {arch: measure(root, compiler, arch) for compiler, arch in zip(pairs[::2], pairs[1::2])}
    if command == "print":
        print("| function | " + " | ".join(graphs) + " |\n|---|" + "---|" * len(graphs))
        for name in public(next(iter(graphs.values()))):
            print(f"| `{name}()` | " + " | ".join(str(rounded(graph.need(name)[0])) for graph in graphs.values()) + " |")
        return 0
    if command == "calls":
        calls(next(iter(graphs.values())))
        return 0
    failures = [line for arch, graph in graphs.items() for line in check(root, arch, graph)] + check_headers(root, graphs)
    for line in failures:
        print("FAILED:", line)
    for arch, graph in graphs.items():
        most, name = max((graph.need(name)[0], name) for name in public(graph))
        print(f"{arch}: {len(public(graph))} public functions, {most} bytes at most ({name})")
    return seeded(root, graphs) or len(failures) != 0


def seeded(root, graphs):
    """Sentences that are not true any more: each must be found."""
    graph = next(iter(graphs.values()))
    said = headers.read(root)
    del said["quire_munmap"]
    said["quire_mm_usage"] = headers.Said("/* Any context. */")
    said["quire_brk"] = headers.Said("/* Context: may sleep for the mm lock, pages, memory. */")
    said["quire_frame_free"] = headers.Said("/* Any context. */")
    said["quire_frame_of"] = headers.Said("/* Any context. Stack: large. */")
    graph.memo.clear()
    graph.frame["quire_handle_trap"] += 100000
    found = " ".join(check(root, next(iter(graphs)), graph) + check_headers(root, graphs, said))
    missing = [text for text in ("quire_handle_trap() needs", "quire_munmap(): the header does not say",
                                 "quire_mm_usage(): may sleep for the mm lock", "the header says small",
                                 "quire_frame_free(): takes a lock", "bytes of stack are not large") if text not in found]
    for text in missing:
        print("FAILED: not found:", text)
    return len(missing)


if __name__ == "__main__":
    sys.exit(main())
