"""`overt conduct certify`: requirements and what a report reaches; certificates and the public log of them."""

from __future__ import annotations

import argparse
from pathlib import Path

from overt.cli.conduct_loading import loaded
from overt.cli.options import add_way_to_witnesses

EXAMPLES = """examples:
  overt conduct certify assess clamscan-report            which requirements a report passes, and the level
  overt conduct certify issue clamscan-report --lab-key lab.pub --folder ~/certifier
  overt conduct certify verify CERTIFICATE --issuer-key issuer.pub --log ~/certifier/public --package clamav.deb \\
    --policy witnesses.txt                                 whose cosignatures you demand
  overt conduct certify withdraw 3f9a --reason "refuted by another run" --folder ~/certifier
  overt conduct certify witnesses witnesses.txt --folder ~/certifier
  overt conduct certify renew --folder ~/certifier        at least daily: fresh cosignatures
  overt conduct certify log ~/certifier/public --issuer-key issuer.pub
  overt conduct certify key --folder ~/certifier          its public key, to give to those who verify

the folder's public/ is for a web server; what else is in it is the certifier's own. See docs/conduct-scheme.md"""

Actions = argparse._SubParsersAction


def configure(parser: argparse.ArgumentParser) -> None:
    """The actions."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="certifying", metavar="ACTION", title="actions", required=True)
    assess = _add(
        actions, "assess", "say which requirements a report passes, and which level it reaches", "relying"
    )
    assess.add_argument("report", type=Path, metavar="REPORT", help="a report's folder")
    _add_issue(actions)
    _add_verify(actions)
    withdraw = _add(actions, "withdraw", "withdraw a certificate, for good")
    withdraw.add_argument("certificate", metavar="ID", help="first column of 'certify log', or its beginning")
    withdraw.add_argument(
        "--reason", required=True, metavar="TEXT", help="one line, which everybody can read"
    )
    _add_folder(withdraw)
    add_way_to_witnesses(withdraw)
    renew = _add(actions, "renew", "have the log witnessed anew, and finish what waited for witnesses")
    _add_folder(renew)
    add_way_to_witnesses(renew)
    witnesses = _add(actions, "witnesses", "name the witnesses that cosign the log, or show them")
    witnesses.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="witnesses and quorum: a C2SP tlog-policy without log line",
    )
    _add_folder(witnesses)
    log = _add(actions, "log", "list the certificates of an issuer's log", "relying")
    log.add_argument("log", type=Path, metavar="DIR", help="the certifier's public/, or a copy of it")
    _add_issuer_key(log)
    _add_demand(log)
    key = _add(
        actions, "key", "print the public key of a folder, made now if it has none, for those who verify"
    )
    key.add_argument(
        "--log", action="store_true", help="the key of its log instead, to give to those who witness"
    )
    _add_folder(key)


def _add(
    actions: Actions[argparse.ArgumentParser], name: str, summary: str, module: str = "issuing"
) -> argparse.ArgumentParser:
    """An action, whose module is loaded only for it."""
    parser = actions.add_parser(name, help=summary, description=f"{summary[:1].upper()}{summary[1:]}.")
    parser.set_defaults(act=loaded(f"{module}:{name}"))
    return parser


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--folder", type=Path, required=True, metavar="DIR", help="the certifier's own, with its key and log"
    )


def _add_issue(actions: Actions[argparse.ArgumentParser]) -> None:
    issue = _add(actions, "issue", "verify and assess a report, sign a certificate and enter it into the log")
    issue.add_argument("report", type=Path, metavar="REPORT", help="a report's folder")
    issue.add_argument(
        "--lab-key",
        type=Path,
        required=True,
        metavar="FILE",
        help="what 'overt conduct key' printed at the lab",
    )
    issue.add_argument(
        "--days", type=int, default=365, metavar="N", help="until it expires (default: 365, at most 397)"
    )
    _add_folder(issue)
    add_way_to_witnesses(issue)


def _add_verify(actions: Actions[argparse.ArgumentParser]) -> None:
    verify = _add(actions, "verify", "check a certificate against its issuer's log", "relying")
    verify.add_argument("certificate", type=Path, metavar="CERTIFICATE", help="a file of public/certificates")
    _add_issuer_key(verify)
    where = verify.add_mutually_exclusive_group(required=True)
    where.add_argument("--log", type=Path, metavar="DIR", help="a copy of the certifier's public/")
    where.add_argument(
        "--proof",
        type=Path,
        metavar="FILE",
        help="its file of public/proofs instead, which tells no withdrawal",
    )
    verify.add_argument(
        "--package",
        type=Path,
        metavar="PATH",
        help="the package, a file or a folder, that it should be about",
    )
    _add_demand(verify)
    verify.add_argument(
        "--report",
        type=Path,
        metavar="REPORT",
        help="the report that it rests on: verify and assess that again",
    )
    verify.add_argument(
        "--lab-key", type=Path, metavar="FILE", help="of the lab that made the report, got elsewhere"
    )


def _add_issuer_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--issuer-key",
        type=Path,
        required=True,
        metavar="FILE",
        help="the certifier's public key, got elsewhere",
    )


def _add_demand(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--policy", type=Path, metavar="FILE", help="witnesses and quorum that you demand: a C2SP tlog-policy"
    )
    parser.add_argument(
        "--max-age",
        type=int,
        default=7,
        metavar="DAYS",
        help="how old cosignatures may be (default: 7): what was withdrawn since may not show",
    )
