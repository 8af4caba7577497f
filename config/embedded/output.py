"""What the children print: all of it to rotating files, their warnings to the terminal too."""

import logging
import re
import threading
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

from config.embedded.console import show
from config.embedded.process import Child
from config.embedded.service import Service

MAX_BYTES = 10 * 1024 * 1024
_NOTEWORTHY = re.compile(r"(?<!%)\b(WARNING|ERROR|CRITICAL|Traceback)\b")
# Lines of one child on the terminal in ten seconds: a broken server fails every request.
_LINES_PER_WINDOW, _WINDOW = 10, 10.0


class Output:
    """The log of one service, whichever of its incarnations wrote it."""

    def __init__(self, service: Service, folder: Path, *, verbose: bool = False) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self.path = folder / f"{service.name}.log"
        self._name = service.name
        self._everything = verbose
        # Set once the service answers: until then its troubles are those of starting.
        self.shows_warnings = False
        self._handler = RotatingFileHandler(
            self.path, maxBytes=MAX_BYTES, backupCount=1, encoding="utf-8", delay=True
        )
        self._handler.setFormatter(logging.Formatter(f"%(asctime)s {self._name} | %(message)s"))
        self._window_start = 0.0
        self._shown = 0
        self._reader: threading.Thread | None = None

    def follow(self, child: Child) -> None:
        self._reader = threading.Thread(target=self._read, args=(child,), daemon=True)
        self._reader.start()

    def last_lines(self, count: int = 15) -> str:
        if self._reader:
            self._reader.join(timeout=1)
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join(lines[-count:])

    def close(self) -> None:
        if self._reader:
            self._reader.join(timeout=1)
        self._handler.close()

    def _read(self, child: Child) -> None:
        if child.stdout is None:
            return
        with child.stdout as lines:
            for raw in lines:
                line = raw.decode(errors="replace").rstrip()
                record = logging.LogRecord(self._name, logging.INFO, "", 0, line, None, None)
                self._handler.handle(record)
                if self._everything or (self.shows_warnings and _NOTEWORTHY.search(line)):
                    self._show(line)

    def _show(self, line: str) -> None:
        now = time.monotonic()
        if now - self._window_start > _WINDOW:
            self._window_start, self._shown = now, 0
        self._shown += 1
        if self._everything or self._shown <= _LINES_PER_WINDOW:
            show(f"{self._name:8} | {line}")
        elif self._shown == _LINES_PER_WINDOW + 1:
            show(f"{self._name:8} | ... more in {self.path}")
