"""Runs ready profiles in the conduct lab and keeps their reports in docs/conduct/, with a page that lists them.

    python -m scripts.conduct_reports [NAME ...]     as root, with Debian's package sources; some minutes each

overt-whole wants its wheels first: python -m tests.conduct.wheelhouse /opt/overt-wheels SCRATCH

Evidence names the paths of the Overt that runs the lab: run it from a clone in a place that may be read by everybody.

The evidence of each is kept as one archive beside its folder, where it is small, so that anybody can check the report:
    tar -xJf NAME.evidence.tar.xz -C NAME && overt conduct verify NAME --public-key lab.pub
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from overt.conduct.evidence.conclusions import Verdict
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.report import build, signing
from overt.conduct.report.statement import STATEMENT

DOCS = Path(__file__).parents[1] / "docs/conduct"
NAMES = (
    "clamscan",
    "clamd",
    "clamonacc",
    "freshclam",
    "chkrootkit",
    "rkhunter",
    "overt-scan",
    "overt-quarantine",
    "overt-update",
    "overt-whole",
)
KEPT = ("report.html", "report.pdf", "oscal.json", "statement.dsse.json")
ARCHIVE = ".evidence.tar.xz"
MAX_ARCHIVE_BYTES = 1 << 20
INDEX = DOCS / "answers.json"
"""Product and answers of every report that is kept."""
SHOWN = (
    "content-left",
    "marking",
    "contact",
    "undeclared-contact",
    "plain-transport",
    "beyond-scope-changes",
    "observer",
    "sight",
)
WORDS = {Verdict.YES: "yes", Verdict.NO: "no", Verdict.PARTLY: "partly", Verdict.UNSEEN: "not seen"}


def main() -> int:
    """Run, keep, list."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="profiles (default: all that are kept)")
    for name in parser.parse_args().names or NAMES:
        _make(name)
    (DOCS / "lab.pub").write_text(_key() + "\n", encoding="ascii")
    (DOCS / "README.md").write_text("\n".join(_page()) + "\n", encoding="utf-8")
    return 0


def _make(name: str) -> None:
    with tempfile.TemporaryDirectory() as work:
        out = Path(work) / name
        command = [
            str(Path(sys.executable).with_name("overt")),
            "conduct",
            "run",
            name,
            "--out",
            str(out),
            "--seed",
            "2026",
        ]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        kept = DOCS / name
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        for file in KEPT:
            shutil.copyfile(out / file, kept / file)
        archive = DOCS / (name + ARCHIVE)
        subprocess.run(["tar", "-cJf", str(archive), "-C", str(out), "evidence"], check=True)
        if archive.stat().st_size > MAX_ARCHIVE_BYTES:
            archive.unlink()
        _index(name, ReportFolder(out))


def _index(name: str, report: ReportFolder) -> None:
    index = json.loads(INDEX.read_text()) if INDEX.exists() else {}
    subject = report.subject()
    answers = {one.question: {"verdict": one.verdict, "good": one.good} for one in report.answers()}
    by = build.here().short
    index[name] = {"product": subject.name, "version": subject.version, "build": by, "answers": answers}
    INDEX.write_text(json.dumps(dict(sorted(index.items())), indent=1) + "\n")


def _key() -> str:
    """Of the lab that signed every report that is kept."""
    keys = {
        str(signing.claimed((DOCS / name / STATEMENT).read_bytes(), STATEMENT)["predicate"]["key"])
        for name in json.loads(INDEX.read_text())
    }
    if len(keys) != 1:
        raise SystemExit(f"{len(keys)} keys signed these reports: make all of them in one lab")
    return keys.pop()


def _page() -> Iterator[str]:
    yield "# Reports made here"
    yield ""
    yield "By `overt conduct run NAME`, from Debian's packages, Overt from a clone or (`overt-whole`) from its wheels."
    yield "`python -m scripts.conduct_reports` makes them anew. To check one, in this folder:"
    yield ""
    yield "```"
    yield f"tar -xJf NAME{ARCHIVE} -C NAME && overt conduct verify NAME --public-key lab.pub"
    yield "```"
    yield ""
    yield "(In a clone: `../../run conduct verify …`. All but rkhunter, whose evidence has 160 MB.) An Overt of another"
    yield "build than made the report ends with 4 where it gives other answers, and says which. [lab.pub](lab.pub) is"
    yield "the key of the lab that signed them all."
    yield ""
    yield f"| report | product | {' | '.join(SHOWN)} | build |"
    yield "|---|---|" + "---|" * len(SHOWN) + "---|"
    for name, found in json.loads(INDEX.read_text()).items():
        cells = " | ".join(_cell(found["answers"][question]) for question in SHOWN)
        version = found["version"].removeprefix(found["product"]).strip()
        product = f"{found['product']}, {version or 'version not told'}"
        yield f"| [{name}]({name}/report.html) | {product} | {cells} | {found['build']} |"
    yield ""
    yield "The questions are explained in [conduct reports](../conduct-report.md). *Contact* of freshclam, rkhunter and"
    yield "`overt update` is with the lab's own servers, in their makers' place. What is found of programs"
    yield "that spy, or behave, by design: [the controls](controls.md)."


def _cell(answer: dict[str, Any]) -> str:
    word = WORDS[answer["verdict"]]
    return f"**{word}**" if answer["good"] is False else word


if __name__ == "__main__":
    sys.exit(main())
