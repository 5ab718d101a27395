"""Whether a regular expression fits people's data (account numbers, addresses, names of documents): it is tried on
samples of such data, and on other strings of the same make, which it must not fit."""

from __future__ import annotations

import re
from functools import lru_cache

from overt.rules.review.model import Ground, Kind, shown
from overt.rules.review.shape import regex_source

SAMPLES: tuple[tuple[Kind, str, str], ...] = (
    (Kind.ACCOUNT, "an account number (IBAN)", "DE89370400440532013000"),
    (Kind.ACCOUNT, "an account number (IBAN)", "GB29 NWBK 6016 1331 9268 19"),
    (Kind.ACCOUNT, "an account number (IBAN)", "FR1420041010050500013M02606"),
    (Kind.ACCOUNT, "a payment card's number", "4111111111111111"),
    (Kind.ACCOUNT, "a payment card's number", "5500 0000 0000 0004"),
    (Kind.ACCOUNT, "a payment card's number", "4111-1111-1111-1111"),
    (Kind.ACCOUNT, "a social security number", "078-05-1120"),
    (Kind.ACCOUNT, "a national insurance number", "QQ 12 34 56 C"),
    (Kind.ACCOUNT, "a passport's machine-readable zone", "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<"),
    (Kind.ACCOUNT, "a personal number", "650101-1234"),
    (Kind.ACCOUNT, "a personal number", "110101199003070012"),
    (Kind.CONTACT, "e-mail addresses", "anna.eriksson@example.org"),
    (Kind.CONTACT, "a telephone number", "+44 20 7946 0958"),
    (Kind.CONTACT, "a telephone number", "+491701234567"),
    (Kind.CONTACT, "a telephone number", "(202) 555-0143"),
    (Kind.TOPIC, "a date", "1974-08-12"),
    (Kind.TOPIC, "a date", "12.08.1974"),
    (Kind.TOPIC, "a line of a chat", "[12/08/24, 09:41:07] Anna: see you"),
    (Kind.PERSON, "a person's name", "Anna Eriksson"),
    (Kind.FILE_NAME, "the name of a document", "Board minutes 2024.docx"),
)
CONTROLS = (
    "GetProcAddress",
    "9b1f0c7a5e",
    "kernel32.dll",
    "xK9#q!zP_wT",
    "41414141414141414141414141414141414141414141",
    "%s\\%s.tmp",
    "aGVsbG8gd29ybGQsIGhlbGxv",
    "<?php eval($x); ?>",
    "the quick brown fox",
)
WEIGHTS = {Kind.ACCOUNT: 60, Kind.CONTACT: 35, Kind.TOPIC: 30, Kind.PERSON: 35, Kind.FILE_NAME: 35}
MAX_CHARACTERS = 400
"""Longer expressions are code by their length alone, and are not tried."""
_REPEATED_GROUP = re.compile(r"\)(?:[*+]|\{\d*,\}|\{\d*,\d{2,}\})|(?:\)\{.*){3}")


@lru_cache(maxsize=1 << 15)
def sampled(literal: str, where: str) -> Ground | None:
    """A ground when the expression `literal` (as written in YARA) fits whole samples and none of the controls.
    Expressions that could take long are left out."""
    if len(literal) > MAX_CHARACTERS or _REPEATED_GROUP.search(literal):
        return None
    try:
        expression = re.compile(regex_source(literal))
    except (re.error, OverflowError, RecursionError):
        return None
    if any(_fits(expression, control) for control in CONTROLS):
        return None
    for kind, meaning, sample in SAMPLES:
        if _fits(expression, sample):
            return Ground(kind, where, f"fits {meaning}", shown(literal), WEIGHTS[kind])
    return None


def _fits(expression: re.Pattern[str], text: str) -> bool:
    """Whether it matches most of `text`, set between blanks."""
    match = expression.search(f" {text} ")
    return match is not None and match.end() - match.start() >= 0.7 * len(text)
