"""Write the verdicts on record (tests/review/verdicts.txt) and print the table of docs/rule-review.md.

Run after a change to the review, look at what moved, and commit both.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.review import sets

from overt.rules.review import Level


def main() -> None:
    """Review all test sets."""
    lines = ["# rule and level; written by scripts/review_verdicts.py"]
    for name in ("spying", "holdout", "honest", "base", "generated"):
        found = sets.reviews(name)
        counts = sets.levels(name)
        print(f"| {name} | {len(found)} | " + " | ".join(str(counts[level]) for level in Level) + " |")
        if name != "generated":
            lines += [
                f"{one.rule} {one.level.value}"
                for one in found
                if one.level is not Level.PASS or name != "base"
            ]
    (sets.HERE / "verdicts.txt").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
