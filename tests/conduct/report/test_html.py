"""The HTML report as a browser shows it, and with names made to break it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace as changed
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, sync_playwright

from overt.conduct.evidence.records import Arm, FileAccess, Opened, Request, Side
from overt.conduct.report.printable import address, plain
from tests.conduct.report import made
from tests.conduct.report.conftest import Report, written
from tests.conftest import require
from tests.waiting import PATIENCE_S

CHROMIUM = "/usr/bin/chromium"
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
HOSTILE = "<script>document.title='owned'</script>\" onload='x' </style></svg>\u202e{{ 7*7 }}\x1b[31m\n&amp;"

CONTRAST = """() => {
  const channel = value => { value /= 255; return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4 };
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
  const behind = node => { for (; node; node = node.parentElement) {
    const c = parse(getComputedStyle(node).backgroundColor); if (c.length === 3 || c[3] === 1) return c }
    return [255, 255, 255] };
  const weak = [];
  for (const node of document.querySelectorAll('main *, footer *')) {
    if (node.closest('svg') || ![...node.childNodes].some(c => c.nodeType === 3 && c.textContent.trim())) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) weak.push(node.className + ' ' + node.textContent.slice(0, 40));
  }
  return weak;
}"""
"""WCAG 2.2, 1.4.3: texts whose contrast with the nearest painted background is below 4.5."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    require(os.path.exists(CHROMIUM), "Debian's chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(FLAGS), timeout=1000 * PATIENCE_S
        )
        yield browser
        browser.close()


