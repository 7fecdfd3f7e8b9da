#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""quire run without a guest: what it packs, what it refuses, and what it makes of QEMU's end."""
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "tools"))
import schema  # noqa: E402

QUIRE = os.path.abspath(sys.argv[1])
STEPS = re.findall(r"^\tS\((\w+),", (ROOT / "include/quire/steps.h").read_text(), re.M)
FAKE = """\
#!{python}
import os, re, socket, struct, sys, time
lines = {{}}
for word in sys.argv:
    found = re.fullmatch(r"socket,id=(\\w+),fd=(\\d+)", word)
    if found:
        lines[found[1]] = socket.socket(fileno=int(found[2]))
def log(text):
    lines["log"].sendall(text.encode())
def ring(*records):
    "Of 64 KiB at 1 MiB, as ports/kernel/port/trace.h has it; one record at a time, while the reader follows."
    memory = int(re.search(r"mem-path=/dev/fd/(\\d+)", " ".join(sys.argv))[1])
    at, size, head = 1 << 20, (1 << 16) - 64, 0
    os.pwrite(memory, struct.pack("<QIII", 0x3130676e69527251, size, 0, 0), at)
    log("@trace 100000 10000\\n")
    for record in records:
        if head + len(record) > size:
            os.pwrite(memory, bytes(16), at + 64 + head)
            head = 0
        while True:
            tail = struct.unpack("<I", os.pread(memory, 4, at + 16))[0]
            if (tail - head - 1) % size >= 2 * len(record) + 16 or head == tail:
                break
            time.sleep(0.001)
        os.pwrite(memory, record, at + 64 + head)
        head = (head + len(record)) % size
        os.pwrite(memory, struct.pack("<I", head), at + 12)
{body}
"""
REPORT = """@quire-report 1
status {status}
time 1000000 2000000
counter do_anonymous_page 5
counter minor 7
event {event} 9
frames free 100
memory 1000 600 400 400
faults 7 0
@quire-end
"""


def run(*words, env=None, text=None, stdin=subprocess.DEVNULL):
    env = dict(os.environ, **(env or {}))
    if text is not None:
        return subprocess.run([QUIRE, "run", *words], env=env, input=text, capture_output=True, timeout=600)
    return subprocess.run([QUIRE, "run", *words], env=env, stdin=stdin, capture_output=True, timeout=600)


def check(condition, what, result=None):
    if not condition:
        if result is not None:
            print(result.args, result.returncode, result.stdout[-500:], result.stderr[-500:], sep="\n")
        sys.exit("FAIL " + what)
    print("ok  ", what)


def task_record(what, pid, parent=0, name="", ns=1):
    return struct.pack("<HBBiQIi16s", 40, 2, 0, pid, ns, what, parent, name.encode())


def name_record(number, name):
    return struct.pack("<HBBiQQ104s", 128, 4, 0, 0, 0, number, name.encode())


def memory_record(ns, frames, done):
    return struct.pack("<HBBiQ16Q6Q", 192, 3, 0, 2, ns, *frames, *done)


def fault_record(pid, tid, address, pc, way, in_file=(0, 0, 0, 0), after=0x8000000000000867):
    """A write of a page that is not there, resolved."""
    steps = bytes(STEPS.index(step) for step in way)
    return struct.pack("<HBBiQi8BI6Q", 176, 1, len(steps), pid, 9, tid, 0, 1, 0, 0, steps[-1], 0, 0, 0, 0, address, pc, 6, 0,
                       after, 0x867) + \
        struct.pack("<QQQIHBB", *in_file, 0, 5, 0) + struct.pack("<QQQIHBB", 0x7000, 0x9000, 0, 0, 1, 3, 0) + steps.ljust(32, b"\0")


