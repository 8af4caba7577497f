"""What `run.py` can do, a function each; all return an exit code."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from config.embedded import environment, venv
from config.embedded.console import Failure, say, show
from config.embedded.layout import PYTHON, ROOT, SHARED, DataFolder, is_running, read_json
from config.embedded.ports import Ports
from config.embedded.process import Processes
from config.embedded.stack import Settings, Stack, prepare, stop_on_signals
from config.embedded.supervisor import Supervisor

WEB_PORT, GATEWAY_PORT = 8000, 8025
INTERRUPTED = 130


def up(*, host: str, port: int | None, verbose: bool) -> int:
    """The whole system, until Ctrl-C."""
    if environment.is_public(host):
        environment.refuse_demo_secrets()
    settings = Settings(
        host=host,
        port=port or _port("PORT", WEB_PORT),
        gateway_port=_port("GATEWAY_PORT", GATEWAY_PORT),
        verbose=verbose,
    )
    with _opened(_data_folder(), settings) as stack:
        _announce(stack)
        sent = stack.data.path / "demo-sent"
        if stack.simulates_gateway and not stack.public and not sent.exists():
            say("First start: sending the demo campaign")
            if stack.manage("demo", quiet=True) == 0:
                sent.touch()
        stack.run()
    return 0


def demo(*, contacts: int | None, as_json: bool) -> int:
    """The main job once, on data of its own."""
    # Never through somebody's real gateway, nor in the public's sight.
    for name in [name for name in os.environ if name.startswith("MITTO_")] + ["PUBLIC_BASE_URL"]:
        os.environ.pop(name, None)
    settings = Settings(
        host="127.0.0.1",
        port=_port("PORT", WEB_PORT),
        gateway_port=_port("GATEWAY_PORT", GATEWAY_PORT),
        durable=False,
    )
    options = [f"--contacts={contacts}"] if contacts is not None else []
    options += ["--json"] if as_json else []
    kept = bool(os.environ.get("TAPLINE_DATA"))
    data = _data_folder() if kept else DataFolder.of(Path(tempfile.mkdtemp(prefix="tapline-demo-")))
    with _opened(data, settings, throwaway=not kept) as stack:
        return stack.manage("demo", *options)
    return INTERRUPTED


def test(arguments: Sequence[str]) -> int:
    """pytest, on throwaway servers that its plugin starts."""
    _install(venv.DEVELOPING)
    alone = {"-n", "--numprocesses", "--pdb", "no:xdist"}
    chosen = any(word in alone or word.startswith(("-n", "--numproc")) for word in arguments)
    workers = [] if chosen else ["-n", "2", "--dist", "loadfile"]
    return _become([PYTHON, "-m", "pytest", *workers, *arguments], dict(os.environ))


def manage(arguments: Sequence[str]) -> int:
    """A management command, on the running stack or on its servers alone."""
    data = _data_folder()
    state = read_json(data.state)
    if state and is_running(state["pids"]["supervisor"]):
        _install(venv.RUNNING)
        variables = environment.build(
            data,
            url=state["url"],
            gateway_url=state["gateway_url"],
            public=environment.is_public("localhost"),
        )
        return _become([PYTHON, "manage.py", *arguments], variables)
    with _servers(data, durable=True) as (processes, _, variables):
        return processes.run_in_foreground([PYTHON, "manage.py", *arguments], env=variables)


def benchmarks() -> list[str]:
    return sorted(path.stem for path in (ROOT / "benchmarks").glob("[!_]*.py"))


def bench(name: str, arguments: Sequence[str]) -> int:
    """A benchmark, on throwaway servers as durable as a stack's own; killed, they come again."""
    data = DataFolder.of(Path(tempfile.mkdtemp(prefix="tapline-bench-")))
    with _servers(data, durable=True, throwaway=True) as (processes, supervisor, variables):
        return processes.run_in_foreground(
            [PYTHON, ROOT / "benchmarks" / f"{name}.py", *arguments],
            env=variables | {"PYTHONPATH": str(ROOT)},
            meanwhile=supervisor.restart_ended,
        )


