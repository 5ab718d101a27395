"""Write the requirements of the conduct scheme into docs/conduct-scheme.md, from the table they are data in."""

from __future__ import annotations

from pathlib import Path

from overt.conduct.certify.document import placed

PAGE = Path(__file__).parents[1] / "docs" / "conduct-scheme.md"

if __name__ == "__main__":
    PAGE.write_text(placed(PAGE.read_text()))
