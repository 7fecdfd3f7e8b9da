#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""An interactive shell in the guest, typed at through a pseudo-terminal: line editing, ^C, ^D, ^Z, window size."""
import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

QUIRE = os.path.abspath(sys.argv[1])
PATIENCE = 1200


class Terminal:
    def __init__(self, words):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
            os.execv(words[0], words)
        self.seen = b""

    def read(self, seconds):
        if select.select([self.fd], [], [], seconds)[0]:
            try:
                self.seen += os.read(self.fd, 65536)
            except OSError:  # the other side is closed
                return False
        return True

    def expect(self, pattern, what):
        end = time.time() + PATIENCE
        while time.time() < end:
            found = re.search(pattern, self.seen, re.S)
            if found:
                text, self.seen = self.seen[:found.end()], self.seen[found.end():]
                print("ok  ", what)
                return text
            if not self.read(1):
                break
        sys.exit(f"FAIL {what}: {pattern!r} is not in {self.seen!r}")

    def type(self, text):
        os.write(self.fd, text)

    def status(self):
        while self.read(1):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def start(terminal, command):
    """What is typed before the program runs would go to the shell's own editor, here as on any Linux."""
    terminal.type(b"/bin/busybox sh -c 'echo up; exec /bin/busybox " + command + b"'\r")
    terminal.expect(rb"\nup\r\n", command.decode() + " runs")


def main():
    t = Terminal([QUIRE, "run", "--quiet", "--timeout", "1200", "--", "/bin/busybox", "sh"])
    t.expect(rb"# ", "a prompt")
    t.type(b"echo sum $((20+22))\r")
    t.expect(rb"sum 42\r\n.*# ", "a command, with \\r\\n at the ends of lines")
    t.type(b"stty size\r")
    t.expect(rb"30 100\r\n.*# ", "the window's size")
    fcntl.ioctl(t.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 111, 0, 0))
    os.kill(t.pid, 28)
    time.sleep(1)
    t.type(b"stty size\r")
    t.expect(rb"33 111\r\n.*# ", "a new window's size")
    start(t, b"cat")
    t.type(b"helxx\x7f\x7flo wurm\x17word\r")
    t.expect(rb"\nhello word\r\n", "erase and word erase; the line comes when it is whole")
    t.type(b"\x04")
    t.expect(rb"# ", "^D ends the input")
    start(t, b"sleep 1000")
    t.type(b"\x03")
    t.expect(rb"\^C.*# ", "^C comes back to the shell")
    t.type(b"echo status $?\r")
    t.expect(rb"status 130\r\n.*# ", "and the program died of SIGINT")
    start(t, b"sleep 1000")
    t.type(b"\x1a")
    t.expect(rb"Stopped.*# ", "^Z stops it")
    t.type(b"bg; kill %1; wait; jobs; echo none\r")
    t.expect(rb"none\r\n.*# ", "and it goes on, and is killed")
    t.type(b"/bin/busybox stty -echo -icanon min 1; echo; echo up; /bin/busybox dd bs=1 count=3 2>/dev/null; "
           b"/bin/busybox stty sane\r")
    t.expect(rb"\nup\r\n", "raw mode")
    t.type(b"x\x7fy")
    t.expect(rb"x\x7fy.*# ", "raw bytes, one at a time")
    t.type(b"exit 5\r")
    status = t.status()
    if status != 5:
        sys.exit(f"FAIL the shell's status is {status}, not 5")
    print("ok   the shell's status")


main()
