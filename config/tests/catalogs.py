"""What is to be translated, and what is: read without the tools of gettext."""

import ast
import gettext
from collections.abc import Iterator
from pathlib import Path

from django.template import Template
from django.template.base import Node
from django.templatetags.i18n import BlockTranslateNode, TranslateNode

from config.embedded.layout import ROOT

GREEK = ROOT / "locale" / "el" / "LC_MESSAGES"
APPS = ("tracking", "nfc")
_CALLS = ("gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "_")


def messages_of_po() -> dict[str, str]:
    """msgid to msgstr; of the kind that GNU's .mo file holds: the header besides."""
    catalog: dict[str, str] = {}
    entry: dict[str, str] = {}
    keyword = ""
    for line in [*(GREEK / "django.po").read_text(encoding="utf-8").splitlines(), ""]:
        if line.startswith('"'):
            entry[keyword] += ast.literal_eval(line)
        elif line.startswith("msg"):
            keyword, _, words = line.partition(" ")
            entry[keyword] = ast.literal_eval(words)
        elif not line and entry:
            catalog[entry["msgid"]] = entry["msgstr"]
            entry = {}
    return catalog


def messages_of_mo() -> dict[str, str]:
    with (GREEK / "django.mo").open("rb") as file:
        translations = gettext.GNUTranslations(file)
    return dict(translations._catalog)  # type: ignore[attr-defined]


def messages_of_sources() -> dict[str, str]:
    """All msgids of the public pages, each with a file that has it."""
    found: dict[str, str] = {}
    for app in APPS:
        for template in (ROOT / app / "templates").rglob("*.html"):
            found |= dict.fromkeys(_of_template(template), template.name)
        for module in (ROOT / app).rglob("*.py"):
            if not {"tests", "migrations"} & set(module.parts):
                found |= dict.fromkeys(_of_module(module), module.name)
    return found


def _of_template(path: Path) -> Iterator[str]:
    nodes = Template(path.read_text(encoding="utf-8")).nodelist
    for node in nodes.get_nodes_by_type(Node):
        if isinstance(node, TranslateNode):
            yield str(node.filter_expression.var.literal)
        elif isinstance(node, BlockTranslateNode):
            yield str(node.render_token_list(node.singular)[0])


def _of_module(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in _CALLS:
            yield ast.literal_eval(node.args[0])
