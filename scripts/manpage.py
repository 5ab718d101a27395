"""Write the manual page of `overt`, made from the command line's own parser.

python -m scripts.manpage [--output docs/overt.1]

The page is kept in the repository, because building the wheel, which installs it, must not need what Overt needs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from argparse_manpage.manpage import Manpage

from overt import __version__
from overt.cli.app import parser as overt_parser

PAGE = Path(__file__).parents[1] / "docs/overt.1"
FILES = """\
.TP
.I /etc/overt/overt.toml
configuration of the machine
.TP
.I $XDG_CONFIG_HOME/overt/overt.toml
configuration of the user, read after it (usually in
.IR ~/.config )
.TP
.I ~/.local/share/overt
rules and quarantine of the user; for root
.I /var/lib/overt
.TP
.I ~/.local/state/overt/ledger
the record of what was fetched, sent, installed and decided; for root
.I /var/lib/overt/ledger
.TP
.I ~/.cache/overt
remembered verdicts; for root
.I /var/cache/overt"""

EXIT_STATUS = """\
.TP
.B 0
everything asked for was done; a scan: every file was examined and is clean
.TP
.B 1
a scan: at least one file is infected
.TP
.B 2
an error, or something could not be examined
.TP
.B 130
stopped with Ctrl-C"""

ENVIRONMENT = """\
.TP
.B NO_COLOR
when set, no colours are used
.TP
.B OVERT_HOME
a folder that holds rules, quarantine, cache, ledger and configuration instead of the usual places"""


def page() -> str:
    """The manual page, in roff (man macros). The same parser gives the same page; the date is the version's."""
    data = {
        "project_name": "overt",
        "version": __version__,
        "date": "",
        "manual_title": "Overt",
        "description": "scan files, confined by the kernel, with verdicts that mean what they say",
    }
    manual = Manpage(overt_parser(), format="pretty", _data=data)
    manual.date = __version__
    manual.add_section("exit status", ">", EXIT_STATUS)
    manual.add_section("environment", ">", ENVIRONMENT)
    manual.add_section("files", ">", FILES)
    return str(manual)


def main() -> None:
    """Write the page where it was asked for."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--output", type=Path, default=PAGE, metavar="FILE")
    output = arguments.parse_args().output
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(page(), encoding="utf-8")
    print(f"{output}: read it with 'man -l {output}'")


if __name__ == "__main__":
    main()