class Shown:
    """Opens pages and remembers what they should not do."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.problems: list[str] = []
        self.pages: list[Page] = []

    def __call__(self, path: Path, width: int = 1200, scheme: str = "light") -> Page:
        page = self._browser.new_page(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        page.set_default_timeout(1000 * PATIENCE_S)
        page.on("console", lambda message: self.problems.append(message.text))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("dialog", lambda dialog: self.problems.append(f"dialog {dialog.message}"))
        page.on("request", lambda request: self._requested(request.url, path))
        page.goto((path / "report.html").as_uri())
        self.pages.append(page)
        return page

    def _requested(self, url: str, path: Path) -> None:
        if url.partition("#")[0] != (path / "report.html").as_uri():
            self.problems.append(f"request {url}")


@pytest.fixture
def shown(browser: Browser) -> Iterator[Shown]:
    """Afterwards: nothing was logged, nothing else was fetched."""
    show = Shown(browser)
    yield show
    for page in show.pages:
        page.close()
    assert not show.problems


@pytest.mark.browser
def test_says_it_in_a_minute(shown: Shown, spying: Report) -> None:
    page = shown(spying.folder.path)
    assert page.locator("h1").inner_text() == "Example AV sent the content of files"
    first = page.locator("main > section").first.inner_text()
    assert "Did the content of your files leave?" in first and "upload.spy.example:443" in first
    assert page.locator(".answers li").count() == 20
    assert page.locator("svg.graph .undeclared").count() == 3
    assert page.locator("svg.timeline .flow.sighted").count() >= 3
    assert page.locator("tr.differs").count() == 16
    words = first.split()
    assert len(words) < 500  # of twenty unwelcome answers, all of them


@pytest.mark.browser
def test_every_answer_leads_to_its_facts_and_evidence(shown: Shown, spying: Report) -> None:
    page = shown(spying.folder.path)
    hrefs = page.eval_on_selector_all("a[href]", "all => all.map(one => one.getAttribute('href'))")
    for href in hrefs:
        if href.startswith("#"):
            assert page.locator(f"[id='{href[1:]}']").count() == 1, href
        else:
            assert (spying.folder.path / href).is_file(), href
    page.locator(".answers a").first.click()
    assert page.url.endswith("#q-content-left")
    page.locator("#q-content-left .refs a").first.click()
    quoted = page.locator(".cites li:target .quote").inner_text()
    assert '"form":"content"' in quoted


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_headings_and_names(shown: Shown, spying: Report, scheme: str) -> None:
    page = shown(spying.folder.path, scheme=scheme)
    assert page.evaluate(CONTRAST) == []
    levels = page.eval_on_selector_all("h1, h2, h3", "all => all.map(one => +one.tagName[1])")
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    unnamed = (
        "all => all.filter(one => !one.getAttribute('aria-label') && !one.getAttribute('aria-hidden')).length"
    )
    assert page.eval_on_selector_all("svg", unnamed) == 0
    assert page.evaluate("document.documentElement.lang") == "en"


FITS = """() => [...document.querySelectorAll('svg.graph text, svg.timeline text')].filter(one => {
  const text = one.getBBox(), room = one.ownerSVGElement.viewBox.baseVal;
  return text.x < 0 || text.x + text.width > room.width || text.y + text.height > room.height;
}).map(one => one.textContent)"""
"""Words of drawings that are cut at an edge."""
IN_BOX = """() => { const box = document.querySelector('svg.graph .node').getBBox();
  return [...document.querySelectorAll('svg.graph .nodename')].every(one => one.getBBox().width < box.width - 6) }"""


@pytest.mark.browser
def test_drawings_cut_no_words(shown: Shown, spying: Report, tmp_path: Path) -> None:
    page = shown(spying.folder.path)
    details = page.locator("svg.graph .detail").all_text_contents()
    assert "undeclared · 1 connection · 70.0 kB sent · not readable" in details
    assert page.evaluate(FITS) == [] and page.evaluate(IN_BOX)
    long = [
        made.flow(number, f"{'long-' * 9}{number}.example", 3, sent_bytes=999_000_000, opened=Opened.OPAQUE)
        for number in range(1, 40)
    ]
    other = changed(made.spying(), flows=long)
    page = shown(written(tmp_path / "long", other, name="Rootkit Hunter").folder.path)
    assert page.evaluate(FITS) == [] and page.evaluate(IN_BOX)


@pytest.mark.browser
def test_pairs_in_one_sentence(shown: Shown, spying: Report, behaving: Report) -> None:
    section = "section[aria-labelledby=pairs]"
    assert "In 14 of 16 pairs the marked file fared otherwise" in shown(spying.folder.path).inner_text(
        section
    )
    assert "In none of 4 pairs the marked file fared" in shown(behaving.folder.path).inner_text(section)
    assert "none of them was opened" not in shown(behaving.folder.path).inner_text(section)


@pytest.mark.browser
def test_pairs_that_nobody_opened_show_nothing_and_say_so(shown: Shown, tmp_path: Path) -> None:
    report = written(tmp_path / "idle", changed(made.behaving(), accesses=[]), name="Idle")
    said = shown(report.folder.path).inner_text("section[aria-labelledby=pairs]")
    assert "In none of 4 pairs" in said and "But none of them was opened" in said


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_prints_dark_words_on_white(shown: Shown, spying: Report, scheme: str) -> None:
    page = shown(spying.folder.path, width=800, scheme=scheme)
    page.emulate_media(media="print", color_scheme=scheme)  # type: ignore[arg-type]
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 800  # nothing scrolls on paper


@pytest.mark.browser
def test_wide_tables_are_scrolled_by_keyboard(shown: Shown, spying: Report) -> None:
    """And say by a shade at their edge that there is more."""
    page = shown(spying.folder.path, width=390)
    table = page.locator("section[aria-labelledby=where] .scroll")
    table.focus()
    assert "gradient" in table.evaluate("one => getComputedStyle(one).backgroundImage")
    assert table.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
    page.keyboard.press("ArrowRight")
    page.wait_for_function("one => one.scrollLeft > 0", arg=table.element_handle())


@pytest.mark.browser
def test_dark_and_light_differ(shown: Shown, behaving: Report) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    assert len({shown(behaving.folder.path, scheme=one).evaluate(colour) for one in ("light", "dark")}) == 2


@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 390, 768])
def test_fits_a_phone(shown: Shown, spying: Report, width: int) -> None:
    page = shown(spying.folder.path, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.browser
def test_prints(shown: Shown, spying: Report, tmp_path: Path) -> None:
    page = shown(spying.folder.path)
    page.emulate_media(media="print")
    data = page.pdf(path=tmp_path / "printed.pdf", format="A4", print_background=True)
    assert data.startswith(b"%PDF") and len(data) > 20_000


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Everything that a product can name, named to break the page."""
    base = made.spying()
    evidence = changed(
        base,
        accesses=[made.access(f"/home/alice/{HOSTILE}")],
        processes=[made.process(1, f"/opt/{HOSTILE}", arguments=(HOSTILE,) * 5)],
        flows=[
            replace(
                one,
                name=HOSTILE,
                server_name=HOSTILE,
                requests=(Request(at_s=1.0, method=HOSTILE, target=HOSTILE),),
            )
            for one in base.flows
        ],
        changes=[made.change(f"/etc/cron.d/{HOSTILE}", step=3, detail=HOSTILE)],
    )
    return written(tmp_path_factory.mktemp("hostile") / "report", evidence, name="AV <b>1</b> \u202e")


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1200])
def test_hostile_names_stay_words(shown: Shown, hostile: Report, width: int) -> None:
    page = shown(hostile.folder.path, width)
    assert page.title() != "owned"
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("script").count() == 0
    assert page.locator("h1 b").count() == 0
    assert "<script>document.title" in page.locator("main").inner_text()


