#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The page of quire report, in headless Chromium: its numbers are those of the trace, nothing is fetched, nothing is
complained about. And the trace events for Perfetto.

usage: page.py QUIRE SOURCE-ROOT WORK perfetto|page|million|runs

Where there is no Chromium, or quire was built without D3, the page is skipped by name (77)."""
import collections
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import browser

QUIRE, ROOT, WORK, WHAT = os.path.abspath(sys.argv[1]), Path(sys.argv[2]).resolve(), Path(sys.argv[3]), sys.argv[4]
ENTRY = "trap do_page_fault do_user_addr_fault mmap-lock find_vma"
WAYS = {
    "first write": (ENTRY + " good_area handle_mm_fault handle_pte_fault do_anonymous_page anon-frame minor", "resume"),
    "copy on write": (ENTRY + " good_area handle_mm_fault handle_pte_fault do_wp_page wp_page_copy minor", "resume"),
    "file, fault-around": (ENTRY + " good_area handle_mm_fault do_fault do_read_fault do_fault_around minor", "resume"),
    "signal": (ENTRY + " bad_area SIGSEGV-MAPERR", "signal"),
}
MOST = 100000  # faults in a page; of more it has a sample
failures = 0


def check(good, text, shown=""):
    global failures
    if not good:
        failures += 1
        print("FAILED:", text, str(shown)[:400])


# --- traces ---------------------------------------------------------------------------------------------------

def fault(rng, kind, pid, page, time):
    way, outcome = WAYS[kind]
    address = (page << 12) + rng.randrange(4096)
    signal = {"number": 11, "name": "SIGSEGV", "code": 1, "code_name": "SEGV_MAPERR"} if kind == "signal" else None
    return {"version": 1, "pid": pid, "process": "sh", "mode": "user", "access": "write", "cause": "not-present",
            "address": hex(address), "pc": hex(0x401000 + 4 * rng.randrange(300)), "syndrome": "0x6", "outcome": outcome,
            "major": False, "rule": way.split()[-2], "signal": signal, "way": way.split(), "time_ns": time}


def trace(count, complete=True, pages=60):
    """A run that forks after a quarter of its faults."""
    rng = random.Random(count)
    yield {"version": 1, "begin": {"program": "</script><b>", "arch": "x86_64", "profile": "linux-6", "page_size": 4096}}
    yield {"version": 1, "task": "exec", "pid": 2, "process": "sh", "time_ns": 500}
    time = 1000
    if complete:
        yield memory(1000, 5)
    for number in range(count):
        time += rng.randrange(500, 20000)
        if number == count // 4:
            yield {"version": 1, "task": "fork", "pid": 3, "parent": 2, "process": "sh", "time_ns": time}
        pid = rng.choice([2, 3]) if number > count // 4 else 2
        base = rng.choice([0x7fff00000, 0x555500000, 0xffff880000000])
        yield fault(rng, rng.choice(list(WAYS)), pid, base + rng.randrange(pages), time)
    if complete:
        yield memory(time, 50)
        yield {"version": 1, "task": "exit", "pid": 3, "time_ns": time}
        yield {"version": 1, "end": {"minor": count, "major": 0}}


def memory(time, used):
    frames = {"meta": 8, "free": 900 - used, "cpu": 7, "port": 20, "table": 3, "object": 4, "anon": used, "file": 30,
              "shmem": 6, "kmap": 2, "zero": 1}
    return {"version": 1, "time_ns": time, "memory": {"frames": frames, "zeroed": 100 + used, "read": 30, "copied": 4,
                                                      "forked": 9, "swapped_in": 1, "swapped_out": 2}}


def write(name, lines, cut=0):
    text = "".join(json.dumps(line) + "\n" for line in lines)
    path = WORK / name
    path.write_text(text[:len(text) - cut])
    return path


# --- the page -------------------------------------------------------------------------------------------------

def axe():
    """axe-core, from npm; None: it cannot be had."""
    script = WORK / "package" / "axe.min.js"
    if not script.exists() and shutil.which("npm"):
        try:
            subprocess.run(["npm", "pack", "--silent", "axe-core@4"], cwd=WORK, capture_output=True, timeout=60, check=True)
            subprocess.run(["tar", "xzf", next(WORK.glob("axe-core-*.tgz")).name], cwd=WORK, check=True, timeout=60)
        except (subprocess.SubprocessError, OSError, StopIteration):
            return None
    return script.read_text().replace("</script", "<\\/script") if script.exists() else None


def accessible(chromium, path):
    """In a narrow window nothing is moved sideways; axe-core finds nothing serious, and what is then planted."""
    chromium.open(path, width=400, height=900)
    wide, window = chromium.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    check(wide <= window == 400, "wider than a window of 400 pixels", (wide, window))
    script = axe()
    if not script:
        print("skipped: axe-core cannot be had from npm; the page's accessibility is not checked")
        return
    run = "axe.run().then((found) => found.violations.map((one) => [one.id, one.impact, one.nodes[0].html.slice(0, 200)]))"
    chromium.evaluate(script + ";0")
    serious = [one for one in chromium.evaluate(run) if one[1] in ("serious", "critical")]
    check(not serious, "axe-core", serious)
    chromium.evaluate("document.documentElement.removeAttribute('lang'); document.body.append(new Image()); 0")
    planted = chromium.evaluate(run)
    check({one[0] for one in planted} >= {"html-has-lang", "image-alt"}, "what was planted", planted)


def pictures(chromium, path):
    """Pictures to look at."""
    for width in (1280, 400):
        picture = path.with_suffix(f".{width}.png")
        chromium.open(path, width=width)
        chromium.shoot(picture)
        check(picture.stat().st_size > 5000, f"{picture.name} is a picture")


def misses_of_lru(keys, memory):
    """Simulated, not computed from distances."""
    kept, misses = collections.OrderedDict(), 0
    for key in keys:
        if key in kept:
            kept.move_to_end(key)
            continue
        misses += 1
        if len(kept) == memory:
            kept.popitem(last=False)
        kept[key] = True
    return misses


def kind_of(line):
    """By the steps of the way: the first of these that it has."""
    if line["outcome"] == "signal":
        return "signal"
    for kind, steps in (("first write", "anon-frame"), ("zero page", "zero-page"), ("copy on write", "wp_page_copy page-copied"),
                        ("reused", "wp_page_reuse page-reused"), ("swapped in", "do_swap_page"),
                        ("file, private copy", "do_cow_fault"), ("file, shared write", "do_shared_fault"),
                        ("file, fault-around", "do_fault_around"), ("file, read", "do_read_fault do_no_page do_fault")):
        if set(steps.split()) & set(line["way"]):
            return kind
    return "other"


def report(path):
    done = subprocess.run([QUIRE, "report", str(path)], capture_output=True, text=True, timeout=600, check=False)
    check(done.returncode == 0, f"{path.name}: quire report", done.stderr)
    return Path(str(path) + ".html")


def open_page(chromium, path):
    page = chromium.open(path)
    check(not page.console, f"{path.name}: the console has", page.console)
    check(not page.requests, f"{path.name}: it asks for", page.requests)
    return page


def compare(name, page, faults, sizes=6):
    """Each view's numbers against the trace. Of more than 100,000 faults the page has one in `every`."""
    every = -(-len(faults) // MOST) or 1
    kept = faults[::every]
    check(page.drawn == str(len(kept)), f"{name}: drawn", page.drawn)
    check(page.texts["summary"].startswith(f"{len(faults)} faults"), f"{name}: summary", page.texts["summary"])
    check((f"one in {every} is in this page" in page.texts["summary"]) == (every > 1), f"{name}: it says what it has")
    kinds = collections.Counter({"all": every * len(kept)})
    ways, processes = collections.Counter(), collections.Counter()
    for line in kept:
        kinds[kind_of(line)] += every
        processes[line["pid"]] += every
        for step in set(line["way"]):
            ways[step] += every
    for table, wanted in (("faults-time-numbers", kinds), ("ways-numbers", ways)):
        shown = dict(page.tables.get(table, [])[1:])
        check(shown == {key: str(count) for key, count in wanted.items()}, f"{name}: {table}", (shown, wanted))
    shown = {int(row[0].split("(")[-1].split()[-1].rstrip(")")): int(row[4]) for row in page.tables["processes-numbers"][1:]}
    check({pid: count for pid, count in shown.items() if count} == dict(processes), f"{name}: faults of each process", shown)
    strip = re.search(r": (\d+) pages", page.texts["space-now"])
    most = max(processes.values(), default=0)
    drawn = {len({int(line["address"], 16) >> 12 for line in kept if line["pid"] == pid})
             for pid, count in processes.items() if count == most} or {0}
    check(strip and int(strip[1]) in drawn, f"{name}: pages of the busiest process", (page.texts["space-now"], drawn))
    keys = [(line["pid"], int(line["address"], 16) >> 12) for line in faults if line["outcome"] == "resume"]
    curve = [(int(pages), int(misses)) for pages, misses in page.tables.get("set-curve-numbers", [])[1:]]
    check(len(curve) > 2 or not keys, f"{name}: the curve has {len(curve)} points")
    check("Exact for LRU" in page.texts["curve-note"], f"{name}: of the curve", page.texts["curve-note"])
    for memory, misses in curve[:: max(1, len(curve) // sizes)] + curve[-1:]:
        check(misses == misses_of_lru(keys, memory), f"{name}: misses with {memory} pages", misses)
    rows = page.tables["table"][1:]
    check(len(rows) == min(100, len(kept)), f"{name}: {len(rows)} rows")
    for row, line in zip(rows, kept):
        check(row[4] == line["address"] and row[9].split() == line["way"], f"{name}: a row", row)
    check(page.marks > 10 or not faults, f"{name}: {page.marks} shapes are drawn")


def look_at(chromium, name, lines):
    lines = list(lines)
    page = open_page(chromium, report(write(name + ".json", lines)))
    compare(name, page, [line for line in lines if "way" in line])
    return page


def policies(chromium):
    """The library, with so many pages of memory and a store behind it, misses as often as exact LRU does."""
    rng = random.Random(7)
    lines = [next(trace(0))]
    lines += [fault(rng, "first write", 2, 0x10000 + rng.randrange(2000), 1000 * number) for number in range(1, 9001)]
    page = look_at(chromium, "policies", lines)
    keys = [int(line["address"], 16) >> 12 for line in lines[1:]]
    rows = [(name, int(memory), int(misses)) for name, memory, misses in page.tables["set-policies-numbers"][1:]]
    check(collections.Counter(row[0] for row in rows) == {"lru": 4, "gen": 4}, "both policies at four sizes", rows)
    for name, memory, misses in rows:
        check(abs(misses - misses_of_lru(keys, memory)) < len(keys) / 50, f"{name} with {memory} pages", misses)
        check(abs(misses - misses_of_lru(keys, memory * 3 // 4)) > len(keys) / 50, f"{name}: a curve of less memory is told apart")


def pages(chromium):
    page = look_at(chromium, "run", trace(400))
    path = WORK / "run.json.html"
    text = path.read_text()
    check("Faults of </script><b>" in page.texts["title"], "a name cannot end the script", page.texts["title"])
    links = [link for link in re.findall(r'(?:src|href)="([^"]*)"', text.split('<script id="data"')[0]) if link[:1] != "#"]
    check(not links and "default-src 'none'" in text, "the page names other files", links)
    check("under the BSD 3-clause licence" in text and "Mike Bostock" in text, "the library's name and licence")
    check([row[0] for row in page.tables["processes-numbers"][1:]] == ["sh (2)", "sh (3)"], "processes")
    held = dict(page.tables["memory-kinds-numbers"][1:])
    check(held == {"anonymous": "50", "file": "30", "shared": "6", "tables": "3", "kernel": "35", "free": "857"},
          "what memory holds", held)
    done = dict(page.tables["memory-done-numbers"][1:])
    check(done == {"zeroed": "150", "read from files": "30", "copied": "4", "shared by fork": "9", "swapped out": "2"},
          "what was done", done)
    page = look_at(chromium, "empty", trace(0))
    check("0 faults" in page.texts["summary"], "an empty run", page.texts["summary"])
    # Killed in the middle of a line.
    lines = list(trace(60, complete=False))
    page = open_page(chromium, report(write("killed.json", lines, cut=40)))
    compare("killed", page, [line for line in lines if "way" in line][:-1])
    check("The record ends before the program did" in page.texts["summary"], "it says so", page.texts["summary"])
    done = subprocess.run([QUIRE, "try", "--report", str(WORK / "try.html"), str(ROOT / "scenarios" / "cow-fork.scn")],
                          capture_output=True, text=True, timeout=600, check=False)
    check(done.returncode == 0, "quire try --report", done.stderr)
    page = open_page(chromium, WORK / "try.html")
    check([row[0] for row in page.tables["processes-numbers"][1:]] == ["main (0)", "child (1)"], "the processes of a scenario")
    done, held = (dict(page.tables[name][1:]) for name in ("memory-done-numbers", "memory-kinds-numbers"))
    check(done["copied"] == "1" and done["shared by fork"] == "2" and held["anonymous"] == "3", "its memory", (done, held))
    pictures(chromium, path)
    accessible(chromium, path)


def million(chromium):
    """A page of 1,000,000 faults: a sample, which says so, below 3 MB; the curve is of all of them."""
    path, rng, faults = WORK / "million.json", random.Random(3), []
    with open(path, "w", encoding="utf-8") as out:
        out.write(json.dumps(next(trace(0))) + "\n")
        texts = {kind: json.dumps(fault(rng, kind, 2, 0, 0)).split('"address": "0x')[0] for kind in WAYS}
        ends = {kind: [json.dumps(fault(rng, kind, 2, 0, 0)).split('"pc": ')[1].rsplit(":", 1)[0] for _ in range(50)]
                for kind in WAYS}
        kinds = list(WAYS)
        for number in range(1000000):
            kind, page = kinds[number * 7 // 3 % 4], int(rng.random() ** 3 * 30000)
            address = hex(0x7f0000000000 + (page << 12) + number % 4096)
            out.write(f'{texts[kind]}"address": "{address}", "pc": {ends[kind][number % 50]}: {1000 * number}}}\n')
            way, outcome = WAYS[kind]
            faults.append({"pid": 2, "address": address, "way": way.split(), "outcome": outcome})
        out.write(json.dumps({"version": 1, "end": {"minor": len(faults), "major": 0}}) + "\n")
    made = report(path)
    check(made.stat().st_size < 3_000_000, f"1,000,000 faults: {made.stat().st_size} bytes")
    path.unlink()
    compare("million", open_page(chromium, made), faults, sizes=1)
    pictures(chromium, made)


def run(name, *words, end=None):
    """A traced run in the reference kernel, `end` seconds of it; its page and its trace."""
    out, page = WORK / (name + ".json"), WORK / (name + ".html")
    guest = subprocess.Popen([QUIRE, "run", "--quiet", "--timeout", "400", "--trace", str(out), "--report", str(page), *words],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if end:
        guest.stdout.readline()  # it is at work
        time.sleep(end)
        guest.send_signal(signal.SIGTERM)
    guest.communicate(timeout=600)
    check(guest.returncode == (128 + signal.SIGTERM if end else 0), f"{name}: status", guest.returncode)
    return page, [json.loads(line) for line in out.read_text().splitlines()]


def runs(chromium):
    """Of real runs: a day, one that forks, one that is killed in the middle, and one that ends as it begins."""
    fork = "i=0; while [ $i -lt 60 ]; do (busybox true); i=$((i + 1)); done"
    shell = ["--", "/bin/busybox", "sh", "-c"]
    found = {}
    for name, words, end in (
            ("day", ["--file", f"{ROOT / 'tests/kernel/day.sh'}:/day.sh", "--", "/bin/busybox", "sh", "/day.sh"], None),
            ("forks", [*shell, fork], None),
            ("ended", [*shell, "echo begun; while :; do (busybox true); done"], 0.5),
            ("nothing", ["--", "/bin/busybox", "true"], None)):
        made, lines = run(name, *words, end=end)
        page, faults = open_page(chromium, made), [line for line in lines if "way" in line]
        compare(name, page, faults, sizes=2)
        check(("The record ends before the program did" in page.texts["summary"]) == bool(end), f"{name}: its end",
              page.texts["summary"])
        pids = {line["pid"] for line in lines if "task" in line or "way" in line}
        check(len(page.tables["processes-numbers"][1:]) == len(pids), f"{name}: {len(pids)} processes")
        last = [line["memory"]["frames"] for line in lines if "memory" in line][-1]
        held = dict(page.tables["memory-kinds-numbers"][1:])
        check(int(held["anonymous"]) > 0 and sum(map(int, held.values())) == sum(last.values()), f"{name}: memory", held)
        found[name] = len(pids), len(faults)
        print(f"{name}: {len(pids)} processes, {len(faults)} faults, {made.stat().st_size} bytes")
        pictures(chromium, made)
    made, lines = run("references", "--references", *shell, "busybox ls -l /bin | busybox sort | busybox md5sum")
    page = open_page(chromium, made)
    wanted = [line["references"] for line in lines if "references" in line][0]
    check("as QEMU made them" in page.texts["curve-note"] and str(wanted["references"]) in page.texts["curve-note"],
          "the page says where the references come from", page.texts["curve-note"])
    shown = [[int(cell) for cell in row] for row in page.tables["set-curve-numbers"][1:]]
    check(shown == wanted["points"] and len(shown) > 50, "the curve of the references", shown)
    check(found["forks"][0] == 61 and found["nothing"][0] == 1 and found["day"][1] > 1000, "what the runs were", found)


def long_memory():
    """Many rows of memory are thinned out; the first and the last part stay."""
    lines = [next(trace(0))] + [memory(1000 * time, time % 800) for time in range(1, 5001)]
    path = write("memory.json", lines)
    subprocess.run([QUIRE, "report", str(path)], check=True, timeout=600)
    data = json.loads(re.search(r'<script id="data"[^>]*>(.*?)</script>', Path(str(path) + ".html").read_text(), re.S)[1])
    times = [row[0] for row in data["memory"]]
    check(500 <= len(times) <= 1000 and times[0] == 0 and times[-1] > 4900 and times == sorted(times)
          and len(set(after - before for before, after in zip(times, times[1:]))) == 1, "rows of memory", times[:9])


def sizes():
    """Without the browser: what many faults make. One more is sampled."""
    text = "".join(json.dumps(line) + "\n" for line in trace(1000, complete=False, pages=4000))
    begin, *lines = text.splitlines(keepends=True)
    faults = [line for line in lines if '"way"' in line] * 100
    path = WORK / "many.json"
    for more, every in ((0, 1), (1, 2)):
        path.write_text(begin + "".join(faults + faults[:more]))
        subprocess.run([QUIRE, "report", str(path)], check=True, timeout=600)
        page = Path(str(path) + ".html")
        check(page.stat().st_size < 3_000_000, f"{len(faults) + more} faults: {page.stat().st_size} bytes")
        data = json.loads(re.search(r'<script id="data"[^>]*>(.*?)</script>', page.read_text(), re.S)[1])
        kept = data["columns"]["time"].count(",") + 1
        check(data["every"] == every and data["total"] == len(faults) + more and kept == -(-data["total"] // every),
              f"{len(faults) + more} faults: one in {data['every']}, {kept} kept")
    path.unlink()


def refusals():
    for text, said in (("no json\n", "it is no trace"), ('{"version": 2, "way": []}\n', "its version is not 1"),
                       ('{"version": 1, "way"\n{}\n', "it is no trace")):
        (WORK / "bad.json").write_text(text)
        done = subprocess.run([QUIRE, "report", str(WORK / "bad.json")], capture_output=True, text=True, timeout=600,
                              check=False)
        check(done.returncode == 2 and said in done.stderr, f"{text!r}", done.stderr)


# --- Perfetto -------------------------------------------------------------------------------------------------

PHASES = {"i": {"s", "args"}, "C": {"args"}, "s": {"id"}, "f": {"id", "bp"}, "M": {"args"}, "X": {"dur"}, "B": set(), "E": set()}


def wrong_event(event):
    """By the description of the Trace Event Format: what each phase must have."""
    if event.get("ph") not in PHASES:
        return f"no such phase: {event}"
    for name, kind in (("name", str), ("cat", str), ("pid", int), ("tid", int), ("ts", (int, float))):
        if not isinstance(event.get(name), kind):
            return f"{name}: {event}"
    missing = PHASES[event["ph"]] - set(event)
    return f"{missing} missing: {event}" if missing else None


def perfetto():
    lines = list(trace(400))
    path, out = write("events-of.json", lines), WORK / "events.json"
    done = subprocess.run([QUIRE, "report", "--perfetto", str(out), str(path)], capture_output=True, text=True, timeout=600,
                          check=False)
    check(done.returncode == 0 and not Path(str(path) + ".html").exists(), "quire report --perfetto", done.stderr)
    events = json.loads(out.read_text())["traceEvents"]
    wrong = [text for text in map(wrong_event, events) if text]
    check(not wrong, "an event", wrong[:1])
    for seeded in ({"ph": "Z"}, {**events[0], "ts": "3"}, {key: value for key, value in events[0].items() if key != "args"}):
        check(wrong_event(seeded), "a wrong event is not found", seeded)
    faults = [line for line in lines if "way" in line]
    kinds = collections.Counter(map(kind_of, faults))
    instants = [event for event in events if event["ph"] == "i" and "way" in event["args"]] \
        if all("args" in event for event in events if event["ph"] == "i") else []
    check(len(instants) == len(faults), f"{len(instants)} faults of {len(faults)}")
    check([event["args"]["address"] for event in instants] == [line["address"] for line in faults], "their addresses")
    frames = [event for event in events if event["name"] == "frames"]
    done = [event for event in events if event["name"] == "pages so far"]
    check([event["args"]["anon"] for event in frames] == [5, 50] and [event["args"]["zeroed"] for event in done] == [105, 150],
          "counters of memory", (frames, done))
    last = [event for event in events if event["name"] == "pages brought"][-1]["args"]
    check(last == {"zeroed": kinds["first write"], "file": kinds["file, fault-around"], "copied": kinds["copy on write"]},
          "counters", last)
    starts, ends = ({event["id"]: event for event in events if event["ph"] == phase} for phase in "sf")
    copies = sum("wp_page_copy" in line["way"] and line["pid"] == 3 for line in faults)
    check(set(starts) == set(ends) and len(starts) == copies > 0, "arrows", (len(starts), copies))
    check(all(event["pid"] == 2 and ends[number]["pid"] == 3 and event["ts"] <= ends[number]["ts"]
              for number, event in starts.items()), "arrows from the parent to the child")


def nothing_is_lost():
    """Standard input gives the same; what cannot be read or written leaves what was there."""
    good, out = WORK / "events-of.json", WORK / "kept.json"
    before = (WORK / "events.json").read_bytes()

    def report(source, to, text=None):
        return subprocess.run([QUIRE, "report", "--perfetto", str(to), str(source)], input=text, capture_output=True, timeout=600,
                              check=False)

    done = report("-", out, good.read_bytes())
    check(done.returncode == 0 and out.read_bytes() == before, "from standard input", done.stderr)
    done = report(write("no-trace.json", ["no trace"]), out)
    check(done.returncode == 2 and out.read_bytes() == before, "a trace that is none leaves the file", done.stderr)
    done = report(good, "/dev/full")
    check(done.returncode == 2 and b"it cannot be written" in done.stderr, "a full device", done.stderr)


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    if WHAT == "perfetto":
        perfetto()
        nothing_is_lost()
    else:
        write("probe.json", trace(0))
        probe = subprocess.run([QUIRE, "report", str(WORK / "probe.json")], capture_output=True, text=True, check=False)
        if "built without D3" in probe.stderr:
            print("skipped: quire was built without D3 (Debian: node-d3)")
            return 77
        if WHAT == "page":
            refusals()
            sizes()
            long_memory()
        if not browser.program():
            print("skipped: there is no Chromium (Debian: chromium)")
            return 1 if failures else 77
        with browser.Browser(WORK / "profile") as chromium:
            if WHAT == "page":
                pages(chromium)
                policies(chromium)
            elif WHAT == "million":
                million(chromium)
            else:
                runs(chromium)
    print(f"{failures} failures")
    return failures > 0


sys.exit(main())
