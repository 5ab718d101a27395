"""Configuration files: TOML whose tables are commands and whose keys are those commands' flags.

Values become the defaults of the command's parser, so that a flag always wins over a file, and whatever a flag
accepts, a file accepts. A file with any mistake is refused whole.
"""

from __future__ import annotations

import argparse
import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overt.cli.options import NOT_CONFIGURABLE
from overt.core.errors import UsageError

Options = dict[str, argparse.Action]
"""Key of the configuration file → the flag's action."""


@dataclass(frozen=True, slots=True)
class Document:
    """One configuration file, read."""

    where: str
    text: str
    values: dict[str, Any]

    def error(self, table: str, key: str, problem: str) -> UsageError:
        """An error that names the file, the line (of the table when the key is not found) and the problem."""
        return UsageError(f"{self.where}, line {line_of(self.text, table, key)}: {problem}")


def read(files: Iterable[Path], named: Iterable[str] = ()) -> list[Document]:
    """The `files` that exist, in order, then those `named` by the user, which must exist.

    Raises `UsageError` for a file that cannot be read or is not TOML.
    """
    documents = [_read(str(path)) for path in files if path.exists()]
    return [*documents, *map(_read, named)]


def _read(name: str) -> Document:
    try:
        text = Path(name).read_text(encoding="utf-8")
        return Document(name, text, tomllib.loads(text))
    except OSError as error:
        raise UsageError(f"cannot read the configuration {name}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"the configuration {name} is not valid TOML: {error}") from error


def apply(
    documents: Iterable[Document], parsers: Mapping[str, argparse.ArgumentParser], command: str
) -> None:
    """Make the values for `command` the defaults of its parser; a later document wins.

    Raises `UsageError` with file, line and the nearest valid name for a table that is no command, a key that is no
    flag of it, or a value that the flag would refuse.
    """
    for document in documents:
        for table, values in document.values.items():
            if table not in parsers or not isinstance(values, dict):
                what = (
                    f"[{table}] is no command"
                    if isinstance(values, dict)
                    else f"{table!r} is outside any table"
                )
                raise document.error("", table, f"{what}: {_nearest(table, parsers, 'tables are', '[{}]')}")
        parser = parsers[command]
        parser.set_defaults(**dict(_defaults(document, parser, command)))


def _defaults(document: Document, parser: argparse.ArgumentParser, table: str) -> Iterator[tuple[str, Any]]:
    known = options(parser)
    for key, value in document.values.get(table, {}).items():
        if key not in known:
            if key.replace("-", "_") in NOT_CONFIGURABLE:
                raise document.error(
                    table, key, f"{key} cannot be set in a file: give --{key} when you mean it"
                )
            raise document.error(
                table, key, f"[{table}] has no key {key!r}: {_nearest(key, known, 'keys are', '{}')}"
            )
        try:
            yield known[key].dest, converted(known[key], value)
        except (argparse.ArgumentTypeError, ValueError) as error:
            raise document.error(table, key, f"{key}: {error}") from error


def options(parser: argparse.ArgumentParser) -> Options:
    """The flags of `parser` that a configuration file may set, by key."""
    found = {}
    for action in parser._actions:  # argparse has no public list of a parser's options
        if action.option_strings and action.dest not in NOT_CONFIGURABLE:
            longest = next(flag for flag in action.option_strings if flag.startswith("--"))
            found[longest.removeprefix("--")] = action
    return found


def converted(action: argparse.Action, value: object) -> object:
    """`value` as the flag would give it. Raises `ValueError` or `argparse.ArgumentTypeError` saying what is
    expected."""
    if action.nargs == 0:
        if not isinstance(value, bool):
            raise ValueError(f"expected true or false, not {_shown(value)}")
        return value
    if isinstance(action, argparse._AppendAction):
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError(f'expected a list of texts such as ["one", "two"], not {_shown(value)}')
        return [_one(action, item) for item in value]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(
            f"expected {'a text' if not _is_number(action) else 'a number'}, not {_shown(value)}"
        )
    if not isinstance(value, str) and not _is_number(action):
        raise ValueError(f"expected a text in quotes, not {_shown(value)}")
    return _one(action, str(value))


def _one(action: argparse.Action, text: str) -> object:
    value = action.type(text) if callable(action.type) else text
    if action.choices is not None and value not in action.choices:
        raise ValueError(f"expected one of {', '.join(map(repr, action.choices))}, not {text!r}")
    return value


def _is_number(action: argparse.Action) -> bool:
    return action.metavar in ("SIZE", "N", "SECONDS")


def _shown(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)


def _nearest(name: str, known: Iterable[str], all_are: str, form: str) -> str:
    names = sorted(known)
    if not names:
        return "none of its options can be set in a file"
    close = difflib.get_close_matches(name.replace("_", "-"), names, 1)
    return f"did you mean {form.format(close[0])}?" if close else f"{all_are} {', '.join(names)}"


def line_of(text: str, table: str, key: str) -> int:
    """The line (from 1) that sets `key` in `[table]`; the table's own line, or 1, when it is not found."""
    current, table_line = "", 1
    header = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]")
    pair = re.compile(r"\s*[\"']?([^\"'=\s]+)[\"']?\s*=")
    for number, line in enumerate(text.splitlines(), 1):
        if found := header.match(line):
            current = found[1].strip("\"'")
            if not table and current == key:
                return number
            if current == table:
                table_line = number
        elif (found := pair.match(line)) and (
            (current == table and found[1] == key) or (not current and found[1] == f"{table}.{key}")
        ):
            return number
    return table_line
