"""The programs of a stack: web, worker, beat and the simulated gateway."""

import http.client
import json
import os
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from config.embedded.layout import PYTHON, ROOT, DataFolder
from config.embedded.service import Service

QUEUES = "sms,scheduler,imports,events"
WEB_THREADS = 8  # measured best of 1 process; see docs/adr


def web(host: str, port: int, environment: Mapping[str, str], *, probe: str = "/readyz") -> Service:
    address = ("--host", host, "--port", str(port))
    size = ("--workers", "1", "--blocking-threads", str(WEB_THREADS))
    # Granian itself replaces a worker that dies; we replace Granian.
    resilience = ("--respawn-failed-workers", "--respawn-interval", "0.5")
    # Its only warning says that eight threads are many for few cores: measured, they are not.
    ending = ("--workers-kill-timeout", "10", "--log-level", "error")
    command = ("granian", "--interface", "wsgi", "config.wsgi:application", "--no-ws")
    return _python_service(
        "web",
        (*command, *address, *size, *resilience, *ending),
        environment,
        patience=15,
        answers=answers_at(local_url(host, port) + probe),
    )


def worker(environment: Mapping[str, str]) -> Service:
    senders = environment.get("SENDERS") or str(min(max(os.cpu_count() or 2, 2), 4))
    pool = ("--concurrency", senders, "--without-mingle", "--without-gossip")
    command = ("celery", "-A", "config", "worker", "-Q", QUEUES, "-l", "WARNING")
    # Longer than a gateway call may take: a batch is finished, not cut off.
    return _python_service("worker", (*command, *pool), environment, patience=35)


def beat(environment: Mapping[str, str], data: DataFolder) -> Service:
    schedule = ("-s", str(data.path / "beat.db"), "--pidfile=")
    command = ("celery", "-A", "config", "beat", "-l", "WARNING")
    return _python_service("beat", (*command, *schedule), environment)


def gateway(port: int, environment: Mapping[str, str], *, report_to: str) -> Service:
    """The simulated gateway, set as the caller's SIM_* say; it posts to the web server."""
    command = ("messaging.simulator", "--host", "127.0.0.1", "--port", str(port))
    own = {
        "SIM_REPORT_URL": f"{report_to}/webhooks/mitto/delivery/",
        "SIM_INBOUND_URL": f"{report_to}/webhooks/mitto/inbound/" if report_to else "",
        "SIM_REPORT_SECRET": environment["MITTO_WEBHOOK_SECRET"],
        "SIM_REPORT_HMAC_SECRET": environment.get("MITTO_WEBHOOK_HMAC_SECRET", ""),
        "SIM_API_KEY": environment["MITTO_API_KEY"],
    }
    return _python_service(
        "gateway",
        command,
        {**own, **environment},
        answers=answers_at(f"http://127.0.0.1:{port}/counts"),
    )


def local_url(host: str, port: int) -> str:
    """How this machine reaches a server that listens on host and port."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104
    if ":" in reachable and not reachable.startswith("["):
        reachable = f"[{reachable}]"
    return f"http://{reachable}:{port}"


def answers_at(url: str) -> Callable[[], bool]:
    """A check whether GET is answered with a success or a redirect."""

    def answers() -> bool:
        try:
            return _get(url)[0] < 400
        except (OSError, http.client.HTTPException):
            return False

    return answers


def is_ready(url: str) -> bool:
    """Whether all parts of the installation work, worker and scheduler included."""
    try:
        status, body = _get(f"{url}/readyz")
        return status == 200 and bool(json.loads(body)["status"] == "ok")
    except (OSError, http.client.HTTPException, ValueError):
        return False


def _get(url: str) -> tuple[int, bytes]:
    """Status and body. Asked as localhost, the name of this machine that ALLOWED_HOSTS keeps."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", parts.path, headers={"Host": f"localhost:{parts.port}"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _python_service(
    name: str,
    command: tuple[str, ...],
    environment: Mapping[str, str],
    *,
    patience: float = 10,
    answers: Callable[[], bool] = lambda: True,
) -> Service:
    return Service(
        name=name,
        command=(str(PYTHON), "-m", *command),
        env=environment,
        cwd=ROOT,
        warns=True,
        patience=patience,
        answers=answers,
    )
