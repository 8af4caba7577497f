"""Ports of our own, also among stacks that start at the same moment."""

import socket
import sys
from types import TracebackType

from config.embedded.console import Failure

ATTEMPTS = 200


class Ports:
    """Claims ports until it is closed."""

    def __init__(self) -> None:
        self._claims: list[socket.socket] = []

    def __enter__(self) -> "Ports":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for claim in self._claims:
            claim.close()

    def claim(self, host: str, wanted: int) -> int:
        """The wanted port, or the next that nobody listens on and no other stack has claimed."""
        for port in range(wanted, min(wanted + ATTEMPTS, 65536)):
            if self._claimed(port) and _is_free(host, port):
                return port
        raise Failure(f"No port is free on {host} from {wanted} on.")

    def _claimed(self, port: int) -> bool:
        """Nobody listens on a port just chosen, so choosing it needs a mark.

        An abstract socket is one: unique on this machine, and gone with its process.
        """
        if not sys.platform.startswith("linux"):
            return True
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0tapline-port-{port}")
        except OSError:
            claim.close()
            return False
        self._claims.append(claim)
        return True


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