def test_hostile_names_in_the_source(hostile: Report) -> None:
    text = (hostile.folder.path / "report.html").read_text()
    assert "<script" not in text
    assert not any(char in text for char in "\x1b\u202e")
    assert "{{ 7*7 }}" in text and "default-src &#39;none&#39;" in text
    assert " src=" not in text and "@import" not in text and "url(" not in text
    assert text.count("</style>") == 1


def test_a_million_accesses_make_no_larger_page(tmp_path: Path) -> None:
    def accesses() -> Iterator[FileAccess]:
        for number in range(30_000):
            yield made.access(f"/home/alice/{number % 7}/{'long' * 30}{number}", process=1 + number % 900)

    processes = [made.process(number, f"/opt/other/{number:04d}/{'x' * 200}") for number in range(1, 901)]
    flows = [
        made.flow(number, f"{number:05d}.{'y' * 50}.example", address="198.18.0.1") for number in range(3000)
    ]
    changes = [made.change(f"/srv/{number}/{'z' * 200}", step=3) for number in range(5000)]
    evidence = made.Evidence(processes=processes, accesses=accesses(), flows=flows, changes=changes)
    report = written(tmp_path / "report", evidence)
    sizes = {
        name: (report.folder.path / name).stat().st_size
        for name in ("report.html", "report.pdf", "oscal.json")
    }
    assert max(sizes.values()) < 2_000_000, sizes


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("evidence/runs/a b/x#1?", "evidence/runs/a%20b/x%231%3F"),
        ("//example.org/", "example.org/"),
        ("../etc/passwd", ""),
        ("javascript:alert(1)", "javascript%3Aalert%281%29"),
    ],
)
def test_links_stay_in_the_report(path: str, link: str) -> None:
    assert address(path) == link


def test_unseen_characters_are_shown() -> None:
    assert plain("a\u202eb\x1b\u00ad\ud800\n") == "a\\u202eb\\x1b\\xad\\ud800\\x0a"
    assert plain("Ünïcödé 文") == "Ünïcödé 文"
    assert len(plain("x" * 10_000)) <= 600


def test_only_whole_pairs_are_compared(tmp_path: Path) -> None:
    """In a run with marked files alone there is no twin to fare otherwise."""
    marked = [one for one in made.canaries() if one.side is not Side.PLAIN]
    other = changed(made.behaving(), run=made.run_record("marked-1", arm=Arm.MARKED), canaries=marked)
    report = written(tmp_path / "report", made.behaving(), other)
    assert [(row.runs, row.opened, row.differs) for row in report.view.pairs] == [(1, (1, 1), False)] * 4
