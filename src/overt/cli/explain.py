"""`overt explain`: why a file is infected or incomplete, and what to do; it is examined as in a scan, confined."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from overt.channel.client.standing import notices, origins, stale
from overt.cli.options import (
    add_configuration,
    add_confinement,
    add_limits,
    add_pack,
    add_passwords,
    file_name,
    limits_of,
    need_standard_input,
    passwords_of,
)
from overt.cli.render.explanation import Explanation, JsonExplanation
from overt.cli.scan import exit_code
from overt.core.errors import PackError, UsageError
from overt.engine import pack as packs
from overt.rules.active import load_active
from overt.scan.building import builder
from overt.scan.request import Request, Sink
from overt.scan.session import run as run_session
from overt.store.paths import paths

EPILOG = """\
exit codes: as for overt scan: 0 clean, 1 infected, 2 an error or incomplete, 130 stopped

example:
  overt explain ~/Downloads/invoice.zip
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """All options."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.usage = "overt explain [OPTION ...] FILE"
    parser.epilog = EPILOG
    parser.add_argument(
        "file", type=file_name, metavar="FILE", help="the file to explain; '-' is standard input"
    )
    parser.add_argument(
        "--json", action="store_true", help="one JSON object, schema overt-explain/1, on standard output"
    )
    add_passwords(parser)
    add_pack(parser)
    add_confinement(parser)
    add_configuration(parser)
    add_limits(parser)


def run(args: argparse.Namespace) -> int:
    """Examine the file, explain, and return the exit code that `overt scan` would."""
    if args.file == "-":
        need_standard_input()
    elif not os.path.isfile(args.file):
        what = "a folder" if os.path.isdir(args.file) else "not a file that can be read"
        raise UsageError(
            f"{args.file} is {what}: name one file, for example one that 'overt scan' has listed"
        )
    request = Request(
        targets=(args.file,),
        limits=limits_of(args),
        passwords=passwords_of(args),
        workers=1,
        cache=False,
        unconfined=args.unconfined,
        pack=args.pack,
        stale=() if args.pack else stale(paths().data),
        notices=() if args.pack else notices(paths().data),
    )
    pack = _pack(args.pack, args.unconfined)
    known = {} if args.pack else origins(paths().data)
    sink: Sink = JsonExplanation(pack, known) if args.json else Explanation(pack, known)
    return exit_code(run_session(request, [sink]), "error")


def _pack(name: str | None, unconfined: bool) -> packs.Pack:
    """The pack whose texts explain. Raises `PackError`."""
    if name is None:
        return load_active(builder=builder(unconfined))
    try:
        return packs.load(Path(name).read_bytes(), name)
    except OSError as error:
        raise PackError(f"cannot read the rule pack {name}: {error.strerror}") from error
