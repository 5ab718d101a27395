"""Feeds of a channel's releases and alarms: Atom (RFC 4287) and JSON Feed 1.1."""

from __future__ import annotations

import json
import re
import uuid
import xml.etree.ElementTree as xml
from collections.abc import Sequence
from dataclasses import dataclass

from overt.channel.monitor.moment import moment

ATOM = "http://www.w3.org/2005/Atom"
JSON_FEED = "https://jsonfeed.org/version/1.1"
ENTRIES = 100
"""Newest entries in a feed."""
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 can't hold, escaped or not."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `page`: path of its page in the site; `time_s`: seconds since the Epoch."""

    id: str
    title: str
    text: str
    page: str
    time_s: int
    tag: str


def atom(title: str, origin: str, base: str, entries: Sequence[Entry]) -> bytes:
    """The Atom feed; `base` is the site's address, or empty: then links are relative to the feed."""
    xml.register_namespace("", ATOM)
    feed = xml.Element(f"{{{ATOM}}}feed")
    _add(feed, "id", _urn(origin, "feed"))
    _add(feed, "title", title)
    _add(feed, "updated", moment(max((one.time_s for one in entries), default=0)))
    _add(_add(feed, "author"), "name", origin)
    _add(feed, "link", rel="self", href=f"{base}feed.atom")
    _add(feed, "link", rel="alternate", type="text/html", href=f"{base}index.html")
    for one in entries:
        entry = _add(feed, "entry")
        _add(entry, "id", _urn(origin, one.id))
        _add(entry, "title", one.title)
        _add(entry, "updated", moment(one.time_s))
        _add(entry, "link", rel="alternate", type="text/html", href=f"{base}{one.page}")
        _add(entry, "category", term=one.tag)
        _add(entry, "summary", one.text)
    made: bytes = xml.tostring(feed, encoding="utf-8", xml_declaration=True)
    return made + b"\n"


def json_feed(title: str, origin: str, base: str, entries: Sequence[Entry]) -> bytes:
    """The JSON Feed. Without a base there are no addresses in it: they would have to be absolute."""
    items = [
        {
            "id": _urn(origin, one.id),
            "title": one.title,
            "content_text": one.text,
            "date_published": moment(one.time_s),
            "tags": [one.tag],
        }
        | ({"url": f"{base}{one.page}"} if base else {})
        for one in entries
    ]
    feed = {"version": JSON_FEED, "title": title, "description": f"rules of {origin}", "items": items}
    if base:
        feed |= {"home_page_url": base, "feed_url": f"{base}feed.json"}
    return json.dumps(feed, ensure_ascii=False, indent=1).encode() + b"\n"


def _add(parent: xml.Element, name: str, text: str = "", **attributes: str) -> xml.Element:
    clean = {key: _NOT_XML.sub("\ufffd", value) for key, value in attributes.items()}
    child = xml.SubElement(parent, f"{{{ATOM}}}{name}", clean)
    child.text = _NOT_XML.sub("\ufffd", text) or None
    return child


def _urn(origin: str, id: str) -> str:
    """A name that stays, whatever address the site has (RFC 4287, 4.2.6; RFC 9562, 5.5)."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{origin} {id}").urn
