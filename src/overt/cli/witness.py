"""`overt witness`: a witness of rule channels, and the archive cosigner."""

from __future__ import annotations

import argparse
import importlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from overt.channel.witness import keys
from overt.channel.witness.archive import Kept, Outcome, Waiver
from overt.channel.witness.following import FOLDER, Looking, look
from overt.channel.witness.office import Office
from overt.channel.witness.state import FILE, LogRow, State
from overt.cli import asking
from overt.cli.quantities import counted, whole
from overt.cli.voice import Exit, note, say, visible
from overt.core.errors import Malformed, UsageError
from overt.sandbox.apart import TaskDied
from overt.store.folders import claim
from overt.store.paths import paths
from overt.tlog.keys import SignatureType, VerifierKey, parse_key
from overt.tlog.text import to_base64
from overt.tlog.witness import MAX_REQUEST_BYTES, Status

EXAMPLES = """examples:
  overt witness init w --name witness.example.org/1
  overt witness add-log w 'rules.example.org/acme+1a2b3c4d+AQ…'
  overt witness serve w --listen 127.0.0.1:8741
  overt witness add-log w 'rules.example.org/acme+1a2b3c4d+AQ…' --archive https://rules.example.org/acme
  overt witness archive w --every 60                         a second process, beside serve
  overt witness status w

DIR is the witness's own folder. Its history must never be taken back to an older copy: see docs/witness.md"""

DEFAULT_LISTEN = "127.0.0.1:8741"
REFUSALS_SHOWN = 5

Actions = argparse._SubParsersAction


