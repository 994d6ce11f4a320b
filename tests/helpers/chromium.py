"""A headless Chromium that tests drive through its DevTools protocol, over a pipe: no port, no further package."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--hide-scrollbars",
    "--remote-debugging-pipe",
)  # fmt: skip
_KEYS = {
    "Enter": ("\r", 13), " ": (" ", 32), "Tab": ("", 9), "Escape": ("", 27), "Home": ("", 36), "End": ("", 35),
    "ArrowLeft": ("", 37), "ArrowUp": ("", 38), "ArrowRight": ("", 39), "ArrowDown": ("", 40),
    "PageUp": ("", 33), "PageDown": ("", 34),
}  # fmt: skip


def find_chromium() -> str | None:
    """Path of a Chromium, or None; on Windows it cannot be driven over a pipe in this way."""
    return None if sys.platform == "win32" else next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    """One browser with one tab; collects what the page writes to its console, errors and refused loads included."""

    def __init__(self, width: int = 1280, height: int = 800, timeout_s: float = 60.0) -> None:
        self.messages: list[str] = []
        self.requests: list[str] = []
        self._timeout_s = timeout_s
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        import fcntl  # not on Windows

        to_child, self._to = os.pipe()
        self._from, from_child = os.pipe()
        # High numbers first, so that neither overwrites the other when they become 3 and 4, as Chromium wants.
        high = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 10) for one in (to_child, from_child)]
        os.close(to_child)
        os.close(from_child)

        def give_pipes() -> None:
            for number, one in enumerate(high, start=3):
                os.dup2(one, number)

        command = [find_chromium() or "chromium", *_FLAGS, f"--user-data-dir={self._profile.name}", "about:blank"]
        self._process = subprocess.Popen(
            command, preexec_fn=give_pipes, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for one in high:
            os.close(one)
        self._number = 0
        self._buffer = b""
        self._session = ""
        self._loaded = False
        target = next(
            one for one in self.call("Target.getTargets")["targetInfos"] if one["type"] == "page"
        )["targetId"]  # fmt: skip
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.resize(width, height)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a command of the protocol."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def _read(self, timeout_s: float | None = None) -> dict[str, Any]:
        limit = time.monotonic() + (self._timeout_s if timeout_s is None else timeout_s)
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], max(0, limit - time.monotonic()))
            chunk = os.read(self._from, 1 << 20) if ready else b""
            if not chunk:
                raise TimeoutError(f"Chromium says nothing (exit code {self._process.poll()})")
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\0")
        answer = json.loads(line)
        self._note(answer)
        return answer

    def _note(self, event: dict[str, Any]) -> None:
        method, values = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            details = values["exceptionDetails"]
            self.messages.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Log.entryAdded":
            self.messages.append(values["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.messages.append(" ".join(str(one.get("value")) for one in values["args"]))
        elif method == "Network.requestWillBeSent" and values["request"]["url"] != "about:blank":
            self.requests.append(values["request"]["url"])
        elif method == "Page.loadEventFired":
            self._loaded = True

    def resize(self, width: int, height: int, is_phone: bool = False) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if is_phone else 1,
            mobile=is_phone,
        )  # fmt: skip

    def scheme(self, name: str) -> None:
        """What the system would say: dark or light."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def open(self, path: Path, fragment: str = "") -> None:
        """Load a file, and wait until it is loaded."""
        for url in ("about:blank", path.resolve().as_uri() + fragment):  # blank: another fragment alone loads nothing
            self._loaded = False
            self.call("Page.navigate", url=url)
            while not self._loaded:
                self._read()

    def value(self, expression: str) -> Any:
        """What a JavaScript expression gives; promises are waited for."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"].get("exception", {}).get("description", "error"))
        return found["result"].get("value")

    def settle(self) -> None:
        """Wait until two frames were drawn."""
        self.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")

    def press(self, *keys: str, control: bool = False) -> None:
        """Press and release keys, one after the other."""
        for key in keys:
            text, code = _KEYS.get(key, (key, ord(key.upper()) if len(key) == 1 else 0))
            shared: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 2 if control else 0}
            more = {"type": "keyDown", "text": text} if text and not control else {"type": "rawKeyDown"}
            self.call("Input.dispatchKeyEvent", **more, **shared)
            self.call("Input.dispatchKeyEvent", type="keyUp", **shared)
        self.settle()

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)
        self.settle()

    def mouse(self, kind: str, x: float, y: float, buttons: int = 0) -> None:
        """`kind` is mousePressed, mouseMoved or mouseReleased."""
        is_move = kind == "mouseMoved"
        button = "left" if buttons or not is_move else "none"
        values = {"x": x, "y": y, "button": button, "buttons": buttons, "clickCount": 0 if is_move else 1}
        self.call("Input.dispatchMouseEvent", type=kind, **values)

    def click(self, selector: str) -> None:
        """Press the middle of an element, which must be in the window."""
        box = self.value(
            f"(() => {{ const b = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            " return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        self.mouse("mousePressed", *box, buttons=1)
        self.mouse("mouseReleased", *box)
        self.settle()

    def renderer_cpu_s(self) -> float:
        """CPU time of what draws the page, all its threads: other programs do not disturb it."""
        children = psutil.Process(self._process.pid).children(recursive=True)
        return sum(sum(one.cpu_times()[:2]) for one in children if "--type=renderer" in one.cmdline())

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._to)
        os.close(self._from)
        self._profile.cleanup()
