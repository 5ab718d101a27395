"""The corpus: every language in every format, unmarked and with each of its markings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from overt.rules.review.corpus.texts import LANGUAGES
from overt.rules.review.corpus.writers import WRITERS


@dataclass(frozen=True, slots=True)
class Document:
    """One innocent document; `marking` is empty for the one that its marked twins are compared with."""

    name: str
    language: str
    form: str
    marking: str
    data: bytes


def documents() -> Iterator[Document]:
    """All documents, each unmarked one right before its marked twins. The same bytes each time."""
    for language in LANGUAGES:
        for form, write in WRITERS.items():
            for number, marking in enumerate(("", *language.markings)):
                data = write(language, marking)
                if data is not None:
                    name = f"{language.code}-{number:02}.{form}"
                    yield Document(name, language.code, form, marking, data)
