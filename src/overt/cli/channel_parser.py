"""The options of `overt channel`; what does it is loaded when it is known which side asks."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from overt.cli import asking, subscription_parser
from overt.cli.options import add_way_to_witnesses

EXAMPLES = """examples:
  overt channel init demo --name demo --origin localhost/demo --development
  overt channel build demo ~/rules --author me --licence CC0-1.0 --origin https://example.org/rules
  overt channel publish demo rules.tar

  overt channel key alice                                    on each holder's own machine
  overt channel init acme --name acme --origin rules.example.org/acme --witnesses witnesses.txt \\
      --root-key alice.pub … --targets-key erin.pub …
  overt channel sign signing-request.json --key alice.pem    again on the holder's machine
  overt channel publish acme --signed alice.signatures.json …
  overt channel renew acme --passphrase-fd 3 3<secret        daily, or more often

DIR is the publisher's own folder; DIR/public is what a web server serves"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The actions of a publisher, then those of a user."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    _key(actions.add_parser("key", help="make a key, on its holder's machine"))
    _init(actions.add_parser("init", help="plan a channel: its online keys and its first root"))
    _build(actions.add_parser("build", help="make a bundle of rules, the same bytes wherever it is made"))
    _publish(
        actions.add_parser("publish", help="propose a bundle, collect signatures, publish what is signed")
    )
    _sign(actions.add_parser("sign", help="see what is proposed and sign it, on a holder's machine"))
    _renew(actions.add_parser("renew", help="renew what expires, and the witnesses' cosignatures"))
    _rotate(actions.add_parser("rotate", help="propose other keys, thresholds or witnesses"))
    _revoke(actions.add_parser("revoke", help="propose to take back a key or a rule"))
    _status(actions.add_parser("status", help="show releases, expiries, witnesses and what waits for whom"))
    subscription_parser.configure(actions)


def run(args: argparse.Namespace) -> int:
    """Do the action: a publisher's, or a user's. Raises `OvertError`."""
    module = subscription_parser.MODULES.get(args.action, "overt.cli.channel")
    return int(importlib.import_module(module).run(args))


def _folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="the channel's folder")
    asking.configure(parser)


def _key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the holder's name, public")
    parser.add_argument(
        "--to", default=".", metavar="DIR", help="where NAME.pem and NAME.pub go (default: .)"
    )
    parser.add_argument(
        "--token",
        metavar="URI",
        help="use a token's ECDSA key: 'pkcs11:token=LABEL;id=%%02?module-path=/usr/lib/…so'",
    )
    asking.configure(parser)


def _init(parser: argparse.ArgumentParser) -> None:
    _folder(parser)
    parser.add_argument("--name", required=True, help="the channel's name: small letters, digits, '-'")
    parser.add_argument(
        "--origin",
        required=True,
        help="the log's name: its address without scheme, e.g. rules.example.org/acme",
    )
    parser.add_argument("--root-key", action="append", default=[], type=Path, metavar="PUB")
    parser.add_argument("--root-threshold", type=int, default=3, metavar="N", help="default: 3")
    parser.add_argument("--targets-key", action="append", default=[], type=Path, metavar="PUB")
    parser.add_argument("--targets-threshold", type=int, default=2, metavar="N", help="default: 2")
    parser.add_argument(
        "--witnesses",
        type=Path,
        metavar="FILE",
        help="witnesses and quorum: a C2SP tlog-policy without log line",
    )
    parser.add_argument(
        "--development",
        action="store_true",
        help="one person, unencrypted keys in DIR; every client shows that it is so",
    )


def _build(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "sources", nargs="+", metavar="[DIR] SOURCE", help="a sources.toml, or files and folders"
    )
    parser.add_argument("-o", "--output", default="rules.tar", metavar="FILE", help="default: rules.tar")
    parser.add_argument(
        "--channel", metavar="NAME", help="build for this channel, without its folder (no DIR)"
    )
    parser.add_argument("--serial", type=int, metavar="N", help="the release, with --channel")
    parser.add_argument(
        "--after", metavar="BUNDLE", help="the bundle before, whose revocations go on to hold; with --channel"
    )
    parser.add_argument("--part", default="rules", metavar="NAME", help="what the source is called")
    parser.add_argument("--author", default="", help="of rules that name none; needed without a sources.toml")
    parser.add_argument("--licence", default="", help="of rules that name none; needed, too")
    parser.add_argument(
        "--origin", default="", metavar="URL", help="where anyone can get the source; needed, too"
    )
    parser.add_argument(
        "--content",
        default="",
        choices=("program", "document"),
        help="what the hashes are of, for the review",
    )
    parser.add_argument(
        "--keep-sources",
        type=Path,
        metavar="DIR",
        help="write what was read to DIR/RELEASE.tar.gz: published, it lets monitors build the bundle again",
    )
    parser.add_argument(
        "--unconfined", action="store_true", help="review even where the review can't be confined"
    )
    parser.add_argument(
        "--leave-out-broken", action="store_true", help="build without what can't be read or compiled"
    )
    asking.configure(parser)


def _publish(parser: argparse.ArgumentParser) -> None:
    _folder(parser)
    parser.add_argument("bundle", nargs="?", metavar="BUNDLE", help="made by 'overt channel build'")
    parser.add_argument(
        "--signed", nargs="+", action="extend", default=[], type=Path, metavar="FILE", help="from the holders"
    )
    add_way_to_witnesses(parser)


def _sign(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("request", metavar="REQUEST", help="signing-request.json")
    parser.add_argument("--key", required=True, metavar="KEY", help="a key file, or a token's 'pkcs11:' URI")
    parser.add_argument(
        "--bundle", metavar="FILE", help="check that this is the bundle, and show what is in it"
    )
    parser.add_argument(
        "--to", metavar="FILE", help="where the signatures go (default: KEYID.signatures.json)"
    )
    parser.add_argument("-y", "--yes", action="store_true", help="don't ask")
    asking.configure(parser)


def _renew(parser: argparse.ArgumentParser) -> None:
    _folder(parser)
    add_way_to_witnesses(parser)


def _rotate(parser: argparse.ArgumentParser) -> None:
    _folder(parser)
    parser.add_argument("--add-root-key", action="append", default=[], type=Path, metavar="PUB")
    parser.add_argument("--add-targets-key", action="append", default=[], type=Path, metavar="PUB")
    parser.add_argument("--remove", action="append", default=[], metavar="NAME", help="a holder or key ID")
    parser.add_argument("--root-threshold", type=int, metavar="N")
    parser.add_argument("--targets-threshold", type=int, metavar="N")
    parser.add_argument("--witnesses", type=Path, metavar="FILE", help="other witnesses or another quorum")
    parser.add_argument(
        "--new-key",
        action="append",
        default=[],
        choices=("snapshot", "timestamp", "log"),
        help="a new online key (timestamp's is always new)",
    )


def _revoke(parser: argparse.ArgumentParser) -> None:
    _folder(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--key", metavar="NAME", help="a holder, a key ID, or snapshot, timestamp, log")
    what.add_argument("--rule", metavar="NAME", help="a rule of the newest bundle")
    parser.add_argument("--instead", type=Path, metavar="PUB", help="the key that takes its place")
    parser.add_argument("--reason", help="why the rule is taken back: users read it")


def _status(parser: argparse.ArgumentParser) -> None:
    _folder(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object (schema overt-channel-status/1)")
