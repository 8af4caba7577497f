"""Takes the README's pictures of the stack that runs now: .venv/bin/python docs/take_screenshots.py

By hand, and not of a stack that is in use: it opens a flower shop there. CHROMIUM names the browser
(/usr/bin/chromium), TAPLINE_DATA the stack's folder (.data). Pages are in the system's font; ours
are Roboto's, as on Android.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
DATA = Path(os.environ.get("TAPLINE_DATA") or ROOT / ".data")
# Without its own sandbox Chromium runs as root, too; it opens our own pages only.
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
# The shop of the tests, in the running stack, whose secrets only it knows.
OPEN_SHOP = """
import json
from config.tests.shop import open_shop, send_offer
from messaging import optout
shop = open_shop({url!r})
offer = send_offer(shop).public_id
print(json.dumps({{
    "tap": shop.tap_link,
    "offer": f"{{shop.url}}/o/{{offer}}",
    "out": f"{{shop.url}}/u/{{optout.make_token(offer)}}",
}}))
"""


def main() -> None:
    stack = json.loads((DATA / "stack.json").read_text(encoding="utf-8"))
    browser_path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=OPTIONS)
        take_admin(browser, stack)
        take_pages(browser, open_shop(stack["url"]))
        browser.close()


def take_admin(browser: Browser, stack: dict[str, Any]) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"{stack['url']}/admin/campaigns/campaign/")
    page.fill("[name=username]", stack["admin_email"])
    page.fill("[name=password]", stack["admin_password"])
    page.click("[type=submit]")
    page.wait_for_selector("#changelist")
    page.screenshot(path=IMAGES / "campaigns.png")


def take_pages(browser: Browser, links: dict[str, str]) -> None:
    page = phone(browser)
    page.goto(links["tap"])
    shoot(page, "sign-up")
    page.fill("#phone", "694 000 00")
    page.wait_for_timeout(2100)  # a form that comes back at once was filled in by a program
    page.click("form button")
    page.evaluate("window.scrollTo(0, document.querySelector('form').offsetTop - 12)")
    shoot(page, "sign-up-errors")
    page.goto(links["offer"])
    shoot(page, "offer")
    page = phone(browser, color_scheme="dark", locale="el-GR")
    page.goto(links["offer"])
    shoot(page, "offer-greek-dark")
    page.goto(links["out"])
    shoot(page, "unsubscribe-greek-dark")
    page = phone(browser)
    page.goto(links["out"])
    page.click("form button")
    shoot(page, "unsubscribed")


def open_shop(url: str) -> dict[str, str]:
    command = [sys.executable, "run.py", "manage", "shell", "--no-imports", "-c"]
    output = subprocess.run(  # noqa: S603
        [*command, OPEN_SHOP.format(url=url)],
        cwd=ROOT,
        env={**os.environ, "TAPLINE_DATA": str(DATA)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    links: dict[str, str] = json.loads(output.splitlines()[-1])
    return links


def phone(browser: Browser, **options: str) -> Page:
    shape: dict[str, Any] = {"viewport": {"width": 360, "height": 640}, "device_scale_factor": 1.25}
    return browser.new_page(**shape, **{"locale": "en-GB", **options})  # type: ignore[arg-type]


def shoot(page: Page, name: str) -> None:
    page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
