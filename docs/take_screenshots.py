"""Takes the README's picture of the stack that runs now: python docs/take_screenshots.py

By hand, in an environment of its own with `playwright`, which is no requirement of the project.
CHROMIUM names the browser (/usr/bin/chromium), TAPLINE_DATA the stack's folder (.data).
"""

import json
import os
from pathlib import Path

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).resolve().parent / "images"
DATA = Path(os.environ.get("TAPLINE_DATA") or IMAGES.parents[1] / ".data")
# Without its own sandbox Chromium runs as root, too; it opens our own pages only.
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]


def main() -> None:
    stack = json.loads((DATA / "stack.json").read_text(encoding="utf-8"))
    browser_path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=OPTIONS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"{stack['url']}/admin/campaigns/campaign/")
        page.fill("[name=username]", stack["admin_email"])
        page.fill("[name=password]", stack["admin_password"])
        page.click("[type=submit]")
        page.click("#toggle-nav-sidebar")
        page.wait_for_timeout(500)  # the sidebar slides
        page.evaluate("window.scrollTo(0, 0)")
        page.screenshot(path=IMAGES / "campaigns.png")
        browser.close()


if __name__ == "__main__":
    main()
