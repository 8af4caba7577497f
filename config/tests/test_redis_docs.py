"""docs/redis.md says what is so: its examples, its tables, and the tests it names."""

import ast
import doctest
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from django.conf import settings

from rediskit.families import family_of
from rediskit.versioned_cache import GENERATION_SECONDS

ROOT = Path(settings.BASE_DIR)
PAGE = (ROOT / "docs/redis.md").read_text(encoding="utf-8")
ROWS = 24  # of the system before
MODULES = [
    "accounts.cache",
    "campaigns.cache",
    "nfc.cache",
    "rediskit.families",
    "rediskit.versioned_cache",
]
LIFETIMES = {
    "20 s (`CACHE_TTL_CAMPAIGN_LIST`)": "campaign_list",
    "30 s (`CACHE_TTL_CAMPAIGN_STATS`)": "campaign_stats",
    "30 s (`CACHE_TTL_DASHBOARD`)": "dashboard",
    "10 min (`CACHE_TTL_PROFILE`)": "profile",
    "1 h (`CACHE_TTL_TAGS`)": "tags",
    "1 h (`CACHE_TTL_TEMPLATES`)": "templates",
    "30 s (`CACHE_TTL_DEFAULT`)": "default",
}
SECONDS = {"s": 1, "min": 60, "h": 3600}


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def rows(title: str, *, columns: int) -> list[list[str]]:
    """The cells of those tables of a section that have so many columns, without their heads."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    bodies = [row for row, line in zip(cells, lines, strict=True) if not set(line) <= set("|-")]
    return [row for row in bodies if len(row) == columns][1:]


@cache
def known_tests(path: str) -> frozenset[str]:
    """As pytest names them: `test_this`, `TestThat::test_this`."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for group in tree.body:
        if isinstance(group, ast.ClassDef):
            members = (node for node in group.body if isinstance(node, ast.FunctionDef))
            names |= {f"{group.name}::{member.name}" for member in members}
    return frozenset(names)


def test_examples_are_true() -> None:
    blocks = re.findall(r"^```pycon\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    example = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "redis.md", None, 0)
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_examples_beside_the_key_functions_are_true(name: str) -> None:
    result = doctest.testmod(import_module(name))
    assert result.attempted > 0
    assert result.failed == 0


def test_each_example_of_a_key_is_of_its_family() -> None:
    table = rows("Keys", columns=6)
    assert len(table) >= 9
    for family, example, *_ in table:
        assert family_of(example.strip("`").encode()) == family.strip("`")


def test_lifetimes_are_those_of_the_settings() -> None:
    assert set(LIFETIMES.values()) == set(settings.CACHE_TTLS)
    for told, name in LIFETIMES.items():
        assert told in section("Keys")
        number, unit = told.split()[:2]
        assert int(number) * SECONDS[unit] == settings.CACHE_TTLS[name]
    assert GENERATION_SECONDS == 7 * 24 * 3600


def test_every_setting_is_told() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    names = re.findall(r"^#?((?:REDIS|CACHE_TTL)_[A-Z_]+)=", example, re.MULTILINE)
    assert len(names) > 10
    assert [name for name in names if f"`{name}`" not in PAGE] == []


def test_every_row_is_proved_by_a_test_that_exists() -> None:
    table = rows("The system before, line by line", columns=3)
    assert len(table) == ROWS
    for original, _, proofs in table:
        names = re.findall(r"`([^`]+)`", proofs)
        assert names, original
        for name in names:
            path, _, test = name.partition("::")
            assert test in known_tests(path), name