def read_archive(path):
    """Independent of the writer: cpio(5), newc."""
    data, at, entries, contents = open(path, "rb").read(), 0, {}, {}
    while True:
        assert data[at:at + 6] == b"070701", at
        field = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        name = data[at + 110:at + 110 + field[11] - 1].decode()
        assert data[at + 110 + field[11] - 1] == 0
        at = (at + 110 + field[11] + 3) & ~3
        if name == "TRAILER!!!":
            assert len(data) % 512 == 0
            return entries
        body = data[at:at + field[6]]
        if stat.S_ISREG(field[1]) and field[4] > 1:
            body = contents.setdefault(field[0], body)
        assert name not in entries, name
        parent = os.path.dirname(name)
        assert not parent or stat.S_ISDIR(entries[parent][0]), name
        entries[name] = (field[1], body)
        at = (at + field[6] + 3) & ~3


def pack(*words, env=None):
    result = run("--pack", "packed.cpio", *words, env=env)
    check(result.returncode == 0, "packs " + " ".join(words)[:60], result)
    return read_archive("packed.cpio")


def lookup(entries, path):
    """Follows links inside the archive, as the guest will."""
    for _ in range(40):
        parts, at = path.strip("/").split("/"), ""
        for number, part in enumerate(parts):
            at = os.path.normpath(os.path.join(at, part)).lstrip("./") if part == ".." else os.path.join(at, part)
            if at not in entries:
                return None
            mode, body = entries[at]
            if stat.S_ISLNK(mode):
                target = body.decode()
                base = "/" if target.startswith("/") else "/" + os.path.dirname(at)
                path = os.path.normpath(os.path.join(base, target, *parts[number + 1:]))
                break
        else:
            return entries[at]
    return None


def record(entries):
    words = entries[".quire/boot"][1].split(b"\0")
    assert words[-1] == b""
    return [word.decode(errors="surrogateescape") for word in words[:-1]]


def packing():
    entries = pack("/bin/busybox", "echo", "a b", "")
    mode, body = lookup(entries, "/bin/busybox")
    check(body == open("/bin/busybox", "rb").read() and mode & 0o111, "a static program is there, unchanged")
    words = record(entries)
    check([w for w in words if w.startswith("arg=")] == ["arg=/bin/busybox", "arg=echo", "arg=a b", "arg="],
          "its arguments too, empty ones and blanks")
    check("cwd=" + os.getcwd() in words and "path=/bin/busybox" in words, "the working directory, the path")
    check(not [w for w in words if w.startswith("env=LD_PRELOAD")], "no LD_PRELOAD")
    bash = shutil.which("bash")
    entries = pack("bash", "-c", "true")
    wanted = re.findall(r"(/\S+) \(0x", subprocess.run(["ldd", bash], capture_output=True, text=True).stdout)
    check(len(wanted) >= 2, "ldd says what bash needs")
    for path in wanted:
        found = lookup(entries, path)
        check(found and found[1] == open(path, "rb").read(), "the library " + path)
    os.makedirs("tree/deep")
    open("tree/deep/leaf", "w").write("leaf\n")
    os.link("tree/deep/leaf", "tree/twin")
    os.symlink("deep/leaf", "tree/link")
    open("with:colon", "w").write("colon\n")
    entries = pack("--file", "tree:/data/tree", "--file", "with:colon", "--file", "tree/twin:/one", "/bin/busybox")
    check(entries["data/tree/deep/leaf"][1] == b"leaf\n" and entries["data/tree/twin"][1] == b"leaf\n",
          "a directory with hard links")
    check(entries["data/tree/link"][1] == b"deep/leaf", "a link in a directory stays one")
    check(lookup(entries, os.getcwd() + "/with:colon")[1] == b"colon\n", "a name with a colon")
    check(entries["one"][1] == b"leaf\n", "HOST:GUEST")
    with open("script", "w") as file:
        file.write("#!/bin/sh\necho hi\n")
    os.chmod("script", 0o755)
    entries = pack("./script")
    check(lookup(entries, "/bin/sh") is not None, "the interpreter of a script")
    os.makedirs("root/bin")
    shutil.copy("/bin/busybox", "root/bin/only-here")
    os.symlink("/bin/only-here", "root/bin/sh")
    entries = pack("--root", "root", "/bin/sh", "-c", "true")
    check(set(entries) == {"bin", "bin/only-here", "bin/sh", ".quire", ".quire/boot"}, "--root is all there is")
    with open("input", "wb") as file:
        file.write(bytes(range(256)))
    with open("input", "rb") as file:
        result = run("--pack", "packed.cpio", "/bin/busybox", stdin=file)
    check(result.returncode == 0 and read_archive("packed.cpio")[".quire/stdin"][1] == bytes(range(256)),
          "standard input that is a file")