def configure(parser: argparse.ArgumentParser) -> None:
    """The seven actions."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    init = _action(actions, "init", "make the witness's key and its empty history", _init)
    init.add_argument(
        "--name",
        required=True,
        metavar="NAME",
        help="the witness's name, for good: an address without its scheme",
    )
    init.add_argument(
        "--post-quantum", action="store_true", help="make an ML-DSA-44 key besides, and sign with both"
    )
    asking.configure(init)
    _configure_add(_action(actions, "add-log", "witness a log, or change its keys or archive", _add_log))
    _configure_serve(_action(actions, "serve", "answer logs and monitors until stopped", _serve))
    answer = _action(actions, "answer", "answer one request that a person carried here", _answer)
    answer.add_argument("request", type=Path, metavar="REQUEST", help="its file; the answer goes beside it")
    asking.configure(answer)
    _configure_archive(
        _action(actions, "archive", "fetch, store and review what is to be cosigned", _archive)
    )
    _configure_accept(_action(actions, "accept", "vouch for releases that the archive refuses", _accept))
    status = _action(actions, "status", "show keys, logs, and what was refused", _status)
    status.add_argument("--json", action="store_true", help="one JSON document (schema overt-witness/1)")


def _action(
    actions: Actions[argparse.ArgumentParser],
    name: str,
    summary: str,
    act: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=summary)
    parser.add_argument("folder", type=Path, metavar="DIR", help="the witness's folder")
    parser.set_defaults(act=act)
    return parser


def _configure_add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("keys", nargs="+", metavar="KEY", help="the log's verifier keys: NAME+ID+BASE64")
    parser.add_argument(
        "--origin", metavar="ORIGIN", help="the log's first line (default: the first key's name)"
    )
    parser.add_argument(
        "--archive",
        default="",
        metavar="SOURCE",
        help="cosign only what was stored and reviewed; SOURCE is the channel's address, or its folder here",
    )


def _configure_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen",
        type=_address,
        default=DEFAULT_LISTEN,
        metavar="HOST:PORT",
        help=f"where; a reverse proxy with TLS belongs before it (default: {DEFAULT_LISTEN})",
    )
    parser.add_argument(
        "--unconfined", action="store_true", help="serve even if the kernel can't lock it down"
    )
    asking.configure(parser)


def _configure_archive(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--every", type=whole, default=0, metavar="S", help="look again every S seconds, until stopped"
    )
    parser.add_argument("--unconfined", action="store_true", help="fetch even if the kernel can't confine it")


def _configure_accept(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Store releases without inspecting their bundles: those from before this archive began, which another version "
        "of Overt reviewed, or one that is refused and that you have looked at yourself."
    )
    parser.add_argument("origin", metavar="ORIGIN", help="the log")
    parser.add_argument(
        "--below", type=whole, required=True, metavar="SERIAL", help="releases before this one"
    )
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; 'status' shows it for good")
    parser.add_argument("--unconfined", action="store_true", help="fetch even if the kernel can't confine it")


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)


def run(args: argparse.Namespace) -> int:
    """Do the action. Raises `OvertError`."""
    act: Callable[[argparse.Namespace], int] = args.act
    return act(args)


def _init(args: argparse.Namespace) -> int:
    if (args.folder / FILE).exists():
        raise UsageError(f"{args.folder} holds a witness already: choose another folder")
    claim(args.folder)
    kinds = [SignatureType.ED25519_COSIGNATURE]
    kinds += [SignatureType.ML_DSA_44_COSIGNATURE] if args.post_quantum else []
    secret = asking.chosen(args, args.name)
    made = tuple(keys.generate(args.folder, args.name, kind, secret) for kind in kinds)
    State.create(args.folder / FILE, made)
    for key in made:
        say(key.encode())
    note(
        f"give these keys to those who rely on this witness; next: overt witness add-log {args.folder} LOG-KEY"
    )
    return Exit.OK


def _state(args: argparse.Namespace) -> State:
    path = args.folder / FILE
    if not path.exists():
        raise UsageError(
            f"{path} is not there: 'overt witness init' makes a new witness. If it was lost, retire this one's key"
        )
    return State(path)


def _add_log(args: argparse.Namespace) -> int:
    given = tuple(_log_key(text) for text in args.keys)
    origin = args.origin or given[0].name
    source = args.archive
    if source and not source.startswith(("http://", "https://")):
        source = str(Path(source).absolute())
    _state(args).add_log(origin, given, source)
    how = "cosigned after it is stored and reviewed" if source else "cosigned"
    say(f"{visible(origin)}: {how}")
    if source:
        note(f"next: overt witness archive {args.folder} --every 60")
    return Exit.OK


def _log_key(text: str) -> VerifierKey:
    try:
        return parse_key(text)
    except Malformed as error:
        raise UsageError(str(error)) from None


def _office(args: argparse.Namespace) -> Office:
    state = _state(args)
    return Office(state, keys.load(args.folder, state.own_keys(), asking.asker(args)))


def _serve(args: argparse.Namespace) -> int:
    host, port = _address(args.listen) if isinstance(args.listen, str) else args.listen
    serving = _serving()
    server = serving.Server(_office(args), _log)
    listening = serving.listen(host, port)
    bound = listening.getsockname()[1]
    server.run(listening, lambda: note(f"listening on {host} port {bound}"), not args.unconfined)
    note("stopped")
    return Exit.OK


def _serving() -> Any:
    """The server's module, which needs a package that only witnesses install."""
    try:
        return importlib.import_module("overt.channel.witness.server")
    except ModuleNotFoundError as error:
        if error.name != "h11":
            raise
        raise UsageError("the server needs another package: install overt[witness]") from None


def _log(line: str) -> None:
    """One line per request; no address of who asked."""
    note(f"{_moment(int(time.time()))} {visible(line)}")


