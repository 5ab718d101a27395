"""What the values in a profile look like: what could match nothing, or could never be run, is refused before a run.

The profile says it of a product; what is wrong in it would otherwise show at the end of a run, as the product's fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from pathspec import GitIgnoreSpec

from overt.core.errors import UsageError

MAX_PORT = 65535

_PORT = r"(:(\d{1,5}|\*))?"
_ENDS_IN_PORT = re.compile(r".*:(\d+)", re.DOTALL)
_PATHS = (re.compile(r"!?[/*].*"), "a pattern is from the root, as /home/** is")
FORMS: Mapping[str, tuple[re.Pattern[str], str]] = {
    **dict.fromkeys(("reads", "writes", "executes"), _PATHS),
    "connects": (
        re.compile(rf"(\*\.)?[^\s/:*\[\]]+{_PORT}|\[[0-9A-Fa-f:.]+\]{_PORT}|[0-9A-Fa-f:.]+"),
        "a host is name, name:port or *.name:port, without https:// and without a path",
    ),
    "listens": (
        re.compile(r"(tcp|udp):(\d{1,5}|\*)|unix:\S.*"),
        "it is as tcp:3310, udp:53 or unix:/run/example.sock",
    ),
    "privileges": (re.compile("CAP_[A-Z_]+"), "it is as CAP_NET_RAW; capabilities(7) lists them"),
    "sends": (re.compile("content|name|digest"), "it is content, name or digest"),
}
"""Fields of a scope whose values have a form: that form, and how to say it."""
_HOST = re.compile(r"[^\s/:*\[\]]+")


def check_scope(field: str, values: Sequence[str], where: str) -> None:
    """What could never match is no declaration but a mistake, for which the product would be blamed. Raises
    `UsageError`."""
    if field not in FORMS:
        return
    form, words = FORMS[field]
    for value in values:
        if not form.fullmatch(value):
            raise UsageError(f"{where}: {field} {value!r}: {words}")
        if why := _MORE.get(field, _nothing)(value):
            raise UsageError(f"{where}: {field} {value!r}: {why}")


def _nothing(value: str) -> str:
    return ""


def _pattern(value: str) -> str:
    """Why nothing is among the paths of this pattern, which is then for the root alone, or cannot be read."""
    try:
        taken = [one.include for one in GitIgnoreSpec.from_lines([value]).patterns]
    except ValueError:
        taken = []
    return "" if taken and None not in taken else "this pattern matches no path: it is as in .gitignore"


def _port(value: str) -> str:
    port = _ENDS_IN_PORT.fullmatch(value)
    return f"a port is at most {MAX_PORT}" if port and int(port[1]) > MAX_PORT else ""


def _place(value: str) -> str:
    return "" if value.count(":") > 1 and not value.startswith("[") else _port(value)


def _socket(value: str) -> str:
    return "" if value.startswith("unix:") else _port(value)


_MORE: Mapping[str, Callable[[str], str]] = {
    **dict.fromkeys(("reads", "writes", "executes"), _pattern),
    "connects": _place,
    "listens": _socket,
}


def check_host(name: str, where: str) -> None:
    """Raises `UsageError` for what is no host's name."""
    if not _HOST.fullmatch(name):
        raise UsageError(f"{where} {name!r}: a host is a name, without https://, port and path")


def check_command(words: Sequence[str], where: str) -> None:
    """Raises `UsageError` for a command that names no program."""
    if words and not words[0].strip():
        raise UsageError(f"{where}: the command's first word is empty: it names the program to run")


def check_finds(words: str, where: str) -> None:
    """Raises `UsageError` for words that no line of an output has, from which blanks at its ends are taken."""
    if words != words.strip() or "\n" in words:
        raise UsageError(
            f"{where}: finds {words!r}: words of one line of what it prints, without blanks around them"
        )


def check_environment(variables: Mapping[str, str], where: str) -> None:
    """Raises `UsageError` for a variable that no program can be given."""
    for name in variables:
        if not name or "=" in name:
            raise UsageError(f"{where}: environment {name!r}: a variable's name is not empty and has no =")


def check_present(files: Sequence[str], where: str) -> None:
    """Raises `UsageError` for what does not say where on this machine the product is."""
    for file in files:
        path = PurePosixPath(file)
        if not path.is_absolute() or path == PurePosixPath(path.anchor):
            raise UsageError(
                f"{where}: {file!r}: absolute paths of what the product consists of, as /opt/example"
            )


def check_texts(value: Any, where: str) -> None:
    """Raises `UsageError` where a text holds a zero byte, which no path, word or variable can."""
    if any("\0" in text for text in _texts(value)):
        raise UsageError(f"{where}: a text in it holds a zero byte (\\u0000): take it out")


def _texts(value: Any) -> Iterator[str]:
    """All texts in it, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
