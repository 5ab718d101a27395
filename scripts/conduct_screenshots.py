"""Pictures of conduct reports for the documentation, taken with Debian's Chromium.

    python -m scripts.conduct_screenshots NAME=REPORT … [--out docs/conduct]

For each report: its beginning on a wide screen, its drawings, and its beginning on a phone in the dark.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
WIDE, PHONE = {"width": 1100, "height": 1240}, {"width": 390, "height": 844}


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("reports", nargs="+", metavar="NAME=REPORT")
    parser.add_argument("--out", type=Path, default=Path("docs/conduct"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        for named in args.reports:
            name, _, report = named.partition("=")
            pictures(browser, name, Path(report).resolve() / "report.html", args.out)
        browser.close()


def pictures(browser: Browser, name: str, page_file: Path, out: Path) -> None:
    """The pictures of one report."""
    page = browser.new_page(viewport=WIDE, color_scheme="light")  # type: ignore[arg-type]
    page.goto(page_file.as_uri())
    page.screenshot(path=out / f"{name}.png")
    for section in ("where", "when", "pairs"):
        if (found := page.locator(f"section[aria-labelledby={section}]")).count():
            box = found.bounding_box()
            if box is not None:
                clip = {**box, "height": min(box["height"], 900)}
                page.screenshot(path=out / f"{name}-{section}.png", clip=clip, full_page=True)  # type: ignore[arg-type]
    page.close()
    page = browser.new_page(viewport=PHONE, color_scheme="dark")  # type: ignore[arg-type]
    page.goto(page_file.as_uri())
    page.screenshot(path=out / f"{name}-phone.png")
    page.close()


if __name__ == "__main__":
    main()
