"""Charts as inline SVG, made of numbers and escaped labels only; colours come from the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

WIDTH = 440
ROW_HEIGHT = 30
LABEL_WIDTH = 152
VALUE_WIDTH = 96


class Slice(NamedTuple):
    """One part of a whole or one bar: label, size, the size in words, and a CSS class for its colour."""

    label: str
    value: float
    text: str
    css: str


def donut(slices: Sequence[Slice], centre: str, caption: str) -> Markup:
    """A ring of the slices with two lines of text in the middle."""
    total = sum(part.value for part in slices)
    rings, start = Markup(), 0.0
    for part in slices:
        if part.value:
            share = max(part.value / total, 0.004)
            rings += _arc(part, start, min(share, 1.0))
            start += part.value / total
    return Markup(
        '<svg class="donut" viewBox="0 0 200 200" role="img" aria-label="{label}">'
        '<circle class="track" cx="100" cy="100" r="78"/>{rings}'
        '<text class="centre" x="100" y="102">{centre}</text><text class="caption" x="100" y="124">{caption}</text>'
        "</svg>"
    ).format(
        label=", ".join(f"{part.label}: {part.text}" for part in slices),
        rings=rings,
        centre=centre,
        caption=caption,
    )


def _arc(part: Slice, start: float, share: float) -> Markup:
    length = 2 * math.pi * 78
    return Markup(
        '<circle class="arc {css}" cx="100" cy="100" r="78" stroke-dasharray="{on:.2f} {off:.2f}" '
        'transform="rotate({turn:.2f} 100 100)"><title>{label}: {text}</title></circle>'
    ).format(
        css=part.css,
        on=length * share,
        off=length * (1 - share),
        turn=start * 360 - 90,
        label=part.label,
        text=part.text,
    )


def bars(slices: Sequence[Slice]) -> Markup:
    """Horizontal bars, one per slice, with its value in words at the end."""
    highest = max((part.value for part in slices), default=0) or 1
    room = WIDTH - LABEL_WIDTH - VALUE_WIDTH
    rows = Markup().join(
        Markup(
            "<g><title>{label}: {text}</title>"
            '<text class="label" x="0" y="{y}">{short}</text>'
            '<rect class="track" x="{x}" y="{top}" width="{room}" height="12" rx="6"/>'
            '<rect class="{css}" x="{x}" y="{top}" width="{width:.1f}" height="12" rx="6"/>'
            '<text class="value" x="{end}" y="{y}">{text}</text></g>'
        ).format(
            label=part.label,
            short=part.label if len(part.label) <= 22 else part.label[:21] + "…",
            text=part.text,
            css=part.css,
            x=LABEL_WIDTH,
            y=row * ROW_HEIGHT + 19,
            top=row * ROW_HEIGHT + 9,
            room=room,
            width=max(room * part.value / highest, 6),
            end=WIDTH,
        )
        for row, part in enumerate(slices)
    )
    return Markup('<svg class="bars" viewBox="0 0 {width} {height}" role="img">{rows}</svg>').format(
        width=WIDTH, height=len(slices) * ROW_HEIGHT, rows=rows
    )
