"""Rule name → a harmless file that the rule must match."""

from __future__ import annotations

from tests.base import crime, documents, downloads, executables, linux, office, pages, shells, web

FIXTURES: dict[str, bytes] = {
    name: data
    for module in (crime, documents, downloads, executables, linux, office, pages, shells, web)
    for name, data in module.FIXTURES.items()
}
