"""`overt prove`: what the kernel answers to forbidden attempts from inside each kind of process."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from itertools import groupby

from overt.cli.voice import Exit, say, styled
from overt.sandbox.prove import Answer, layers, prove

SCHEMA = "overt-prove/1"


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.description = (
        "From inside each kind of process that Overt uses, attempt what it must not be able to do (open, write, "
        "connect, run programs, trace, make memory executable, use inherited descriptors) and show what the kernel "
        "answered. Exit code 1 when anything succeeded."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of the table")
    parser.add_argument(
        "--unconfined",
        action="store_true",
        help="make the attempts without confinement, to see that they can succeed",
    )


def run(args: argparse.Namespace) -> int:
    """Make all attempts, print the answers."""
    answers = []
    for process, group in groupby(prove(confined=not args.unconfined), key=lambda answer: answer.process):
        if not args.json:
            say(styled(f"{process}:", "bold"))
        for answer in group:
            answers.append(answer)
            if not args.json:
                say(_line(answer))
    held = layers() if not args.unconfined else dict.fromkeys(layers(), "not applied (--unconfined)")
    holes = sum(not answer.denied for answer in answers)
    if args.json:
        say(
            json.dumps(
                {
                    "schema": SCHEMA,
                    "confined": not args.unconfined,
                    "layers": held,
                    "attempts": [asdict(answer) for answer in answers],
                    "succeeded": holes,
                },
                indent=2,
            )
        )
    else:
        for layer, state in held.items():
            say(f"{layer}: {state}")
        say(f"{len(answers)} attempts, {len(answers) - holes} denied, {holes} succeeded")
    return Exit.INFECTED if holes else Exit.OK


def _line(answer: Answer) -> str:
    mark = styled("denied ", "green") if answer.denied else styled("ALLOWED", "red")
    return f"  {mark}  {answer.attempt:<40} {answer.answer}"
