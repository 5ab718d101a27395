"""The report on paper: PDF by reportlab, from the same view as the HTML page; its text can be searched."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from functools import partial
from html import escape
from pathlib import Path

from reportlab import rl_config
from reportlab.graphics.shapes import Circle, Drawing, Line, Rect, String
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    CondPageBreak,
    Flowable,
    KeepTogether,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
)

from overt.conduct.evidence.records import Opened
from overt.conduct.judge.answering import bytes_text, counted
from overt.conduct.report.build import FONTS
from overt.conduct.report.headline import Tone
from overt.conduct.report.printable import plain
from overt.conduct.report.timeline import BINS, TimeLine
from overt.conduct.report.view import ShownAnswer, View

COLOURS = {
    Tone.GOOD: HexColor(0x17714A),
    Tone.BAD: HexColor(0xB52733),
    Tone.NEUTRAL: HexColor(0x45566B),
    Tone.UNSEEN: HexColor(0x8A5A00),
}
SOFT, LINE, PALE, DARK = HexColor(0x566273), HexColor(0xDFE4EA), HexColor(0xA9BBD4), HexColor(0x274F8F)
MAX_FACTS = 25
"""Of one answer; the HTML page has more, the evidence all."""
MAX_ROWS = 80
TIME_LINE_SAYS = (
    "Above: the steps. In the middle: files opened (dark: planted files). Below: connections, the larger, the more was "
    "sent; red: something of a planted file was found in it; amber: its content could not be read."
)
HEADED = 30 * mm
"""Height that a heading needs on a page, with the beginning of what follows."""
WIDTH = A4[0] - 36 * mm


def document(view: View) -> bytes:
    """The whole document."""
    stream = io.BytesIO()
    rl_config.invariant = 1
    regular, bold = _fonts()
    words = _Words(regular, bold)
    template = SimpleDocTemplate(
        stream,
        pagesize=A4,
        leftMargin=18 * mm,
        rightMargin=18 * mm,
        topMargin=16 * mm,
        bottomMargin=18 * mm,
        title=plain(f"Conduct report: {view.subject.name}", 200),
        author=f"overt {plain(view.build.version, 40)}",
        lang="en",
        invariant=1,
    )
    foot = partial(
        _foot, font=regular, text=plain(f"{view.subject.name} · conduct report · {view.made}", 110)
    )
    template.build(list(_story(view, words)), onFirstPage=foot, onLaterPages=foot)
    return stream.getvalue()


class _Words:
    """Paragraphs in the report's styles; all text is escaped."""

    def __init__(self, regular: str, bold: str) -> None:
        self._bold = bold
        self._encode = (lambda text: text) if regular != "Helvetica" else _latin
        base = ParagraphStyle("base", fontName=regular, fontSize=9, leading=12.5, splitLongWords=1)
        self.styles = {
            "text": base,
            "small": ParagraphStyle("small", base, fontSize=7.5, leading=10, textColor=SOFT),
            "fact": ParagraphStyle("fact", base, fontSize=8, leading=10.5, leftIndent=12, bulletIndent=3),
            "title": ParagraphStyle("title", base, fontName=bold, fontSize=19, leading=23, spaceAfter=4),
            "h2": ParagraphStyle(
                "h2",
                base,
                fontName=bold,
                fontSize=13,
                leading=17,
                spaceBefore=12,
                spaceAfter=4,
                keepWithNext=1,
            ),
            "h3": ParagraphStyle("h3", base, fontName=bold, fontSize=9.5, leading=13, spaceBefore=7),
        }

    def __call__(
        self, text: str, style: str = "text", colour: Color | None = None, lead: str = ""
    ) -> Paragraph:
        """`text` in a style, after the bold `lead` in `colour`."""
        front = ""
        if lead:
            front = f'<font name="{self._bold}" color="#{(colour or SOFT).hexval()[2:]}">{self._escaped(lead)}</font> '
        bullet = "•" if style == "fact" else None
        return Paragraph(front + self._escaped(text), self.styles[style], bulletText=bullet)

    def _escaped(self, text: str) -> str:
        return escape(self._encode(plain(text)))


