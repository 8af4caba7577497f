"""Old phones for tests: pages of a real Chromium, 360 x 640, of which one can refuse scripts."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
# Without its own sandbox Chromium runs as root, too; it opens our own pages only.
OPTIONS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PHONE: Final = {"width": 360, "height": 640}
SMALLEST_TARGET: Final = 48
# What axe calls moderate or minor is advice; the rest keeps somebody out.
SERIOUS: Final = ("serious", "critical")
RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

# A link in running text may be smaller; a check box is as large as the label that it lies in.
_TARGETS = """
() => [...document.querySelectorAll("a, button, select, input:not([type=hidden])")]
    .filter(element => element.tabIndex >= 0)
    .map(element => (element.type === "checkbox" ? element.parentElement : element))
    .map(element => [element.outerHTML.slice(0, 80), element.getBoundingClientRect()])
    .map(([html, box]) => [html, box.width, box.height])
"""

MakePhone = Callable[..., Page]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"there is no {', '.join(NAMES)} on this machine")
    # Playwright's loop runs in this thread, where Django then expects no queries.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=found, args=OPTIONS)
            yield browser
            browser.close()


@pytest.fixture
def make_phone(chromium: Browser) -> Iterator[MakePhone]:
    """A new phone: language, scheme, scripts. Whatever it meets that is not ours fails the test."""
    complaints: list[str] = []
    contexts = []

    def make(*, language: str = "en", scheme: str = "light", scripts: bool = False) -> Page:
        options: dict[str, Any] = {"viewport": PHONE, "color_scheme": scheme, "locale": language}
        context = chromium.new_context(java_script_enabled=scripts, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: _note(complaints, message))
        page.on("request", lambda request: _note_foreign(complaints, page, request))
        return page

    yield make
    for context in contexts:
        with suppress(Exception):
            context.close()
    assert complaints == []


def serious_findings(page: Page) -> list[str]:
    """What axe-core has against the page."""
    results = Axe().run(page, options={"runOnly": RULES, "resultTypes": ["violations"]}).response
    return [
        f"{finding['id']}: {node['target']} {node['failureSummary']}"
        for finding in results["violations"]
        if finding["impact"] in SERIOUS
        for node in finding["nodes"]
    ]


def small_targets(page: Page) -> list[str]:
    """Whatever is pressed and smaller than a finger wants it."""
    boxes = page.evaluate(_TARGETS)
    return [
        f"{width} x {height}: {html}"
        for html, width, height in boxes
        if height < SMALLEST_TARGET or width < SMALLEST_TARGET
    ]


def overflow(page: Page, width: int = 320) -> int:
    """By how many pixels the page is wider than an old phone."""
    page.set_viewport_size({"width": width, "height": PHONE["height"]})
    wide: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    return wide


def _note(complaints: list[str], message: ConsoleMessage) -> None:
    """Refusals of the content policy come by the console; so do 404 pages, which are meant."""
    if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
        complaints.append(message.text)


def _note_foreign(complaints: list[str], page: Page, request: Request) -> None:
    ours = request.url.startswith(("http://127.0.0.1:", "http://localhost:"))
    if not ours:
        complaints.append(f"{page.url} asks {request.url}")
