"""The options of `overt channel add|list|remove|switch|policy`."""

from __future__ import annotations

import argparse
from pathlib import Path

from overt.cli.options import add_way

MODULES = {
    "add": "overt.cli.joining",
    "list": "overt.cli.subscriptions",
    "remove": "overt.cli.subscriptions",
    "switch": "overt.cli.joining",
    "policy": "overt.cli.subscriptions",
}
"""Which module does an action."""
Actions = argparse._SubParsersAction


def configure(actions: Actions[argparse.ArgumentParser]) -> None:
    """The five actions."""
    _add(actions.add_parser("add", help="take a publisher's rules, from now on"))
    actions.add_parser("list", help="list the channels whose rules this machine takes")
    remove = actions.add_parser("remove", help="take a publisher's rules no longer")
    remove.add_argument("name", metavar="NAME", help="the channel")
    _switch(actions.add_parser("switch", help="move to another publisher, with no unprotected moment"))
    policy = actions.add_parser("policy", help="show whose signatures a channel needs")
    policy.add_argument("name", metavar="NAME", help="the channel")
    policy.add_argument(
        "--accept-root",
        metavar="SHA256",
        help="let this root name witnesses that those before don't vouch for, as its publisher announced",
    )


def _add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="where the channel's static tree is")
    _add_anchor(parser)


def _switch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", metavar="OLD", help="the channel to leave")
    parser.add_argument("url", metavar="NEW-URL", help="where the new channel's static tree is")
    _add_anchor(parser)


def _add_anchor(parser: argparse.ArgumentParser) -> None:
    anchor = parser.add_mutually_exclusive_group(required=True)
    anchor.add_argument(
        "--root", type=Path, metavar="FILE", help="its root file, got from somebody you trust"
    )
    anchor.add_argument("--root-sha256", metavar="HEX", help="or that file's SHA-256")
    parser.add_argument("--name", metavar="NAME", help="what to call it here (default: its own name)")
    parser.add_argument("--from", dest="source", type=Path, metavar="DIR", help="read a copy of the tree")
    add_way(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object (schema overt-update/1)")
