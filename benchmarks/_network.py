"""A network for servers of a benchmark, in which packets can be made to vanish (Linux, root)."""

import os
import shutil
import subprocess
from types import TracebackType

NOBODY = "02:00:00:00:00:01"  # a hardware address that no interface has


class Network:
    """A network namespace at the other end of a cable. It is gone after the block.

    The names are made of our pid, the addresses are of the block that is reserved for benchmarks
    (RFC 2544).
    """

    def __init__(self) -> None:
        pid = os.getpid()
        self.name = f"tapline-bench-{pid}"
        self._here, self._there = f"tlb{pid % 10**7}a", f"tlb{pid % 10**7}b"
        prefix = f"198.18.{pid % 254 + 1}"
        self._our_address, self.address = f"{prefix}.1", f"{prefix}.2"

    @property
    def runner(self) -> tuple[str, ...]:
        """What runs the command that follows it inside."""
        return (_ip_program(), "netns", "exec", self.name)

    def __enter__(self) -> "Network":
        try:
            _ip(f"netns add {self.name}")
            _ip(f"link add {self._here} type veth peer name {self._there} netns {self.name}")
            _ip(f"address add {self._our_address}/30 dev {self._here}")
            _ip(f"link set {self._here} up")
            _ip(f"-n {self.name} address add {self.address}/30 dev {self._there}")
            _ip(f"-n {self.name} link set {self._there} up")
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._remove()

    def lose_packets(self) -> None:
        """From now on ours go to a hardware address that nobody has, and nobody says so.

        As a firewall that drops, or a machine that lost its power. (netem and packet filters are
        not in every kernel; a cable that is pulled out would be noticed.)
        """
        self._lead_to(NOBODY)

    def deliver_packets(self) -> None:
        path = f"/sys/class/net/{self._there}/address"
        there = subprocess.run(
            [*self.runner, "cat", path], check=True, capture_output=True, text=True
        )
        self._lead_to(there.stdout.strip())

    def _lead_to(self, hardware: str) -> None:
        place = f"{self.address} dev {self._here}"
        _ip(f"neighbour replace {place} lladdr {hardware} nud permanent")

    def _remove(self) -> None:
        _ip(f"link delete {self._here}", check=False)
        _ip(f"netns delete {self.name}", check=False)


def open_network() -> Network | None:
    """None where we may not, or cannot, make one."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return None
    try:
        with Network():
            pass
    except subprocess.CalledProcessError:
        return None
    return Network()


def _ip_program() -> str:
    return shutil.which("ip") or "ip"


def _ip(words: str, *, check: bool = True) -> None:
    subprocess.run([_ip_program(), *words.split()], check=check, capture_output=True)
