import os
import subprocess
import sys

import httpx2
import pytest

from messaging.tests.simulated import ROOT, SEND, element, running_simulator


@pytest.mark.parametrize(
    "change",
    [
        {"SIM_NO_SUCH": 1},
        {"SIM_ERROR_RATE": 1.1},
        {"SIM_ERROR_RATE": -0.1},
        {"SIM_ERROR_RATE": True},
        {"SIM_ERROR_RATE": "0.5"},
        {"SIM_ERROR_RATE": None},
        {"SIM_LATENCY_MS": -1},
        {"SIM_LATENCY_MS": 10**12},
        {"SIM_REPORT_URL": "ftp://x.example"},
        {"SIM_REPORT_URL": "http://[broken"},
        {"SIM_REPORT_URL": 5},
        {"SIM_REPORT_SECRET": "two\r\nlines"},
        {"SIM_SEED": 1.5},
    ],
)
def test_a_bad_change_changes_nothing(simulator: httpx2.Client, change: dict[str, object]) -> None:
    before = simulator.get("/settings").json()
    response = simulator.post("/settings", json={"SIM_REFUSE_RATE": 1} | change)
    assert response.status_code == 400
    assert next(iter(change)) in response.json()["errorMessage"]
    assert simulator.get("/settings").json() == before


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"SIM_SEED"'])
def test_no_settings_at_all(simulator: httpx2.Client, body: bytes) -> None:
    assert simulator.post("/settings", content=body).status_code == 400


def test_a_change_answers_with_all_but_the_secrets(simulator: httpx2.Client) -> None:
    answer = simulator.post("/settings", json={"SIM_REPORT_SECRET": "hidden"})
    assert answer.json() == simulator.get("/settings").json()
    assert "hidden" not in answer.text
    assert len(answer.json()) == 9


def test_the_environment_names_what_is_wrong() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "messaging.simulator", "--port", "0"],
        cwd=ROOT,
        env=os.environ | {"SIM_ERROR_RATE": "lots"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 1
    assert "SIM_ERROR_RATE" in process.stderr


def test_the_environment_counts() -> None:
    with running_simulator(SIM_LATENCY_MS=5, SIM_ERROR_RATE="1") as client:
        assert client.get("/settings").json()["SIM_LATENCY_MS"] == 5
        assert client.post(SEND, json=element()).status_code == 503
