"""Child processes that never outlive us, however we end."""

import contextlib
import json
import os
import pwd
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal

from config.embedded.console import Failure

Identity = Literal["same", "setuid", "userns"]
Child = subprocess.Popen[bytes]

_HERE = Path(__file__).resolve().parent
_GLANCE = 0.2  # seconds
_ISOLATED = (sys.executable, "-I", "-S")


class Processes:
    """Starts and ends children; a keeper process ends them if we are killed.

    Long-lived children must be started by the main thread: Linux sends the death signal when the
    starting *thread* ends.
    """

    def __init__(self, *, held_until_the_end: Sequence[int] = ()) -> None:
        # Descriptors (of locks) that the keeper holds as well, until all children are gone.
        self._held = tuple(held_until_the_end)
        self._watched: dict[int, tuple[Child, signal.Signals]] = {}
        self._throwaway: list[Path] = []
        self._lock = threading.Lock()
        self._keeper: Child | None = None

    def __enter__(self) -> "Processes":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            keeper, self._keeper = self._keeper, None
        if keeper and keeper.stdin:
            with contextlib.suppress(BrokenPipeError):
                keeper.stdin.close()
            # It ends whoever is left; we have to reap them, or it would wait for zombies.
            for child, _ in list(self._watched.values()):
                child.wait()
            keeper.wait()

    def start(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: int | IO[bytes] = subprocess.DEVNULL,
        stdout: int | IO[bytes] | None = None,
        stderr: int | IO[bytes] | None = None,
        identity: Identity = "same",
        orphan_signal: signal.Signals = signal.SIGKILL,
        pass_fds: Sequence[int] = (),
    ) -> Child:
        """Start the leader of a new process group, in a session of its own: Ctrl-C is ours."""
        child = subprocess.Popen(
            [*_launcher(orphan_signal, identity), *command],
            env=env,
            cwd=cwd,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            pass_fds=pass_fds,
        )
        with self._lock:
            self._watched[child.pid] = (child, orphan_signal)
            self._tell(["watch", child.pid, int(orphan_signal)])
        return child

    def run(
        self, command: Sequence[str | Path], *, text: bytes | None = None, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end, with `text` as input; otherwise takes what `start` takes.

        Output that was asked for by PIPE comes back as text.
        """
        if text is not None:
            options["stdin"] = subprocess.PIPE
        child = self.start(command, **options)
        try:
            output, errors = child.communicate(text)
        finally:
            self.end(child, signal.SIGKILL, patience=0)
        return subprocess.CompletedProcess(
            [str(part) for part in command],
            child.returncode,
            (output or b"").decode(errors="replace"),
            (errors or b"").decode(errors="replace"),
        )

    def run_in_foreground(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        meanwhile: Callable[[], None] = lambda: None,
    ) -> int:
        """Run to the end with our terminal, whose Ctrl-C it gets as well. Returns its exit code.

        meanwhile: is called a few times a second.
        """
        with subprocess.Popen([*_launcher(signal.SIGTERM, "same"), *command], env=env) as child:
            while True:
                try:
                    return child.wait(_GLANCE)
                except subprocess.TimeoutExpired:
                    meanwhile()
                except KeyboardInterrupt:
                    continue  # it decides what that means

    def end(self, child: Child, number: signal.Signals, *, patience: float) -> None:
        """End the child with the signal, then whatever is left of its process group."""
        if child.poll() is None:
            child.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(patience)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        with self._lock:
            if self._watched.pop(child.pid, None) is not None:
                self._tell(["forget", child.pid])

    def remove_at_the_end(self, folder: Path) -> None:
        """Have a throwaway folder deleted even if we are killed."""
        with self._lock:
            self._throwaway.append(folder)
            self._tell(["remove", str(folder)])

    def _tell(self, order: list[Any]) -> None:
        if self._keeper is None or self._keeper.poll() is not None:
            self._start_keeper()
            return  # it was told everything
        self._write([order])

    def _start_keeper(self) -> None:
        self._keeper = subprocess.Popen(
            [*_ISOLATED, _HERE / "keeper.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            pass_fds=self._held,
        )
        self._write([["watch", pid, int(number)] for pid, (_, number) in self._watched.items()])
        self._write([["remove", str(folder)] for folder in self._throwaway])

    def _write(self, orders: list[list[Any]]) -> None:
        if self._keeper is None or self._keeper.stdin is None:
            raise RuntimeError("no keeper to tell")
        lines = "".join(json.dumps(order) + "\n" for order in orders)
        # A keeper that was just killed is replaced at the next order.
        with contextlib.suppress(BrokenPipeError):
            self._keeper.stdin.write(lines.encode())
            self._keeper.stdin.flush()


def _launcher(orphan_signal: signal.Signals, identity: Identity) -> list[str | Path]:
    number = str(int(orphan_signal))
    return [*_ISOLATED, _HERE / "launch.py", str(os.getpid()), number, identity]


def command_line(pid: int) -> bytes:
    """Of whatever runs under this pid now; empty if nothing does."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes()
        return b""
    ps = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(ps, capture_output=True, check=False).stdout


def choose_identity(processes: Processes) -> Identity:
    """As whom PostgreSQL can run: it refuses root, and initdb a uid without a name."""
    if os.geteuid() != 0 and _has_a_name():
        return "same"
    choices: tuple[Identity, ...] = ("setuid", "userns") if os.geteuid() == 0 else ("userns",)
    for identity in choices:
        probe = processes.run([], identity=identity, stderr=subprocess.DEVNULL)
        if probe.returncode == 0:
            return identity
    if os.geteuid() == 0:
        raise Failure(
            "PostgreSQL refuses to run as root, and this container lets us neither change the uid"
            " nor make a user namespace. Run as an ordinary user, or set DATABASE_URL."
        )
    raise Failure(
        f"The uid {os.geteuid()} has no entry in /etc/passwd, which PostgreSQL's initdb insists"
        " on. Add one, run as another user, or set DATABASE_URL."
    )


def _has_a_name() -> bool:
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwuid(os.geteuid()).pw_name)
    return False
