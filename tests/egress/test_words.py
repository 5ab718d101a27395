"""The pure parts: URLs and paths, the choice of a proxy, limits, the pace, and the packets."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from overt.core.errors import UsageError
from overt.egress import wire
from overt.egress.address import base_url, is_etag, relative_path
from overt.egress.limits import BOUNDS, CourierLimits
from overt.egress.pace import Pace
from overt.egress.proxy import choose, is_exempt, parse

LIMITS = CourierLimits()


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("http://example.org", "http://example.org/"),
        ("https://Example.ORG:443/a/b", "https://example.org/a/b/"),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
        ("https://127.0.0.1:8443/x/", "https://127.0.0.1:8443/x/"),
        ("http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/"),
    ],
)
def test_base_urls(text: str, same: str) -> None:
    assert str(base_url(text)) == same
    assert str(base_url(same)) == same


@pytest.mark.parametrize(
    "text",
    """ftp://x/ //x/ x http:///a http://u:p@x/ http://x/?q http://x/#f http://x:0/ http://x:99999/ http://bücher.example/
    http://a..b/ http://-a/ http://x/../y http://x//y http://x/a%2f http://[::1/ http://x\r\ny/ file:///etc/passwd
    http://[fe80::1%25eth0]/""".split(" "),
)
def test_urls_that_are_none(text: str) -> None:
    with pytest.raises(UsageError):
        base_url(text)


@given(st.text())
@example("a/../b")
def test_paths_stay_below(text: str) -> None:
    try:
        assert relative_path(text) == text
    except UsageError:
        return
    assert text.isascii() and text.isprintable() and not set(text) & set(' ?#%\\"<>')
    assert all(part not in ("", ".", "..") for part in text.split("/"))


@given(st.text(max_size=300))
def test_etags_fit_a_header(text: str) -> None:
    if is_etag(text):
        assert text.isascii() and text.isprintable() and len(text) <= 256


@pytest.mark.parametrize(
    ("host", "listed", "exempt"),
    [
        ("a.example.org", "example.org", True),
        ("a.example.org", ".example.org", True),
        ("example.org", ".example.org", True),
        ("notexample.org", "example.org", False),
        ("example.org", "a.example.org", False),
        ("x", "*", True),
        ("x", "y, x", True),
        ("x", "y x", True),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("::1", "[::1]", True),
        ("::1", "fe80::/10,::/64", True),
        ("EXAMPLE.org.", "example.ORG", True),
        ("x", "", False),
    ],
)
def test_no_proxy_as_curl_reads_it(host: str, listed: str, exempt: bool) -> None:
    assert is_exempt(host, listed) is exempt


def test_which_proxy() -> None:
    plain, encrypted = base_url("http://example.org/"), base_url("https://example.org/")
    env = {"http_proxy": "http://a:1", "HTTPS_PROXY": "b:2", "ALL_PROXY": "http://c:3"}

    def chosen(setting: str | None, encrypted_too: bool, environ: dict[str, str]) -> str:
        proxy = choose(setting, encrypted if encrypted_too else plain, environ)
        return proxy.url if proxy else ""

    assert chosen(None, False, env) == "http://a:1"
    assert chosen(None, True, env) == "http://b:2"
    assert chosen(None, False, {"ALL_PROXY": "http://c:3"}) == "http://c:3"
    assert chosen(None, False, {"HTTP_PROXY": "http://evil:1"}) == "", (
        "a web server's clients can set that one"
    )
    assert chosen(None, True, {**env, "https_proxy": "http://d:4"}) == "http://d:4", "lower case wins"
    assert chosen(None, True, {**env, "NO_PROXY": "example.org"}) == ""
    assert chosen("", True, env) == ""
    assert chosen("http://e:5", True, {**env, "NO_PROXY": "*"}) == "http://e:5", "a setting is meant"
    assert chosen(None, True, {"https_proxy": "c"}) == "http://c:1080"


def test_a_proxy_s_password_shows_nowhere() -> None:
    proxy = parse("http://me:p%40ss@h:1", "https_proxy")
    assert proxy.credentials == "me:p@ss"
    assert "ss" not in repr(proxy) and "ss" not in proxy.url
    for text in ("socks5://me:secret@h:1", "http://me:secret@", "http://me:secret@h:x"):
        with pytest.raises(UsageError) as caught:
            parse(text, "https_proxy")
        assert "secret" not in str(caught.value) and "https_proxy" in str(caught.value)


@pytest.mark.parametrize("name", BOUNDS)
def test_limits_are_bounded(name: str) -> None:
    low, high = BOUNDS[name]
    assert replace(LIMITS, **{name: type(getattr(LIMITS, name))(high)})
    for value in (low - 1, high + 1):
        with pytest.raises(UsageError, match=name):
            replace(LIMITS, **{name: value})


def test_the_pace() -> None:
    limits = CourierLimits(
        answer_deadline_s=10,
        request_deadline_s=100,
        rate_window_s=5,
        min_rate_bytes_per_s=100,
        total_deadline_s=1000,
    )
    pace = Pace(limits, asked_at=0, ends_at=1000)
    assert pace.fault(9.9) == "" and pace.next_look(4) == 6
    assert "no answer" in pace.fault(10)
    pace.answered(9)
    assert pace.fault(11) == "" and pace.next_look(11) == 3
    pace.arrived(500)
    assert pace.fault(14) == "", "fast enough: the next window begins"
    pace.arrived(499)
    assert "less than 100 bytes per second" in pace.fault(19)
    assert "not complete after 100 s" in pace.fault(100)
    assert "time was up" in Pace(limits, 995, 1000).fault(1000)


@given(st.binary(max_size=300))
def test_packets_are_typed_or_refused(packet: bytes) -> None:
    try:
        message = wire.message_from(packet)
    except msgspec.MsgspecError:
        return
    assert isinstance(message, wire.Ready | wire.Head | wire.Piece | wire.End | wire.Failed)


@pytest.mark.parametrize(
    "message",
    [
        wire.Piece(b""),
        wire.Piece(b"x" * (wire.PIECE_BYTES + 1)),
        wire.Head(99, ""),
        wire.Head(700, ""),
        wire.Failed("LONG", "x" * 401),
        wire.Ask("GET", "x", 1),
    ],
)
def test_packets_out_of_bounds(message: msgspec.Struct) -> None:
    with pytest.raises(msgspec.MsgspecError):
        wire.message_from(wire.encode(message))