def _latin(text: str) -> str:
    return text.encode("latin-1", "backslashreplace").decode("latin-1")


def _fonts() -> tuple[str, str]:
    """The names of the regular and the bold font; without those of `FONTS` Helvetica, Latin only."""
    if not all(Path(path).exists() for path in FONTS):
        return "Helvetica", "Helvetica-Bold"
    try:
        for name, path in zip(("Report", "Report-Bold"), FONTS, strict=True):
            pdfmetrics.registerFont(TTFont(name, path))
    except TTFError:
        return "Helvetica", "Helvetica-Bold"
    return "Report", "Report-Bold"


def _foot(canvas: Canvas, template: SimpleDocTemplate, font: str, text: str) -> None:
    canvas.saveState()
    canvas.setFont(font, 7.5)
    canvas.setFillColor(SOFT)
    shown = text if font != "Helvetica" else _latin(text)
    canvas.drawString(18 * mm, 10 * mm, shown)
    canvas.drawRightString(A4[0] - 18 * mm, 10 * mm, str(canvas.getPageNumber()))
    canvas.restoreState()


def _story(view: View, words: _Words) -> Iterator[Flowable]:
    yield words(view.title, "title", COLOURS[view.tone])
    yield words(view.lead)
    about = ", ".join(part for part in (view.subject.name, view.subject.version, view.subject.maker) if part)
    modes = f" ({', '.join(view.modes)})" if view.modes else ""
    where = f", on {'; '.join(view.systems)}" if view.systems else ""
    yield words(f"{about}. Observed in {counted(len(view.runs), 'run')}{modes}{where}.", "small")
    for group, answers in view.groups:
        yield from _heading(group, words)
        yield _answers(answers, words)
    yield from _heading("What could not be seen", words)
    if sight := view.answer("sight"):
        yield words(sight.summary)
        yield from (words(fact.text, "fact") for fact in sight.facts[:MAX_FACTS])
    yield from (
        words(f"{one.asked} {one.summary}", "fact") for one in view.answers if one.tone is Tone.UNSEEN
    )
    yield from _destinations(view, words)
    for line in view.time_lines:
        parts = [words(f"When: run {line.run}", "h2"), _time_line(line), words(TIME_LINE_SAYS, "small")]
        yield KeepTogether(parts)
    yield from _pairs(view, words)
    yield from _heading("The facts behind each answer", words)
    for answer in view.answers:
        if answer.name != "sight":
            yield from _facts(answer, words)
    yield from _evidence(view, words)


def _heading(text: str, words: _Words) -> Iterator[Flowable]:
    """Not alone at the foot of a page."""
    yield CondPageBreak(HEADED)
    yield words(text, "h2")


def _answers(answers: Sequence[ShownAnswer], words: _Words) -> Table:
    rows = [
        [words(one.asked, "text"), words(one.summary[:320], "text", COLOURS[one.tone], f"{one.word}.")]
        for one in answers
    ]
    table = Table(rows or [["", ""]], colWidths=[0.36 * WIDTH, 0.64 * WIDTH])
    table.setStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE)])
    return table


def _destinations(view: View, words: _Words) -> Iterator[Flowable]:
    yield from _heading("Where it went", words)
    if not view.contacts:
        yield words("No connection was seen.")
        return
    rows = [("destination", "declared", "protocol", "connections", "sent", "received")]
    rows += [
        (
            one.place,
            "yes" if one.declared else "NO",
            ", ".join(sorted(one.applications)),
            f"{one.flows:,}",
            bytes_text(one.sent_bytes),
            bytes_text(one.received_bytes),
        )
        for one in view.contacts[:MAX_ROWS]
    ]
    yield _table(rows, (0.36, 0.11, 0.14, 0.13, 0.13, 0.13), words)