def origins():
    """DT_RPATH, DT_RUNPATH and $ORIGIN, with libraries that are nowhere else."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        print("skip $ORIGIN: no compiler")
        return
    os.makedirs("app/lib/inner")

    def cc(*words, source):
        subprocess.run([compiler, "-x", "c", "-", *words], input=source, text=True, check=True)

    cc("-shared", "-fPIC", "-o", "app/lib/inner/libinner.so", source="int inner(void) { return 3; }")
    cc("-shared", "-fPIC", "-o", "app/lib/libouter.so", "-Wl,--no-as-needed", "-Lapp/lib/inner", "-linner",
       "-Wl,-rpath,$ORIGIN/inner", "-Wl,--enable-new-dtags", source="int inner(void); int outer(void) { return inner(); }")
    cc("-o", "app/program", "-Lapp/lib", "-louter", "-Wl,-rpath-link,app/lib/inner", "-Wl,-rpath,${ORIGIN}/lib",
       "-Wl,--disable-new-dtags", source="int outer(void); int main(void) { return outer(); }")
    entries = pack("app/program")
    here = os.getcwd() + "/app"
    check(lookup(entries, here + "/lib/libouter.so") is not None, "a library by DT_RPATH and ${ORIGIN}")
    check(lookup(entries, here + "/lib/inner/libinner.so") is not None, "a library of a library by DT_RUNPATH")
    shutil.rmtree("app/lib/inner")
    result = run("--pack", "packed.cpio", "app/program")
    check(result.returncode == 125 and b"needs libinner.so" in result.stderr, "a library that is missing", result)


def refusals():
    open("plain", "w").write("no program\n")
    open("text", "w").write("no program\n")
    os.chmod("text", 0o755)
    for words, status, message in (
            ([], 125, "no program"), (["--mem", "3", "x"], 125, "--mem 3"), (["--mem", "4M", "x"], 125, "--mem 4M: not a size from 16M"),
            (["--mem", "9Q", "x"], 125, "--mem 9Q"), (["--mem-limit", "1000K", "x"], 125, "--mem-limit 1000K: not a value"), (["--cpus", "0", "x"], 125, "--cpus 0"),
            (["--cpus", "17", "x"], 125, "--cpus 17"), (["--cpus", "2x", "x"], 125, "--cpus 2x"),
            (["--timeout", "-1", "x"], 125, "--timeout -1"), (["--nonsense", "x"], 125, "--nonsense"),
            (["--mem"], 125, "--mem"), (["--root", "/nowhere", "x"], 125, "not a directory"),
            (["--file", "/nowhere", "/bin/busybox"], 125, "/nowhere"),
            (["--file", "plain:relative", "/bin/busybox"], 125, "absolute"),
            (["--icount", "--cpus", "2", "/bin/busybox"], 125, "one CPU"),
            (["--profile", "a b", "/bin/busybox"], 125, "--profile"),
            (["--oops", "ignore", "/bin/busybox"], 125, "--oops ignore"),
            (["--arch", "vax", "--pack", "p", "/bin/busybox"], 126, "x86_64"),
            (["--trace", "/nowhere/t", "/bin/busybox"], 125, "/nowhere/t"),
            (["--selftest", "/bin/busybox"], 125, "no program"),
            (["no-such-program"], 127, "not found"), (["/no/such/program"], 127, "not found"),
            (["./plain"], 126, "not an executable"), (["./text"], 126, "neither an ELF"), (["/tmp"], 126, "not an exec")):
        result = run(*words)
        lines = result.stderr.decode().splitlines()
        check(result.returncode == status and len(lines) == 1 and message in lines[0] and not result.stdout,
              f"refuses {' '.join(words) or 'nothing'}: {status}", result)
    help_text = run("--help")
    check(help_text.returncode == 0 and b"--icount" in help_text.stdout, "--help", help_text)


def fake(body):
    with open("qemu", "w") as file:
        file.write(FAKE.format(python=sys.executable, body=textwrap.dedent(body)))
    os.chmod("qemu", 0o755)
    return {"QUIRE_QEMU": os.path.abspath("qemu"), "QUIRE_KERNEL": os.path.abspath("plain")}


def ends():
    event = "page-cleared"
    env = {"QUIRE_KERNEL": os.path.abspath("plain")}
    result = run("/bin/busybox", env=dict(env, QUIRE_QEMU="no-such-emulator"))
    check(result.returncode == 125 and b"no-such-emulator is not installed" in result.stderr, "no QEMU", result)
    result = run("/bin/busybox", env={"QUIRE_KERNEL": "/nowhere/kernel"})
    check(result.returncode == 125 and b"/nowhere/kernel" in result.stderr, "no kernel", result)
    env = fake(f"log(sys.argv[sys.argv.index('-append') + 1] + chr(10) + {REPORT.format(status='exit 0', event=event)!r}); sys.exit(33)")
    result = run("--log", "--mem-limit", "2048K", "/bin/busybox", env=env)
    check(b" memlimit=2M" in result.stderr, "the kernel is told the limit", result)
    for status, expected in (("exit 0", 0), ("exit 42", 42), ("signal 11", 139)):
        env = fake(f"log({REPORT.format(status=status, event=event)!r}); sys.exit(33)")
        result = run("/bin/busybox", env=env)
        check(result.returncode == expected and b"anonymous" in result.stderr, "the program's " + status, result)
    result = run("--quiet", "--json", "report.json", "/bin/busybox", env=env)
    check(result.stderr == b"quire run: /bin/busybox was killed by SIGSEGV\n" and result.returncode == 139,
          "--quiet says how the program died", result)
    import json
    report = json.load(open("report.json"))
    check(report["signal"] == {"number": 11, "name": "SIGSEGV"} and report["minor"] == 7 and report["frames"] == 1000 and report["complete"]
          and report["steps"]["do_anonymous_page"] == 5, "--json")
    for line, said in (("crash[2]: segfault at 0 ip 55d0 sp 7ffd error 4 in crash[55d0+1000]", "the kernel said: crash"),
                       ("quire-kernel: out of memory: killed process 3 (hog), 900 pages, oom_score_adj 0",
                        "the guest ran out of memory: killed process 3 (hog), 900 pages, oom_score_adj 0; --mem gives"),
                       ("quire-kernel: out of memory: killed process 3 (hog), 9 pages, oom_score_adj 0, constraint CONSTRAINT_MEMCG",
                        "constraint CONSTRAINT_MEMCG; --mem-limit gives it more")):
        env = fake(f"log({line + chr(10) + REPORT.format(status='signal 9', event=event)!r}); sys.exit(33)")
        result = run("--quiet", "/bin/busybox", env=env)
        check(result.returncode == 137 and b"killed by SIGKILL" in result.stderr and said.encode() in result.stderr,
              f"--quiet says {said}", result)
        result = run("--quiet", "--log", "/bin/busybox", env=env)
        check(result.stderr.count(line.encode()) == 1 and b"the kernel said" not in result.stderr, "the log's line comes once", result)
    oopsed = REPORT.format(status="exit 0", event=event).replace("@quire-end", "oopses 2\n@quire-end")
    env = fake(f"log({oopsed!r}); sys.exit(33)")
    result = run("--json", "report.json", "/bin/busybox", env=env)
    check(result.returncode == 125 and b"kernel oops: 2 in this run" in result.stderr, "two oopses", result)
    check(json.load(open("report.json"))["oopses"] == 2, "two oopses in the report")
    check(run("--oops", "allow", "/bin/busybox", env=env).returncode == 0, "--oops allow")
    env = fake("log('booting\\npanic: the sky fell\\n'); sys.exit(35)")
    result = run("/bin/busybox", env=env)
    check(result.returncode == 125 and b"kernel panic: the sky fell" in result.stderr, "a panic", result)
    result = run("/bin/busybox", env=fake("sys.exit(33)"))
    check(result.returncode == 125 and b"report is missing" in result.stderr, "no report", result)
    result = run("/bin/busybox", env=fake("log('@quire-report 1\\nstatus exit many\\n@quire-end\\n'); sys.exit(33)"))
    check(result.returncode == 125 and b"damaged" in result.stderr, "a damaged report", result)
    result = run("/bin/busybox", env=fake("sys.exit(0)"))
    check(result.returncode == 125 and b"reset" in result.stderr, "a reset", result)
    result = run("/bin/busybox", env=fake("os.kill(os.getpid(), 11)"))
    check(result.returncode == 125 and b"killed by signal 11" in result.stderr, "QEMU killed", result)
    result = run("--timeout", "1", "/bin/busybox", env=fake("log('here\\n'); time.sleep(60)"))
    check(result.returncode == 125 and b"hang: no output for 1 second" in result.stderr and b"here" in result.stderr,
          "a hang", result)
    body = f"""
        lines["out"].sendall(bytes(range(256)) * 100)
        lines["err"].sendall(b"to error")
        log("up\\n")
        data = b""
        while not data.endswith(b"\\xff\\x00"):
            data += lines["out"].recv(4096)
        lines["out"].sendall(data[:-2].replace(b"\\xff\\xff", b"\\xff"))
        log({REPORT.format(status="exit 0", event=event)!r})
        sys.exit(33)
    """
    result = run("--quiet", "/bin/busybox", env=fake(body), text=bytes(range(256)) * 50)
    check(result.stdout == bytes(range(256)) * 150 and result.stderr == b"to error",
          "bytes pass unchanged, both ways, standard error apart", result)
    traces(event)


def traces(event):
    import json
    end = f"log({REPORT.format(status='exit 0', event=event)!r}); sys.exit(33)"
    way = ("TRAP", "DO_PAGE_FAULT", "MINOR")
    crowd = [fault_record(2, 3, 0xffffffffffff7fff, 0x401000, way)] * 1000
    records = [task_record(1, 2, name="busybox", ns=4), name_record(7, "/bin/busybox"),
               fault_record(2, 3, 0xffffffffffff7fff, 0x401000, way, (0x400000, 0x500000, 0x1000, 7)),
               memory_record(9, range(16), range(20, 26)), task_record(2, 2, ns=10)]
    env = fake(f"ring(*{records!r}); {end}")
    result = run("--trace", "trace.json", "--quiet", "--json", "report.json", "/bin/busybox", env=env)
    begin, task, fault, memory, end_of, whole = [json.loads(line) for line in open("trace.json")]
    check(begin["begin"]["program"] == "/bin/busybox" and begin["begin"]["arch"] == "x86_64", "--trace begins")
    check(task == {"version": 1, "task": "exec", "pid": 2, "process": "busybox", "time_ns": 4}, "an exec", result)
    check(end_of["task"] == "exit" and end_of["pid"] == 2 and whole["end"] == {"minor": 7, "major": 0}, "the ends", result)
    check(fault["pid"] == 2 and fault["tid"] == 3 and fault["access"] == "write" and fault["process"] == "busybox"
          and fault["way"] == ["trap", "do_page_fault", "minor"] and fault["rule"] == "do_page_fault"
          and fault["entry_after"] == "0x8000000000000867" and fault["address"] == "0xffffffffffff7fff"
          and fault["major"] is False and fault["signal"] is None and result.returncode == 0, "--trace", result)
    check(fault["file"] == "/bin/busybox" and fault["file_offset"] == "0x2000"
          and fault["mapping"] == {"start": "0x7000", "end": "0x9000", "prot": "rw-s", "name": None}, "its places", result)
    check(memory["memory"]["zeroed"] == 20 and memory["memory"]["forked"] == 23 and memory["memory"]["frames"]["free"] == 1
          and memory["time_ns"] == 9, f"memory: {memory}")
    scheme = schema.load(ROOT)
    check(schema.wrong(fault, scheme) is None, f"the schema: {schema.wrong(fault, scheme)}")
    report = json.load(open("report.json"))
    check(report["faults"] == [fault] and report["faults_from"] == "trace" and report["faults_every"] == 1, "--json has the faults of the trace", result)
    result = run("--trace", "-", "--quiet", "/bin/busybox", env=env)
    check([json.loads(line) for line in result.stdout.splitlines()] == [begin, task, fault, memory, end_of, whole],
          "--trace - into a pipe", result)
    result = run("--trace", "trace.json", "--json", "report.json", "--quiet", "/bin/busybox",
                 env=fake(f"ring(*{crowd[:1]!r} * 10001); {end}"))
    check(result.returncode == 0 and open("trace.json").read().count('"way"') == 10001, "more than the ring holds", result)
    report = json.load(open("report.json"))
    check(report["faults_every"] == 2 and len(report["faults"]) == 5001, "--json has a sample of many faults", result)
    forks = [task_record(1, 2, name="busybox")] + [task_record(0, n, n - 1, ns=n) for n in range(3, 60)]
    result = run("--trace", "trace.json", "--quiet", "/bin/busybox", env=fake(f"ring(*{forks!r}); {end}"))
    names = [json.loads(line)["process"] for line in open("trace.json") if '"fork"' in line]
    check(names == ["busybox"] * 57, "a child has its parent's name", result)
    short = struct.pack("<HBBiQ", 16, 1, 0, 2, 1)
    for what, bad in (("a short record", short), ("no kind", struct.pack("<HBBiQ", 16, 9, 0, 2, 1)),
                      ("no length", struct.pack("<HBBiQ", 0, 1, 0, 2, 1)), ("a task of no kind", task_record(9, 2))):
        result = run("--trace", "trace.json", "/bin/busybox", env=fake(f"ring({bad!r}); time.sleep(0.1); {end}"))
        check(result.returncode == 125 and b"damaged" in result.stderr, what, result)
    for place in ("fffffff000 10000", "100001 10000", "100000 0", "x y"):
        result = run("--trace", "trace.json", "/bin/busybox", env=fake(f"log('@trace {place}\\n'); {end}"))
        check(result.returncode == 125, f"a ring at {place}", result)
    line = "crash[2]: segfault at c ip 000055ef5f4b6129 sp 00007fff90a955d0 error 4 in crash[55ef5f4b6000+1000]\n"
    died = fake(f"log({line + REPORT.format(status='signal 11', event=event)!r}); sys.exit(33)")
    run("--quiet", "--json", "report.json", "/bin/busybox", env=died)
    report = json.load(open("report.json"))
    check(report["faults_from"] == "log" and len(report["faults"]) == 1 and report["faults"][0]["address"] == "0xc"
          and schema.wrong(report["faults"][0], scheme) is None, f"--json has the fault of the log: {report['faults']}")


def progress():
    """On a terminal that nothing else uses, a line that is gone at the end."""
    import pty
    body = f"time.sleep(1.3); log({REPORT.format(status='exit 0', event='page-cleared')!r}); sys.exit(33)"
    env = dict(os.environ, **fake(body))
    for words, wanted in (([], True), (["--quiet"], False)):
        master, slave = pty.openpty()
        with subprocess.Popen([QUIRE, "run", *words, "/bin/busybox"], env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=slave) as process:
            os.close(slave)
            said = b""
            try:
                while some := os.read(master, 65536):
                    said += some
            except OSError:
                pass
            process.wait()
        os.close(master)
        drawn = re.findall(rb"\r\033\[K(\d+\.\d s)", said)
        check(bool(drawn) == wanted, f"the progress line with {words}: {said[:80]}")
        check(not drawn or said.split(drawn[-1])[1].startswith(b"\r\033[K"), "it leaves")


def main():
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(os.path.realpath(directory))
        packing()
        origins()
        refusals()
        ends()
        progress()
    print("all is well")


main()
