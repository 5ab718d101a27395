"""Where something is, in words: the file on disk and the path inside it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from overt.cli.voice import visible
from overt.core.model import Finding

ARROW = " ▸ "
_SURROGATES = re.compile("[\ud800-\udfff]")


def place(path: str, inside: Sequence[str] = ()) -> str:
    """`mail.eml ▸ invoice.zip ▸ a.exe` on one printable line, whatever the names contain."""
    return ARROW.join(visible(name) for name in (path, *inside))


def valid(text: str) -> str:
    """`text` as valid Unicode: bytes that were no UTF-8 (surrogate escapes) become U+FFFD."""
    return _SURROGATES.sub("\ufffd", text)


def path_bytes(path: str) -> bytes | None:
    """The raw bytes of a path that is not valid Unicode; None when its text says it all."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return None


def worst(findings: Sequence[Finding]) -> Finding:
    """The finding of the highest severity; of equals the innermost one, which says best where it is."""
    return max(findings, key=lambda finding: (finding.severity.rank, len(finding.inside)))
