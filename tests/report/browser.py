# SPDX-License-Identifier: MIT
"""Headless Chromium, driven through its DevTools pipe: one browser for all the pages of a test.

It reads commands from descriptor 3 and writes answers and events to descriptor 4, JSON with a zero byte behind each
(https://chromedevtools.github.io/devtools-protocol)."""
import base64
import json
import os
import select
import shutil
import subprocess
import time

PATIENCE = 500  # seconds: only a browser that hangs takes as long

# The tables by their ids, each a list of rows, and the texts of what else has an id.
COLLECT = """JSON.stringify({
  drawn: document.documentElement.dataset.drawn,
  tables: Object.fromEntries(Array.from(document.querySelectorAll("table[id]"), (table) =>
    [table.id, Array.from(table.rows, (row) => Array.from(row.cells, (cell) => cell.textContent))])),
  texts: Object.fromEntries(Array.from(document.querySelectorAll("p[id], h1[id], output[id]"), (one) =>
    [one.id, one.textContent])),
  marks: document.querySelectorAll("svg rect, svg path, svg line, .strip span").length,
})"""


def program():
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Page:
    """What a page came to, and what it did on the way."""

    def __init__(self, found, console, requests):
        self.drawn, self.tables, self.texts, self.marks = (found[name] for name in ("drawn", "tables", "texts", "marks"))
        self.console, self.requests = console, requests


class Browser:
    def __init__(self, profile):
        to_browser, commands = os.pipe()
        answers, from_browser = os.pipe()
        high = [os.dup(os.dup(fd)) for fd in (to_browser, from_browser)]  # not 3 or 4, which are overwritten

        def descriptors():
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self.process = subprocess.Popen(
            [program(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
             f"--user-data-dir={profile}", "--remote-debugging-pipe", "about:blank"],
            preexec_fn=descriptors, pass_fds=(3, 4), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.commands, self.answers = commands, answers
        self.buffer, self.events, self.number = b"", [], 0
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.commands)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    session = None

    def read(self):
        """The next message."""
        deadline = time.monotonic() + PATIENCE
        while b"\0" not in self.buffer:
            if not select.select([self.answers], [], [], max(0, deadline - time.monotonic()))[0]:
                raise TimeoutError("the browser says nothing")
            more = os.read(self.answers, 1 << 20)
            if not more:
                raise EOFError("the browser is gone")
            self.buffer += more
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        text = json.dumps(message).encode() + b"\0"
        while text:
            text = text[os.write(self.commands, text):]
        while True:
            answer = self.read()
            if answer.get("id") != self.number:
                self.events.append(answer)
            elif "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']}")
            else:
                return answer["result"]

    def evaluate(self, script):
        """The value of an expression in the page, a promise's when it is kept."""
        done = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise RuntimeError(str(done["exceptionDetails"])[:400])
        return done["result"].get("value")

    def open(self, path, width=1280, height=2400):
        """Loads a file; returns its Page."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.events.clear()
        url = path.resolve().as_uri()
        self.call("Page.navigate", url=url)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.read())
        found = json.loads(self.evaluate(COLLECT))
        console = [str(event["params"])[:400] for event in self.events
                   if event["method"] in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")]
        requests = [event["params"]["request"]["url"] for event in self.events
                    if event["method"] == "Network.requestWillBeSent"]
        return Page(found, console, [asked for asked in requests if asked != url])

    def shoot(self, picture):
        picture.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