def lint() -> int:
    """Every check of the code; all run, even if one fails."""
    _install(venv.DEVELOPING)
    module = (str(PYTHON), "-m")
    manage_py = (str(PYTHON), "-W", "ignore::RuntimeWarning", "manage.py")
    checks = (
        (*module, "ruff", "check"),
        (*module, "ruff", "format", "--check"),
        (*module, "mypy"),
        (str(PYTHON.with_name("lint-imports")),),
        (*manage_py, "makemigrations", "--check", "--dry-run"),
        (*manage_py, "check", "--deploy", "--fail-level", "WARNING"),
    )
    failed = []
    for check in checks:
        words = " ".join(Path(word).name if "/" in word else word for word in check)
        show(f"\n== {words}")
        if subprocess.run(check, cwd=ROOT, env=_production_like(), check=False).returncode:
            failed.append(words)
    for words in failed:
        show(f"FAILED: {words}")
    return 1 if failed else 0


@contextmanager
def _opened(data: DataFolder, settings: Settings, *, throwaway: bool = False) -> Iterator[Stack]:
    """A stack that answers; ended however the block ends. Ctrl-C in the block ends it quietly."""
    stop_on_signals()
    with data.held() as lock, Ports() as ports, Processes(held_until_the_end=[lock]) as processes:
        if throwaway:
            processes.remove_at_the_end(data.path)
        stack = Stack(data, settings, processes, ports)
        try:
            stack.start(prepare(data, processes, venv.RUNNING, durable=settings.durable))
            yield stack
        except KeyboardInterrupt:
            say("Stopping")
            if not stack.is_up:
                raise
        finally:
            stack.stop()
            say("Stopped")


@contextmanager
def _servers(
    data: DataFolder, *, durable: bool, throwaway: bool = False
) -> Iterator[tuple[Processes, Supervisor, dict[str, str]]]:
    """The embedded servers alone, who keeps them, and the environment to use them."""
    stop_on_signals()
    with data.held() as lock, Processes(held_until_the_end=[lock]) as processes:
        if throwaway:
            processes.remove_at_the_end(data.path)
        prepared = prepare(data, processes, venv.RUNNING, durable=durable)
        supervisor = Supervisor(processes, data.logs)
        supervisor.start(prepared.services)
        try:
            supervisor.wait_until_answering(prepared.services)
            local = "http://127.0.0.1"
            yield (
                processes,
                supervisor,
                environment.build(
                    data,
                    url=f"{local}:{_port('PORT', WEB_PORT)}",
                    gateway_url=f"{local}:{_port('GATEWAY_PORT', GATEWAY_PORT)}",
                    public=environment.is_public("localhost"),
                ),
            )
        finally:
            supervisor.stop()


def _announce(stack: Stack) -> None:
    show("")
    show(f"  Site    {stack.url}/")
    show(f"  Admin   {stack.url}/admin/")
    show(f"  API     {stack.url}/api/docs/")
    state = read_json(stack.data.state)
    if state["admin_password"]:
        show(f"  Log in  {state['admin_email']}  {state['admin_password']}")
        show(f"  Gateway {state['gateway_url']}  (simulated)")
    show(f"  Logs    {stack.data.logs}")
    show("\n  Ctrl-C stops everything.\n")


def _data_folder() -> DataFolder:
    return DataFolder.of(Path(os.environ.get("TAPLINE_DATA") or SHARED))


def _port(variable: str, default: int) -> int:
    raw = os.environ.get(variable, "").strip() or str(default)
    if not raw.isdecimal() or not 0 < int(raw) < 65536:
        raise Failure(f"{variable} is no port: {raw!r}", exit_code=2)
    return int(raw)


def _install(requirements: str) -> None:
    if not venv.is_current(requirements):
        stop_on_signals()
        with Processes() as processes:
            venv.make(processes)
            venv.install(requirements, processes)


def _become(command: Sequence[str | Path], variables: dict[str, str]) -> int:
    """Let the command have our place, with our terminal and our signals."""
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execve(command[0], [str(part) for part in command], variables)  # noqa: S606


def _production_like() -> dict[str, str]:
    """As the settings of an installation in public, for the checks of deployment."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": "an-installation-makes-its-own-0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nowhere",
        "REDIS_URL": "redis://127.0.0.1:9/0",
        "CELERY_BROKER_URL": "redis://127.0.0.1:10/0",
        "PUBLIC_BASE_URL": "https://sms.example.com",
        "ALLOWED_HOSTS": "sms.example.com",
        "MITTO_API_BASE": "https://messaging.mittoapi.com",
        "MITTO_API_KEY": "none",
        "MITTO_TRAFFIC_ACCOUNT_ID": "none",
        "MITTO_WEBHOOK_SECRET": "an-installation-makes-its-own",
        "BEHIND_PROXY": "true",
        "TRUSTED_PROXIES": "1",
    }