def _pairs(view: View, words: _Words) -> Iterator[Flowable]:
    if not view.pairs:
        return
    yield from _heading("Marked files and their unmarked twins", words)
    rows = [("pair", "marking", "runs", "opened: marked / plain", "left: marked / plain", "done otherwise")]
    rows += [
        (
            f"{one.number} {one.format}",
            one.marking,
            str(one.runs),
            f"{one.opened[0]} / {one.opened[1]}" if one.opened else "not seen",
            f"{one.left[0]} / {one.left[1]}",
            "; ".join(f"{what}: {marked} / {plain}" for what, marked, plain in one.otherwise) or "nothing",
        )
        for one in view.pairs[:MAX_ROWS]
    ]
    yield _table(rows, (0.14, 0.3, 0.07, 0.13, 0.12, 0.24), words)


def _table(rows: Sequence[Sequence[str]], shares: Sequence[float], words: _Words) -> Table:
    shown = [[words(cell, "small") for cell in row] for row in rows]
    table = Table(shown, colWidths=[share * WIDTH for share in shares], repeatRows=1)
    table.setStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE)])
    return table


def _facts(answer: ShownAnswer, words: _Words) -> Iterator[Flowable]:
    head: list[Flowable] = [
        words(answer.asked, "h3"),
        words(answer.summary, "text", COLOURS[answer.tone], f"{answer.word}."),
    ]
    yield KeepTogether(head)
    for fact in answer.facts[:MAX_FACTS]:
        where = "; ".join(link.text for link in fact.links)
        yield words(f"{fact.text}" + (f" [{where}]" if where else ""), "fact")
    if len(answer.facts) > MAX_FACTS:
        yield words(f"and {len(answer.facts) - MAX_FACTS} more, in the HTML report", "fact")


def _evidence(view: View, words: _Words) -> Iterator[Flowable]:
    yield from _heading("What was examined", words)
    for package in view.subject.packages[:40]:
        yield words(f"{package.name} ({bytes_text(package.size)}), sha256 {package.sha256}", "small")
    for run in view.runs[:20]:
        layers = ", ".join(run.layers)
        yield words(
            f"run {run.name}: {run.arm}, {run.mode}, seed {run.seed}, {run.began}, "
            f"kernel {run.kernel}, observed: {layers}; {run.losses}",
            "small",
        )
    yield Spacer(1, 6)
    yield words(
        f"The evidence is beside this document: {counted(len(view.files) + view.more_files, 'file')}, named with their "
        f"digests in statement.dsse.json. 'overt conduct verify' checks them and judges them again. "
        f"Judged by {view.build}.",
        "small",
    )


def _time_line(line: TimeLine) -> Drawing:
    drawing = Drawing(WIDTH, 118)
    scale = WIDTH / line.length_s
    for number, step in enumerate(line.steps):
        wide = max((step.ended_s - step.began_s) * scale, 1)
        drawing.add(_filled(Rect(step.began_s * scale, 96, wide, 16), (LINE, PALE)[number % 2]))
        if wide > 5 * len(step.label):
            drawing.add(String(step.began_s * scale + 2, 101, step.label, fontSize=6.5))
    if line.total_opens is None:
        drawing.add(String(2, 60, "files opened: not seen", fontSize=6.5))
    _bars(drawing, line.opens, max(line.opens), PALE)
    _bars(drawing, line.planted, max(line.opens), DARK)
    drawing.add(Line(0, 18, WIDTH, 18, strokeColor=SOFT))
    for point in line.points:
        tone = Tone.BAD if point.sighted else Tone.UNSEEN if point.opened is Opened.OPAQUE else Tone.NEUTRAL
        size = 2 + min(point.sent_bytes, 10**6) ** 0.2 / 3
        drawing.add(_filled(Circle(min(point.at_s * scale, WIDTH), 26, size), COLOURS[tone]))
    for part in range(5):
        text = f"{line.length_s * part / 4:.3g} s"
        drawing.add(String((WIDTH - 20) * part / 4, 6, text, fontSize=6.5))
    return drawing


def _bars(drawing: Drawing, values: Sequence[int], most: int, colour: Color) -> None:
    for number, value in enumerate(values):
        if value:
            high = max(1.5, 45 * value / most)
            drawing.add(_filled(Rect(number * WIDTH / BINS, 44, WIDTH / BINS - 0.5, high), colour))


def _filled(shape: Rect | Circle, colour: Color) -> Rect | Circle:
    shape.fillColor, shape.strokeColor = colour, None
    return shape
