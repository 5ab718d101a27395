"""The HTML report, as a browser sees it."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from overt.cli.render import html
from overt.cli.render.tally import Tally
from overt.core.model import FileReport, Summary
from tests.cli import reports
from tests.conftest import require
from tests.waiting import PATIENCE_S

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def page_of(told: tuple[FileReport, ...] = reports.ALL, ending: Summary | None = None) -> bytes:
    stream, tally = io.BytesIO(), Tally()
    reports.tell(tally, html.make(reports.output(stream, tally)), reports=told, ending=ending)
    return stream.getvalue()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    require(os.path.exists(CHROMIUM), "Debian's chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(FLAGS), timeout=1000 * PATIENCE_S
        )
        yield browser
        browser.close()


@pytest.fixture
def shown(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """The report of all made-up files; afterwards: nothing was logged, nothing was fetched."""
    path = tmp_path / "report.html"
    path.write_bytes(page_of())
    page = browser.new_page(viewport={"width": 1200, "height": 1400})
    page.set_default_timeout(1000 * PATIENCE_S)
    problems: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(f"dialog {dialog.message}"))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    yield page
    page.close()
    assert not problems
    assert requests == [path.as_uri()]


def visible_paths(page: Page) -> list[str]:
    return page.locator("#files tbody tr:visible .path b").all_inner_texts()


@pytest.mark.browser
def test_says_what_was_found_and_what_was_not_examined(shown: Page) -> None:
    assert shown.locator("h1").inner_text().lower() == "infected: 4 files"
    text = shown.locator("body").inner_text()
    for words in (
        "Ada Example",
        "invoice.zip ▸ a.exe",
        "examined the first 5 of 9 bytes",
        "Confined by the kernel",
    ):
        assert words in text
    assert "a <b>test</b> rule" in text
    assert "--max-file-bytes" in text
    assert shown.locator("svg.donut .arc").count() == 3
    assert shown.locator("#count").inner_text() == "7 of 7"


@pytest.mark.browser
def test_filters_by_words_and_by_verdict(shown: Page) -> None:
    shown.locator("#filter").fill("mail ada")
    assert visible_paths(shown) == ["mail.eml"]
    shown.locator("#filter").fill("")
    shown.get_by_role("button", name="incomplete", exact=True).click()
    assert len(visible_paths(shown)) == 2
    assert shown.locator("#count").inner_text() == "2 of 7"


@pytest.mark.browser
def test_sorts(shown: Page) -> None:
    shown.get_by_role("button", name="size").click()
    assert visible_paths(shown)[-1] == "=cmd|'calc'!A1.zip"
    shown.get_by_role("button", name="size").click()
    assert visible_paths(shown)[0] == "=cmd|'calc'!A1.zip"


@pytest.mark.browser
def test_dark_and_narrow_do_not_overflow(shown: Page) -> None:
    shown.emulate_media(color_scheme="dark")
    assert shown.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 21, 28)"
    shown.set_viewport_size({"width": 480, "height": 900})
    assert shown.evaluate("document.documentElement.scrollWidth") <= 480


def test_names_are_harmless_text() -> None:
    page = page_of().decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_no_outside_resource_and_a_policy_against_it() -> None:
    page = page_of().decode()
    assert 'content="default-src &#39;none&#39;; style-src &#39;sha256-' in page
    assert " src=" not in page
    assert "@import" not in page and "url(" not in page


def test_size_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "MAX_ROWS", 20)
    told = (reports.INCOMPLETE,) * 30 + (reports.INFECTED,) * 3
    page = page_of(told, reports.summary(infected=3, incomplete=30)).decode()
    assert page.count("<tr data-verdict=") == 20
    assert page.index("mail.eml") < page.index("gpj.iso")
    assert "The first 20 files of 33 are listed here" in page


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        (
            Summary(clean=3, confinement="confined"),
            "Every one of 3 files was examined, and nothing was found.",
        ),
        (Summary(confinement="confined"), "No file was examined."),
        (Summary(clean=1, confinement="unconfined"), "<b>UNCONFINED.</b>"),
    ],
)
def test_other_endings(ending: Summary, words: str) -> None:
    assert words in page_of((), ending).decode()


def test_only_web_addresses_become_links() -> None:
    assert html._link("https://example.org/a") == "https://example.org/a"
    assert html._link("javascript:alert(1)") == ""
    assert html._link("https://example.org/ and more") == ""


@pytest.mark.browser
def test_long_lists_are_shown_in_parts(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_bytes(page_of((reports.INCOMPLETE,) * 1200 + (reports.INFECTED,)))
    page = browser.new_page()
    page.goto(path.as_uri())
    assert (page.locator("#files tbody tr").count(), page.locator("#count").inner_text()) == (
        500,
        "1,201 of 1,201",
    )
    assert visible_paths(page)[0] == "mail.eml"
    page.get_by_role("button", name="show more").click()
    page.get_by_role("button", name="show more").click()
    assert page.locator("#files tbody tr").count() == 1201
    assert page.get_by_role("button", name="show more").is_hidden()
    page.close()