def _moment(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _answer(args: argparse.Namespace) -> int:
    with open(args.request, "rb") as stream:
        body = stream.read(MAX_REQUEST_BYTES + 1)
    answer = _office(args).add_checkpoint(body)
    note(visible(answer.said))
    if answer.status not in (Status.OK, Status.CONFLICT):
        return Exit.ERROR
    path = args.request.with_suffix(".response")
    path.write_bytes(answer.body)
    say(f"answer in {visible(str(path))}")
    return Exit.OK


def _accept(args: argparse.Namespace) -> int:
    state = _state(args)
    log = state.log(args.origin)
    if log is None or not log.source:
        raise UsageError(f"no log {args.origin!r} with an archive: 'overt witness status' lists them")
    if not args.reason.strip():
        raise UsageError("a reason must be written: whoever asks for this witness's record will read it")
    outcome = _followed(args, state, log, Waiver(args.below, args.reason.strip()))
    _say_outcome(outcome)
    return Exit.ERROR if outcome.refused else Exit.OK


def _archive(args: argparse.Namespace) -> int:
    state = _state(args)
    while True:
        logs = [log for log in state.logs().values() if log.source]
        if not logs:
            raise UsageError("no log has an archive: 'overt witness add-log … --archive SOURCE' gives it one")
        outcomes = [_followed(args, state, log) for log in logs]
        for outcome in outcomes:
            _say_outcome(outcome)
        if not args.every:
            return Exit.ERROR if any(outcome.refused for outcome in outcomes) else Exit.OK
        time.sleep(args.every)


def _followed(args: argparse.Namespace, state: State, log: LogRow, waiver: Waiver | None = None) -> Outcome:
    """One look at a channel. A process that dies of it has refused what it looked at."""
    try:
        return look(Looking(args.folder, paths().ledger, args.unconfined), state, log, waiver)
    except TaskDied as error:
        return Outcome(log.origin, 0, 0, str(error))


def _say_outcome(outcome: Outcome) -> None:
    if outcome.new:
        say(f"{visible(outcome.origin)}: {counted(outcome.new, 'release')} approved, {outcome.size} in all")
    elif not outcome.refused:
        say(f"{visible(outcome.origin)}: nothing new, {outcome.size} in all")
    if outcome.refused:
        note(f"overt: {visible(outcome.origin)}: refused: {visible(outcome.refused)}")


def _status(args: argparse.Namespace) -> int:
    state = _state(args)
    archive = Kept(args.folder / FOLDER)
    logs = [_described(state, archive, log) for log in state.logs().values()]
    own = [key.encode() for key in state.own_keys()]
    if args.json:
        say(json.dumps({"schema": "overt-witness/1", "keys": own, "logs": logs}, ensure_ascii=False))
        return Exit.OK
    for key in own:
        say(f"key: {key}")
    for log in logs:
        for line in _lines(log):
            say(visible(line))
    if not logs:
        note(f"no log is witnessed yet; next: overt witness add-log {args.folder} LOG-KEY")
    return Exit.OK


def _described(state: State, archive: Kept, log: LogRow) -> dict[str, Any]:
    approved = state.approved(log.origin)
    release = archive.newest(log.origin, approved[0].size) if approved else None
    return {
        "origin": log.origin,
        "keys": [key.encode() for key in log.keys],
        "size": log.head.size if log.head else None,
        "root": to_base64(log.head.root) if log.head else None,
        "cosigned": _moment(log.cosigned_s) if log.cosigned_s else None,
        "archive": log.source or None,
        "approved": approved[0].size if approved else 0,
        "root_version": release.root.version if release else None,
        "root_sha256": release.root.sha256 if release else None,
        "waived": [{"serial": serial, "reason": reason} for serial, reason in state.waivers(log.origin)],
        "refused": [
            {
                "time": _moment(one.time_s),
                "reason": one.reason,
                "evidence": one.evidence.decode("utf-8", "replace"),
            }
            for one in state.refusals(log.origin)
        ],
    }


def _lines(log: dict[str, Any]) -> list[str]:
    lines = [f"log: {log['origin']}"]
    if log["size"] is None:
        lines.append("  never cosigned")
    else:
        lines.append(
            f"  last cosigned: size {log['size']}, root {log['root']}, {log['cosigned'] or 'unanswered'}"
        )
    if log["archive"]:
        lines.append(
            f"  archive: {counted(log['approved'], 'release')} stored and reviewed, from {log['archive']}"
        )
    if log["root_sha256"]:
        lines.append(f"  root in force: version {log['root_version']}, SHA-256 {log['root_sha256']}")
    lines += [f"  accepted without review: release {one['serial']}: {one['reason']}" for one in log["waived"]]
    lines += [f"  refused {one['time']}: {one['reason']}" for one in log["refused"][:REFUSALS_SHOWN]]
    if len(log["refused"]) > REFUSALS_SHOWN:
        lines.append(
            f"  {len(log['refused']) - REFUSALS_SHOWN} more refusals: --json shows all, with what was signed"
        )
    return lines
