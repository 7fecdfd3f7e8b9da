# SPDX-License-Identifier: MIT
"""What a Python program asks of a kernel: prints the same lines on any Linux."""
import collections
import contextlib
import errno
import hashlib
import json
import mmap
import os
import queue
import random
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib


def section(name):
    print("==", name)


@contextlib.contextmanager
def expect(number):
    try:
        yield
    except OSError as error:
        print("  refused:", errno.errorcode[error.errno])
        assert error.errno == number, error
    else:
        raise AssertionError("nothing was refused")


class Tree:
    """A binary tree without balance: allocation and recursion."""

    def __init__(self):
        self.root = None
        self.size = 0

    def insert(self, key):
        if self.root is None:
            self.root = [key, None, None]
            self.size = 1
            return
        node = self.root
        while True:
            side = 1 if key < node[0] else 2
            if node[side] is None:
                node[side] = [key, None, None]
                self.size += 1
                return
            node = node[side]

    def walk(self):
        stack, node = [], self.root
        while stack or node:
            while node:
                stack.append(node)
                node = node[1]
            node = stack.pop()
            yield node[0]
            node = node[2]


def computing():
    section("computing")
    random.seed(4711)
    numbers = [random.randrange(10**9) for _ in range(20000)]
    tree = Tree()
    for number in numbers:
        tree.insert(number)
    assert list(tree.walk()) == sorted(numbers)
    print("  tree:", tree.size, sum(tree.walk()) % 1000003)
    sieve = bytearray([1]) * 200000
    for i in range(2, 448):
        if sieve[i]:
            sieve[i * i::i] = bytes(len(range(i * i, len(sieve), i)))
    print("  primes:", sum(sieve) - 2)
    text = " ".join(format(n, "x") for n in numbers)
    words = collections.Counter(re.findall(r"[a-f]{2,}", text))
    print("  words:", words.most_common(3))
    print("  sha256:", hashlib.sha256(text.encode()).hexdigest()[:32])
    packed = zlib.compress(text.encode(), 6)
    assert zlib.decompress(packed).decode() == text
    print("  json:", len(json.dumps(json.loads(json.dumps({"n": numbers[:100], "t": text[:50]})))))
    print("  float:", format(sum(1 / (n + 1) for n in range(100000)), ".10f"))


def memory(directory):
    section("memory")
    path = os.path.join(directory, "mapped")
    with open(path, "wb+") as file:
        file.truncate(1 << 20)
        with mmap.mmap(file.fileno(), 1 << 20) as shared:
            for page in range(0, 1 << 20, 4096):
                shared[page:page + 8] = struct.pack("<Q", page)
            file.seek(8192)
            print("  read sees the mapping:", struct.unpack("<Q", file.read(8))[0])
            file.seek(12288)
            file.write(b"written!")
            file.flush()
            print("  the mapping sees the write:", bytes(shared[12288:12296]))
        with mmap.mmap(file.fileno(), 1 << 20, access=mmap.ACCESS_COPY) as private:
            private[0:4] = b"mine"
            file.seek(0)
            print("  private stays private:", file.read(4))
    anonymous = mmap.mmap(-1, 1 << 22)
    child = os.fork()
    if child == 0:
        anonymous[4096:4101] = b"child"
        os._exit(0)
    os.waitpid(child, 0)
    print("  shared with a child:", bytes(anonymous[4096:4101]))
    blocks = [bytearray(1 << 16) for _ in range(100)]
    print("  blocks:", sum(len(block) for block in blocks))


def files(directory):
    section("files")
    path = os.path.join(directory, "file")
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o640)
    with expect(errno.EEXIST):
        os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    print("  write:", os.pwrite(fd, b"x" * 100, 1000), os.fstat(fd).st_size, oct(os.fstat(fd).st_mode))
    os.link(path, path + ".hard")
    os.symlink("file", path + ".soft")
    os.rename(path, path + ".new")
    print("  names:", sorted(os.listdir(directory)))
    with expect(errno.ENOENT):
        os.stat(path + ".soft")
    os.unlink(path + ".new")
    print("  links:", os.fstat(fd).st_nlink, os.path.samefile(path + ".hard", f"/proc/self/fd/{fd}"))
    os.makedirs(os.path.join(directory, "a/b/c"))
    with expect(errno.ENOTEMPTY):
        os.rmdir(os.path.join(directory, "a"))
    with expect(errno.EISDIR):
        os.open(directory, os.O_WRONLY)
    os.utime(path + ".hard", ns=(10**18, 10**18 + 5))
    print("  time:", os.stat(path + ".hard").st_mtime_ns)
    os.ftruncate(fd, 10)
    print("  cut:", os.pread(fd, 100, 0))
    os.close(fd)
    with expect(errno.EBADF):
        os.read(fd, 1)


def processes():
    section("processes")
    reader, writer = os.pipe()
    children = []
    for number in range(20):
        child = os.fork()
        if child == 0:
            os.write(writer, bytes([number]))
            os._exit(number)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    print("  children:", codes == list(range(20)), sorted(os.read(reader, 100)) == codes)
    print("  nothing left:", select.select([reader], [], [], 0)[0])
    done = subprocess.run(["/bin/cat"], input=b"through cat", capture_output=True, check=True)
    print("  cat:", done.stdout)
    done = subprocess.run([sys.executable, "-S", "-c", "import os; os.kill(os.getpid(), 11)"], check=False)
    print("  killed by:", signal.Signals(-done.returncode).name)
    seen = []
    signal.signal(signal.SIGALRM, lambda number, frame: seen.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    time.sleep(0.2)
    print("  alarm:", seen == [signal.SIGALRM])


def threads():
    section("threads")
    tasks, results = queue.Queue(), queue.Queue()

    def work():
        while (n := tasks.get()) is not None:
            results.put(sum(i * i for i in range(n)))

    pool = [threading.Thread(target=work) for _ in range(6)]
    for thread in pool:
        thread.start()
    for n in range(100, 2000, 50):
        tasks.put(n)
    for _ in pool:
        tasks.put(None)
    for thread in pool:
        thread.join()
    total = 0
    while not results.empty():
        total += results.get()
    print("  sum:", total)


def main():
    computing()
    with tempfile.TemporaryDirectory() as directory:
        memory(directory)
    with tempfile.TemporaryDirectory() as directory:
        files(directory)
    processes()
    threads()
    print("== done")


if __name__ == "__main__":
    main()
