"""The site: as a browser sees it, as feed readers and programs read it, with names made to break it."""

from __future__ import annotations

import http.server
import json
import os
import threading
import xml.etree.ElementTree as xml
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, sync_playwright

from overt.channel import bundle as bundles
from overt.channel.monitor import answer
from overt.channel.monitor.site import diff, feeds, pages, render
from overt.channel.monitor.site.feeds import Entry
from overt.channel.publisher import sources
from overt.core.errors import Malformed
from tests.channel.monitor.conftest import Channel, Watching
from tests.cli.test_html import CHROMIUM, FLAGS
from tests.conftest import require
from tests.waiting import PATIENCE_S

HOSTILE = "<script>document.title='owned'</script>\" onload='x' </pre>\u202e{{ 7*7 }}"
SHELL = """rule Webshell_Upload {
  meta:
    description = "%s"
    author = "Incident team"
  strings:
    $a = "move_uploaded_file($_FILES"
    $b = "%s"
  condition:
    uint16(0) == 0x5a4d and all of them
}
"""


@pytest.fixture
def site(channel: Channel, watching: Watching, tmp_path: Path) -> Path:
    """A site of four releases; one rule's words are hostile, one is published against the review."""
    channel.write("shell", SHELL % ("takes uploads", "eval(base64_decode($_POST"))
    channel.publish("two")
    channel.write("shell", SHELL % ("takes uploads, and cookies", "eval(base64_decode($_COOKIE"))
    channel.write("spy", 'rule Loader { strings: $a = "SECRET//NOFORN" condition: $a }\n')
    channel.overrides = (sources.Override("Loader", "lure of campaign 17"),)
    channel.publish()
    found = bundles.read(channel.bundle("three"))
    rules = tuple(
        replace(rule, description=HOSTILE, author=HOSTILE, source="javascript:alert(1)", override=HOSTILE)
        if rule.name == "three"
        else rule
        for rule in found.manifest.rules
    )
    listed = tuple(replace(rule, name=HOSTILE) if rule.name == "one" else rule for rule in rules)
    channel.publish_bytes(bundles.build(replace(found.manifest, rules=listed), found.files))
    watching.look()
    pages.write(watching.state, tmp_path / "site", "https://monitor.example.org/test")
    return tmp_path / "site"


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    """The site on a small server."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


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
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A small screen; afterwards: nothing was logged, nothing came from elsewhere."""
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.set_default_timeout(1000 * PATIENCE_S)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    page.on(
        "request", lambda request: None if request.url.startswith(address) else problems.append(request.url)
    )
    yield page
    page.close()
    assert not problems


@pytest.mark.browser
def test_every_page_can_be_reached_and_fits_a_phone(page: Page, address: str, site: Path) -> None:
    todo, seen = [f"{address}/index.html"], set()
    while todo:
        url = todo.pop()
        seen.add(url)
        page.goto(url)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, url
        assert page.title() != "owned"
        links = page.eval_on_selector_all("a[href]", "all => all.map(one => one.href)")
        assert not [link for link in links if not link.startswith(("http://", "https://"))]
        local = {link.partition("#")[0] for link in links if link.startswith(address) and ".html" in link}
        todo += [link for link in local if link not in seen and link not in todo]
    assert len(seen) == len(list(site.rglob("*.html")))


@pytest.mark.browser
def test_shows_what_happened_to_a_rule(page: Page, address: str) -> None:
    page.goto(f"{address}/index.html")
    assert page.locator("h1").inner_text() == "Something is wrong with this channel"
    page.get_by_role("link", name="2", exact=True).first.click()
    text = page.locator("main").inner_text()
    assert "lure of campaign 17" in text and "refuse" in text
    assert 'description = "takes uploads"' in page.locator(".diff .old").first.inner_text()
    page.get_by_role("link", name="Webshell_Upload").click()
    assert page.locator(".change").count() == 2
    assert "Release signed by targets-1; witnessed by w0, w1, w2, w3." in page.locator("main").inner_text()


@pytest.mark.browser
def test_rules_can_be_searched(page: Page, address: str) -> None:
    page.goto(f"{address}/rules.html")
    page.fill("#filter", "webSHELL")
    assert page.locator("#rules tbody tr:visible").count() == 1
    assert page.locator("#count").inner_text().startswith("1 of ")


@pytest.mark.browser
def test_dark_and_light_differ(browser: Browser, address: str) -> None:
    colours = set()
    for scheme in ("dark", "light"):
        page = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(f"{address}/index.html")
        colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.close()
    assert len(colours) == 2


