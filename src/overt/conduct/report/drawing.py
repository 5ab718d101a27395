"""Drawings as inline SVG: numbers and escaped words only; colours come from the page's style sheet.

Every drawing is wide enough to be read on a phone, says in its `aria-label` what it shows, and stands beside a table
that says the same in words.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from markupsafe import Markup

from overt.conduct.evidence.records import Opened
from overt.conduct.judge.answering import bytes_text, counted
from overt.conduct.judge.network import Contact
from overt.conduct.report.printable import plain
from overt.conduct.report.timeline import BINS, Point, TimeLine

GRAPH_WIDTH, ROW, PRODUCT_WIDTH = 670, 46, 134
NAME_LENGTH, NAME_ROW = 14, 17
"""Characters of a name that a line of the product's box holds, and the height of a line."""
MAX_NAME = 80
"""Characters of the product's name."""
MAX_DRAWN = 16
"""Destinations in the graph; the table below it has more."""
LINE_WIDTH = 720
LINE_LEFT = 4


def graph(product: str, contacts: Sequence[Contact]) -> Markup:
    """The product on the left, its destinations on the right; a line is as wide as what was sent is long."""
    drawn, product = contacts[:MAX_DRAWN], plain(product, MAX_NAME)
    height = _height(len(drawn))
    most = max((one.sent_bytes for one in drawn), default=0)
    rows = Markup().join(_edge(one, index, len(drawn), most) for index, one in enumerate(drawn))
    label = f"{product} and {counted(len(contacts), 'destination')}: " + "; ".join(map(_words, drawn))
    return Markup(
        '<svg class="graph" viewBox="0 0 {width} {height}" role="img" aria-label="{label}">{rows}'
        '<rect class="node" x="2" y="{top}" width="{box}" height="48" rx="10"/>'
        "{name}</svg>"
    ).format(
        width=GRAPH_WIDTH,
        height=height,
        label=plain(label, 1500),
        rows=rows,
        top=height / 2 - 24,
        box=PRODUCT_WIDTH,
        name=_name(product, height / 2 + 5),
    )


def _name(product: str, y: float) -> Markup:
    """In the box: in two lines where one is too short for it."""
    lines = [product] if len(product) <= NAME_LENGTH else textwrap.wrap(product, NAME_LENGTH)
    if len(lines) > 2:
        lines = [lines[0], " ".join(lines[1:])]
    return Markup().join(
        Markup('<text class="nodename" x="{x}" y="{y}">{text}</text>').format(
            x=2 + PRODUCT_WIDTH / 2,
            y=y + NAME_ROW * (index - (len(lines) - 1) / 2),
            text=plain(line, NAME_LENGTH),
        )
        for index, line in enumerate(lines)
    )


def _height(count: int) -> int:
    return max(110, ROW * count + 14)


def _edge(contact: Contact, index: int, count: int, most: int) -> Markup:
    height = _height(count)
    y = height / 2 + ROW * (index - (count - 1) / 2)
    start, end = PRODUCT_WIDTH + 2, PRODUCT_WIDTH + 96
    width = 1.5 + 10.5 * (math.sqrt(contact.sent_bytes / most) if most else 0)
    css = "declared" if contact.declared else "undeclared"
    opaque = " opaque" if Opened.OPAQUE in contact.opened else ""
    return Markup(
        '<g class="{css}{opaque}"><title>{words}</title>'
        '<path class="edge" d="M{start} {middle} C{bend} {middle} {bend2} {y} {end} {y}" stroke-width="{width:.1f}"/>'
        '<circle class="dot" cx="{end}" cy="{y}" r="7"/>'
        '<text class="place" x="{text}" y="{upper}">{place}</text>'
        '<text class="detail" x="{text}" y="{lower}">{detail}</text></g>'
    ).format(
        css=css,
        opaque=opaque,
        words=plain(_words(contact)),
        start=start,
        middle=height / 2,
        bend=start + 50,
        bend2=end - 50,
        y=y,
        end=end,
        width=width,
        text=end + 16,
        upper=y - 2,
        lower=y + 15,
        place=plain(contact.place, 40),
        detail=plain(_detail(contact), 66),
    )


def _words(contact: Contact) -> str:
    declared = "declared" if contact.declared else "undeclared"
    return f"{contact.place}, {declared}, {_detail(contact)}"


