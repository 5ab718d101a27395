"""The report in one line: which answers are unwelcome, which are missing, and what to say first."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from overt.conduct.evidence.conclusions import Answer, Verdict


class Tone(StrEnum):
    """How an answer, or the whole, is to be taken."""

    GOOD = "good"
    BAD = "bad"
    NEUTRAL = "neutral"
    UNSEEN = "unseen"


WORDS = {Verdict.YES: "Yes", Verdict.NO: "No", Verdict.PARTLY: "Partly", Verdict.UNSEEN: "Not seen"}

TITLES = {
    "content-left": "{product} sent the content of files",
    "marking": "{product} treats confidential documents differently",
    "after-detection": "{product} sends what it finds",
    "observer": "{product} tried not to be seen",
    "names-left": "{product} sent the names of files",
    "digests-left": "{product} sent fingerprints of files",
    "certificates": "{product} changed which certificates are trusted",
    "update-integrity": "{product} installs forged updates",
    "secrets": "{product} opened secrets that it had not declared",
    "undeclared-contact": "{product} contacted someone it had not declared",
    "beyond-scope-reads": "{product} opened files that it had not declared",
    "persistence": "{product} starts by itself, undeclared",
    "listening": "{product} waits for connections, undeclared",
    "privileges": "{product} took rights that it was not given",
    "plain-transport": "{product} sends without encryption",
    "beyond-scope-changes": "{product} changed files that it had not declared",
    "beyond-scope-executes": "{product} ran programs that it had not declared",
    "removal": "{product} leaves something behind when removed",
    "sight": "The record of {product} has gaps",
}
"""What an unwelcome answer makes of the headline: the first of these that there is."""

CONTENT = {
    Verdict.NO: "Nothing of the content of files was found in what it sent. ",
    Verdict.YES: "The content of files left, as it had declared. ",
    Verdict.PARTLY: "Whether the content of files left could be seen in part. ",
    Verdict.UNSEEN: "Whether the content of files left could not be seen. ",
}
"""What everybody asks first, where the headline does not say it already."""

CENTRAL = ("content-left", "names-left", "digests-left", "contact", "undeclared-contact", "secrets", "sight")
"""Without these a report can't say that nothing unwelcome was seen."""


def tone_of(answer: Answer) -> Tone:
    """How one answer is to be taken."""
    if answer.verdict is Verdict.UNSEEN:
        return Tone.UNSEEN
    return {True: Tone.GOOD, False: Tone.BAD, None: Tone.NEUTRAL}[answer.good]


def tone(answers: Sequence[Answer]) -> Tone:
    """How the whole is to be taken: bad as soon as one is; good only if nothing central is unseen."""
    tones = {answer.question: tone_of(answer) for answer in answers}
    if Tone.BAD in tones.values():
        return Tone.BAD
    if any(tones.get(name, Tone.UNSEEN) is Tone.UNSEEN for name in CENTRAL):
        return Tone.UNSEEN
    return Tone.GOOD


def title(product: str, answers: Sequence[Answer]) -> str:
    """The headline."""
    bad = [answer.question for answer in answers if tone_of(answer) is Tone.BAD]
    for name, words in TITLES.items():
        if name in bad:
            return words.format(product=product)
    if tone(answers) is Tone.UNSEEN:
        return f"Nothing unwelcome was seen of {product}, and not everything could be seen"
    return f"{product} was seen doing only what it had declared"


def lead(answers: Sequence[Answer]) -> str:
    """The sentences below the headline: what became of the files, and how many answers are of which sort."""
    content = next(
        (CONTENT[one.verdict] for one in answers if one.question == "content-left" and one.good is not False),
        "",
    )
    tones = [tone_of(answer) for answer in answers]
    bad = tones.count(Tone.BAD)
    parts = [f"{content}{bad} of {len(tones)} answers {'is' if bad == 1 else 'are'} unwelcome"]
    if unseen := tones.count(Tone.UNSEEN):
        parts.append(f"{unseen} {'question' if unseen == 1 else 'questions'} could not be answered")
    return ", ".join(parts) + "."
