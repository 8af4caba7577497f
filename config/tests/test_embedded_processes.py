"""Children never outlive their parent, and what runs beside them is left alone."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config.embedded.console import Failure
from config.embedded.layout import ROOT, DataFolder
from config.embedded.ports import Ports
from config.embedded.process import Processes
from config.tests.running import wait_for

# Starts a child that ignores SIGTERM and has a child itself, then waits to be killed.
PARENT = """
import sys, time
from pathlib import Path
from config.embedded.process import Processes
folder = Path(sys.argv[1])
with Processes() as processes:
    processes.remove_at_the_end(folder)
    processes.start([sys.executable, "-c", sys.argv[2]])
    time.sleep(60)
"""
CHILD = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(os.getpid(), grandchild.pid, flush=True)
time.sleep(60)
"""


def is_alive(pid: int) -> bool:
    ps = ["ps", "-o", "stat=", "-p", str(pid)]
    state = subprocess.run(ps, capture_output=True, text=True, check=False).stdout.strip()
    return bool(state) and not state.startswith("Z")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_parent_leaves_neither_child_grandchild_nor_folder(
    tmp_path: Path, number: signal.Signals
) -> None:
    throwaway = tmp_path / "μια χρήση"
    throwaway.mkdir()
    command = [sys.executable, "-c", PARENT, str(throwaway), CHILD]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        child, grandchild = map(int, parent.stdout.readline().split())

        parent.send_signal(number)

        wait_for(lambda: not (is_alive(child) or is_alive(grandchild)), seconds=60)
        wait_for(lambda: not throwaway.exists(), seconds=60)


def test_keeper_that_was_killed_is_replaced() -> None:
    with Processes() as processes:
        first = processes.start(["sleep", "60"])
        assert processes._keeper
        processes._keeper.kill()
        processes._keeper.wait()
        second = processes.start(["sleep", "60"])

    assert (first.wait(60), second.wait(60)) == (-signal.SIGKILL, -signal.SIGKILL)


def test_two_stacks_never_choose_the_same_port() -> None:
    with Ports() as ours, Ports() as theirs:
        first = ours.claim("127.0.0.1", 19000)

        assert theirs.claim("127.0.0.1", first) != first


def test_folder_of_a_running_stack_is_refused(tmp_path: Path) -> None:
    folder = DataFolder.of(tmp_path)

    with folder.held(), pytest.raises(Failure, match=f"pid {os.getpid()}"), folder.held():
        pass

    with folder.held():
        pass  # free again