def _detail(contact: Contact) -> str:
    mark = "" if contact.declared else "undeclared · "
    unread = " · not readable" if Opened.OPAQUE in contact.opened else ""
    times = counted(contact.flows, "connection")
    return f"{mark}{times} · {bytes_text(contact.sent_bytes)} sent{unread}"


def time_line(line: TimeLine) -> Markup:
    """Steps above, how many files were first opened in the middle, what went out below."""
    width = LINE_WIDTH - 2 * LINE_LEFT
    most = max(line.opens) or 1
    connections = counted(sum(point.flows for point in line.points), "connection")
    seen = line.total_opens is not None
    accesses = (
        counted(line.total_opens or 0, "file access", "file accesses") if seen else "file accesses not seen"
    )
    label = f"run {line.run}: {line.length_s:.0f} s, {counted(len(line.steps), 'step')}, {accesses}, {connections}"
    return Markup(
        '<svg class="timeline" viewBox="0 0 {width} 214" role="img" aria-label="{label}">'
        '<text class="lane" x="{left}" y="12">steps</text>{steps}'
        '<text class="lane" x="{left}" y="66">{lane}</text>{bars}'
        '<text class="lane" x="{left}" y="152">what went out</text>'
        '<line class="axis" x1="{left}" x2="{right}" y1="190" y2="190"/>{points}{ticks}</svg>'
    ).format(
        width=LINE_WIDTH,
        left=LINE_LEFT,
        right=LINE_LEFT + width,
        label=plain(label),
        lane="files opened (inner bars: planted files)" if seen else "files opened: not seen",
        steps=_steps(line, width),
        bars=_bars(line, width, most),
        points=_points(line, width),
        ticks=_ticks(line, width),
    )


def _steps(line: TimeLine, width: float) -> Markup:
    drawn = Markup()
    for number, step in enumerate(line.steps):
        x = LINE_LEFT + step.began_s / line.length_s * width
        wide = max((step.ended_s - step.began_s) / line.length_s * width, 1.5)
        name = step.label if wide > 7 * len(step.label) + 8 else ""
        drawn += Markup(
            "<g><title>{label}: {began:.1f} to {ended:.1f} s</title>"
            '<rect class="step s{parity}" x="{x:.1f}" y="18" width="{wide:.1f}" height="26" rx="3"/>'
            '<text class="stepname" x="{middle:.1f}" y="35">{name}</text></g>'
        ).format(
            label=plain(step.label),
            began=step.began_s,
            ended=step.ended_s,
            parity=number % 2,
            x=x,
            wide=wide,
            middle=x + wide / 2,
            name=plain(name),
        )
    return drawn


def _bars(line: TimeLine, width: float, most: int) -> Markup:
    each = width / BINS
    drawn = Markup()
    for css, values in (("opens", line.opens), ("planted", line.planted)):
        for number, value in enumerate(values):
            if value:
                high = max(2.0, 60 * math.log1p(value) / math.log1p(most))
                drawn += Markup(
                    '<rect class="{css}" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}"/>'
                ).format(
                    css=css,
                    x=LINE_LEFT + number * each,
                    y=134 - high,
                    wide=max(each - 0.6, 0.8),
                    high=high,
                )
    return drawn


def _points(line: TimeLine, width: float) -> Markup:
    drawn = Markup()
    for point in line.points:
        css = "sighted" if point.sighted else point.opened.value
        found = ", with something of a planted file" if point.sighted else ""
        drawn += Markup(
            '<circle class="flow {css}" cx="{x:.1f}" cy="174" r="{r:.1f}"><title>{words}</title></circle>'
        ).format(
            css=css,
            x=LINE_LEFT + min(point.at_s / line.length_s, 1) * width,
            r=min(3 + math.log10(1 + point.sent_bytes) * 1.6, 14),
            words=plain(f"{point.at_s:.1f} s: {_flows(point)}{found}"),
        )
    return drawn


def _flows(point: Point) -> str:
    more = f" and others, {counted(point.flows, 'connection')}" if point.flows > 1 else ""
    return f"{bytes_text(point.sent_bytes)} to {point.place}{more}"


def _ticks(line: TimeLine, width: float) -> Markup:
    drawn = Markup()
    for part in range(5):
        anchor = ("start", "middle", "middle", "middle", "end")[part]
        drawn += Markup('<text class="tick" x="{x:.1f}" y="207" text-anchor="{anchor}">{text}</text>').format(
            x=LINE_LEFT + width * part / 4, anchor=anchor, text=f"{line.length_s * part / 4:.3g} s"
        )
    return drawn