def test_hostile_words_stay_words(site: Path) -> None:
    for path in site.rglob("*.html"):
        text = path.read_text()
        assert text.count("<script") == text.count('<script src="filter.js" defer></script>'), path
        assert "javascript:" not in text.replace("javascript:alert(1),", ""), path
        assert "\u202e" not in text and "default-src 'none'" in text


def test_feeds_are_what_their_specifications_want(site: Path) -> None:
    """RFC 4287, 4.1; JSON Feed 1.1."""
    root = xml.parse(site / "feed.atom").getroot()
    space = {"a": feeds.ATOM}
    assert root.tag == f"{{{feeds.ATOM}}}feed"
    for element in (root, *root.findall("a:entry", space)):
        for name in ("id", "title", "updated"):
            found = element.findall(f"a:{name}", space)
            assert len(found) == 1 and found[0].text, name
    entries = root.findall("a:entry", space)
    ids = [one.findtext("a:id", "", space) for one in entries]
    assert len(set(ids)) == len(ids) >= 5 and all(one.startswith("urn:uuid:") for one in ids)
    assert all(one.find("a:link[@rel='alternate']", space) is not None for one in entries)
    assert root.find("a:author/a:name", space) is not None
    feed = json.loads((site / "feed.json").read_bytes())
    assert feed["version"] == feeds.JSON_FEED and feed["title"]
    assert {one["id"] for one in feed["items"]} == set(ids)
    assert all(one["url"].startswith("https://monitor.example.org/test/") for one in feed["items"])


def test_feeds_hold_no_character_that_xml_forbids() -> None:
    entry = Entry("x", "a\x00b\x1b<&\ufffe", "text", "p.html", 0, "release")
    made = feeds.atom("t", "origin", "", [entry])
    assert "a\ufffdb\ufffd<&\ufffd" in [one.text for one in xml.fromstring(made).iter()]


def test_only_what_changed_is_written(channel: Channel, watching: Watching, tmp_path: Path) -> None:
    watching.look()
    folder = tmp_path / "site"
    assert pages.write(watching.state, folder) > 5
    assert pages.write(watching.state, folder) == 0
    old = (folder / "releases" / "0.html").stat().st_ino
    channel.publish("two")
    watching.look()
    (folder / ".index.html.abc.new").write_text("left by a run that was killed")
    written = pages.write(watching.state, folder)
    assert written <= 10
    assert (folder / "releases" / "0.html").stat().st_ino != old
    assert not list(folder.rglob(".*"))
    (folder / "index.html").unlink()
    assert pages.write(watching.state, folder) == 1


def test_many_rules_are_divided_by_letter(channel: Channel, watching: Watching, tmp_path: Path) -> None:
    rule = 'rule %s { strings: $a = "overt-%s-3f9a" condition: uint16(0) == 0x5a4d and $a }\n'
    names = [f"{'abcdefgh_'[n % 9]}rule{n}" for n in range(600)]
    channel.write("many", "".join(rule % (name, name) for name in names))
    channel.publish()
    watching.look()
    pages.write(watching.state, tmp_path / "site")
    assert {path.name for path in (tmp_path / "site").glob("rules-*.html")} == {
        f"rules-{one}.html" for one in (*"abcdefgho", "other")
    }
    assert "arule0" in (tmp_path / "site" / "rules-a.html").read_text()


def test_differences_are_bounded() -> None:
    shown = diff.lines("", "x" * 5000 + "\n" + "y\n" * 5000)
    assert len(shown) == diff.MAX_LINES + 1 and len(shown[0].text) < 1100
    assert diff.lines("", "a\u202eb\tc\x1b")[0].text == "a·b\tc·"
    assert [line.css for line in diff.lines("a\nb\n", "a\nc\n")] == ["same", "old", "new"]


@pytest.mark.parametrize("text", ["javascript:x", "https://a b", 'https://a"', "//x", "data:text/html,x"])
def test_odd_links_are_text(text: str) -> None:
    assert render.link(text) == ""


def test_answers_are_read_strictly(site: Path) -> None:
    data = (site / answer.path_of("Webshell_Upload")).read_bytes()
    told = answer.parse(data, "Webshell_Upload")
    assert [one.what for one in told.items[0].events] == ["appeared", "changed"]
    assert {one.role for one in told.items[0].events[0].signers} == {"targets", "root", "witness"}
    for wrong in (b"", b"[]", data[:-20], data.replace(b"overt-rule-history/1", b"overt-rule-history/2")):
        with pytest.raises(Malformed):
            answer.parse(wrong, "Webshell_Upload")
    with pytest.raises(Malformed, match="not a history of 'two'"):
        answer.parse(data, "two")
