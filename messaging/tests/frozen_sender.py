"""A sender process of its own that stops itself at one point of sending one batch.

`python -m messaging.tests.frozen_sender POINT SIGNAL`: whoever started it continues it, or finds
it dead.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import django

# Where a process may be when it is stopped, and what is called there, before or after.
POINTS = {
    "claiming": ("messaging.services.claiming._read_messages", "after"),  # and not committed
    "claimed": ("messaging.services.sending.claim_batch", "after"),
    "calling": ("messaging.gateways.mitto.MittoGateway.send_batch", "before"),
    "called": ("messaging.gateways.mitto.MittoGateway.send_batch", "after"),
    "recorded": ("messaging.services.sending.record", "after"),
}


def stopping(function: Callable[..., Any], moment: str, number: int) -> Callable[..., Any]:
    def stop_once(*args: Any, **options: Any) -> Any:
        if moment == "before":
            os.kill(os.getpid(), number)
            return function(*args, **options)
        found = function(*args, **options)
        os.kill(os.getpid(), number)
        return found

    return stop_once


def main(point: str, number: int) -> None:
    django.setup()
    from django.utils.module_loading import import_string

    from messaging import services

    path, moment = POINTS[point]
    owner, name = path.rsplit(".", 1)
    function = getattr(import_string(owner) if "Gateway" in owner else sys.modules[owner], name)
    with patch(path, stopping(function, moment, number)):
        services.send_next_batch()


if __name__ == "__main__":
    main(sys.argv[1], signal.Signals[sys.argv[2]])
