#!/usr/bin/env python3
"""Run Tapline, all of it, on a machine with nothing but Python.

The first start makes .venv, installs the locked requirements and fetches PostgreSQL and Redis into
.data/bin; data and logs lie in .data. Nothing else of this machine is changed.

Environment: DATABASE_URL, REDIS_URL and CELERY_BROKER_URL replace the servers started here, PORT
and GATEWAY_PORT the ports 8000 and 8025, TAPLINE_DATA the folder .data. All other settings:
.env.example. Running for the public: docs/going-live.md.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this file alone must be readable to older ones
    sys.exit(f"Tapline needs Python 3.11 or later; this is {sys.version.split()[0]}.")
if sys.platform == "win32":
    sys.exit("Tapline runs on Linux and macOS; on Windows, start it inside WSL.")

import argparse

from config.embedded import commands
from config.embedded.console import Failure, show

# Everything after these words is for the program they start.
PASSING_ON = {"test": commands.test, "manage": commands.manage}


def at_least_one(word: str) -> int:
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def port(word: str) -> int:
    number = at_least_one(word)
    if number > 65535:
        raise argparse.ArgumentTypeError("must be at most 65535")
    return number


def read_arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(dest="command", title="commands", metavar="COMMAND")
    up = subparsers.add_parser("up", help="start everything and print what to open; the default")
    up.add_argument("--host", default="127.0.0.1", help="address to serve (default: %(default)s)")
    up.add_argument("--port", type=port, help="port to serve (default: PORT, or 8000)")
    up.add_argument("-v", "--verbose", action="store_true", help="show all that the programs log")
    demo = subparsers.add_parser("demo", help="send one campaign through everything, check it, end")
    demo.add_argument("--contacts", type=at_least_one, metavar="N", help="made-up contacts")
    demo.add_argument("--json", action="store_true", help="print the result as JSON")
    subparsers.add_parser("test", help="run the tests on servers of their own (pytest's arguments)")
    subparsers.add_parser("manage", help="run a management command, such as createsuperuser")
    subparsers.add_parser("lint", help="run every check of the code")
    bench = subparsers.add_parser("bench", help="run a benchmark on servers of its own")
    names = commands.benchmarks()
    bench.add_argument("name", metavar="NAME", choices=names, help=", ".join(names))
    bench.add_argument("arguments", nargs=argparse.REMAINDER, help="NAME --help tells them")
    is_bare = not words or (words[0].startswith("-") and words[0] not in ("-h", "--help"))
    return parser.parse_args(["up", *words] if is_bare else words)


def run(words: list[str]) -> int:
    if words and words[0] in PASSING_ON:
        return PASSING_ON[words[0]](words[1:])
    arguments = read_arguments(words)
    if arguments.command == "demo":
        return commands.demo(contacts=arguments.contacts, as_json=arguments.json)
    if arguments.command == "lint":
        return commands.lint()
    if arguments.command == "bench":
        return commands.bench(arguments.name, arguments.arguments)
    return commands.up(host=arguments.host, port=arguments.port, verbose=arguments.verbose)


if __name__ == "__main__":
    try:
        sys.exit(run(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(commands.INTERRUPTED)
    except Failure as failure:
        show(f"\n{failure}")
        sys.exit(failure.exit_code)
