"""The file .env.example names exactly the variables that the code reads."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from messaging.simulator import settings as simulator

ROOT = Path(__file__).resolve().parents[2]
READERS = (
    "config/settings.py",
    "config/embedded/commands.py",
    "config/management/commands/seed_demo.py",
    "rediskit/connection.py",
)
# What reads a variable by its first text: `env.text("X")`, `environ.get("X")`, `_port("X", 8000)`.
MODULES = {"env", "environ"}
FUNCTIONS = {"_number", "_flag", "_port", "_variable"}
# Readers of config.env that have a default even if the call names none.
OPTIONAL = {"names"}


def _is_reader(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id in FUNCTIONS
    if not isinstance(function, ast.Attribute):
        return False
    owner = function.value
    return (owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")) in MODULES


def _reading_calls(path: str) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Call) and node.args and _is_reader(node.func)):
            continue
        for argument in node.args:
            if isinstance(argument, ast.Constant) and re.fullmatch(
                r"[A-Z][A-Z_]+", str(argument.value)
            ):
                yield str(argument.value), node
                break


def _named_in_example() -> dict[str, bool]:
    """Each variable, and whether it is commented out."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    found = re.findall(r"^(#?)([A-Z][A-Z_]+)=", text, re.MULTILINE)
    assert len(found) == len({name for _, name in found}), "a variable is named twice"
    return {name: mark == "#" for mark, name in found}


def test_every_variable_is_explained_and_no_other() -> None:
    read = {name for path in READERS for name, _ in _reading_calls(path)}

    assert read | set(simulator._NAMES) == set(_named_in_example())


def test_what_has_no_default_is_left_to_fill_in() -> None:
    required = {
        name
        for name, call in _reading_calls("config/settings.py")
        if isinstance(call.func, ast.Attribute)
        and call.func.attr not in OPTIONAL
        and len(call.args) == 1
        and not any(keyword.arg == "default" for keyword in call.keywords)
    }

    optional = _named_in_example()
    assert required == {name for name in optional if not optional[name]}
