"""`overt quarantine`: what is in the vault, and out of it again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from overt.cli.quantities import counted
from overt.cli.render.quarantine import as_json, details, line
from overt.cli.voice import Exit, note, say, visible
from overt.core.errors import UsageError, VaultError
from overt.store.paths import paths
from overt.vault import Vault
from overt.vault.export import PASSWORD

EXAMPLES = """examples:
  overt quarantine list
  overt quarantine show 3f9a
  overt quarantine restore 3f9a
  overt quarantine restore 3f9a --to ~/Desktop
  overt quarantine delete 3f9a --yes
  overt quarantine export 3f9a --plain --to /tmp

an ID is the first column of the list; its beginning is enough"""

WHICH = "first column of the list, or its beginning"


def configure(parser: argparse.ArgumentParser) -> None:
    """The five actions."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="actions", required=True)
    _configure_looking(actions)
    _configure_leaving(actions)


def _configure_looking(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    listing = actions.add_parser("list", help="one line per quarantined file, oldest first")
    listing.add_argument("--json", action="store_true", help="JSON Lines (schema overt-quarantine/1)")
    listing.set_defaults(act=_list)
    show = actions.add_parser("show", help="everything that is known of a file")
    show.add_argument("ids", nargs="+", metavar="ID", help=WHICH)
    show.add_argument("--json", action="store_true", help="JSON Lines (schema overt-quarantine/1)")
    show.set_defaults(act=_show)


def _configure_leaving(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    restore = actions.add_parser("restore", help="put files back as they were, and out of quarantine")
    restore.add_argument("ids", nargs="+", metavar="ID", help=WHICH)
    restore.add_argument(
        "--to", type=Path, metavar="PATH", help="another file name, or a folder to restore into"
    )
    restore.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    restore.set_defaults(act=_restore)
    delete = actions.add_parser("delete", help="delete quarantined files for good")
    delete.add_argument("ids", nargs="*", metavar="ID", help=WHICH)
    delete.add_argument("--all", action="store_true", help="everything in quarantine")
    delete.add_argument("-y", "--yes", action="store_true", help="don't ask")
    delete.set_defaults(act=_delete)
    export = actions.add_parser(
        "export", help="copy a quarantined file for an analyst; it stays in quarantine"
    )
    export.add_argument("ids", nargs="+", metavar="ID", help=WHICH)
    export.add_argument(
        "--to", type=Path, default=Path("."), metavar="PATH", help="file name or folder (default: .)"
    )
    export.add_argument(
        "--plain", action="store_true", help=f"the content itself, in a zip with the password `{PASSWORD}`"
    )
    export.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    export.set_defaults(act=_export)


def run(args: argparse.Namespace) -> int:
    """Settle what an interruption left, then act. Raises `OvertError`."""
    vault = Vault(paths().vault)
    for settled in vault.recover():
        where = f": {visible(settled.path)}" if settled.path else ""
        note(f"overt: an interrupted step was found for {settled.id}: {settled.outcome.value}{where}")
    act: Callable[[Vault, argparse.Namespace], int] = args.act
    return act(vault, args)


def _list(vault: Vault, args: argparse.Namespace) -> int:
    survey = vault.survey()
    for exhibit in survey.exhibits:
        say(as_json(exhibit) if args.json else line(exhibit))
    for damage in survey.damaged:
        note(f"overt: {damage.id} is damaged: {visible(damage.detail)}")
    if not survey.exhibits and not survey.damaged and not args.json:
        note("nothing is in quarantine")
    return Exit.ERROR if survey.damaged else Exit.OK


def _show(vault: Vault, args: argparse.Namespace) -> int:
    for index, id in enumerate(args.ids):
        exhibit = vault.entry(id)
        if args.json:
            say(as_json(exhibit))
            continue
        if index:
            say()
        for text in details(exhibit):
            say(text)
    return Exit.OK


def _restore(vault: Vault, args: argparse.Namespace) -> int:
    if args.to is not None and len(args.ids) > 1 and not args.to.is_dir():
        raise UsageError(f"--to {str(args.to)!r} is no folder: it takes one ID, or an existing folder")

    def act(id: str) -> None:
        restored = vault.restore(id, args.to, args.overwrite)
        say(f"restored {restored.exhibit.id} to {visible(restored.path)}")
        for text in restored.notes:
            note(f"overt: {restored.exhibit.id}: {visible(text)}")

    return _each(args.ids, act)


def _delete(vault: Vault, args: argparse.Namespace) -> int:
    if bool(args.ids) == args.all:
        raise UsageError("say which files to delete: identifiers, or --all")
    ids = _all_ids(vault) if args.all else args.ids
    if ids and not args.yes and not _agreed(f"delete {counted(len(ids), 'quarantined file')} for good?"):
        note("nothing was deleted")
        return Exit.ERROR
    return _each(ids, lambda id: say(f"deleted {vault.delete(id)}"))


def _all_ids(vault: Vault) -> list[str]:
    survey = vault.survey()
    return [exhibit.id for exhibit in survey.exhibits] + [damage.id for damage in survey.damaged]


def _agreed(question: str) -> bool:
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("deleting can't be undone: confirm with --yes")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _export(vault: Vault, args: argparse.Namespace) -> int:
    if len(args.ids) > 1 and not args.to.is_dir():
        raise UsageError(f"--to {str(args.to)!r} is no folder: it takes one ID, or an existing folder")

    def act(id: str) -> None:
        path = vault.export(id, args.to, args.plain, args.overwrite)
        say(f"exported {id} to {visible(path)}" + (f" (password: {PASSWORD})" if args.plain else ""))

    return _each(args.ids, act)


def _each(ids: list[str], act: Callable[[str], None]) -> int:
    """Act on every identifier; one that fails is said so and does not stop the others."""
    code = Exit.OK
    for id in ids:
        try:
            act(id)
        except VaultError as error:
            note(f"overt: {error}")
            code = Exit.ERROR
    return code
