"""`python -m messaging.simulator`: see the package's docstring."""

import argparse
import asyncio
import logging
import os
import signal
import sys

from messaging.simulator.api import Api
from messaging.simulator.server import start_server
from messaging.simulator.settings import Settings, SettingsError


async def serve(settings: Settings, *, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; reports that still wait are lost with the process."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    api = Api(settings)
    server = await start_server(api.handle, host=host, port=port)
    # The line a caller waits for, who learns the port from it when it asked for any.
    bound_port = server.sockets[0].getsockname()[1]
    sys.stdout.write(f"Simulated gateway: http://{host}:{bound_port}\n")
    sys.stdout.flush()
    reports = asyncio.create_task(api.reporter.run())
    stop = asyncio.create_task(stopped.wait())
    await asyncio.wait({reports, stop}, return_when=asyncio.FIRST_COMPLETED)
    server.close()
    if reports.done():
        reports.result()  # raises: without reports the simulator is of no use
    reports.cancel()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m messaging.simulator")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8025, help="0 takes a free one")
    arguments = parser.parse_args()
    logging.basicConfig(format="simulator: %(message)s", level=logging.WARNING)
    try:
        settings = Settings.from_environment(os.environ)
        asyncio.run(serve(settings, host=arguments.host, port=arguments.port))
    except (SettingsError, OSError) as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
