"""A new profile by asking: which questions, and the profile that their answers make."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import tomli_w

from overt.conduct import profile
from overt.core.errors import UsageError

Ask = Callable[[str, str], str]
"""Question and default → answer."""

HOW = {
    "debian": ("Debian packages, by name, separated by spaces", "packages"),
    "archive": ("path of the archive, from where the profile will be", "path"),
    "wheel": ("folder with the wheel and all that it needs", "folder"),
    "folder": ("path of the folder, from where the profile will be", "path"),
    "script": ("path of the script that installs it", "path"),
    "present": ("paths of the program's files on this machine, separated by spaces", "files"),
}
LISTS = frozenset({"packages", "files"})

EXERCISES = (
    ("start", "command that starts its service, if it has one", True),
    ("update", "command that updates it", False),
    ("scan", "command that scans the homes ({home} stands for one)", False),
    ("scan-detection", "command that scans a folder where something will be found ({detections})", False),
    ("uninstall", "command that uninstalls it", False),
)


def interview(ask: Ask) -> str:
    """Ask everything; returns the profile as TOML. Raises `UsageError` when the answers make no profile."""
    answers: dict[str, Any] = {"schema": profile.SCHEMA, "product": _product(ask), "install": _install(ask)}
    answers["step"] = _steps(ask)
    answers["scope"] = [_scope(ask)]
    text = tomli_w.dumps(answers)
    profile.parse(text, "these answers")
    return text


def _product(ask: Ask) -> dict[str, Any]:
    found: dict[str, Any] = {"name": ask("name of the product", "")}
    if maker := ask("who makes it", ""):
        found["maker"] = maker
    if version := ask("command that prints its version", ""):
        found["version"] = _words(version)
    return found


def _install(ask: Ask) -> dict[str, Any]:
    how = ask(f"how is it installed: {', '.join(HOW)}", "debian")
    if how not in HOW:
        raise UsageError(f"{how!r} is no way to install: answer one of {', '.join(HOW)}")
    question, field = HOW[how]
    answer = ask(question, "")
    found: dict[str, Any] = {"how": how, field: answer.split() if field in LISTS else answer}
    if how == "wheel":
        found["name"] = ask("the wheel's name, as pip knows it", "")
    return found


def _steps(ask: Ask) -> list[dict[str, Any]]:
    steps = []
    for kind, question, background in EXERCISES:
        if kind == "uninstall" and (minutes := ask("minutes to watch it doing nothing", "1")) != "0":
            steps.append(
                {
                    "kind": "idle",
                    "command": ["sleep", str(_seconds(minutes))],
                    "timeout_s": _seconds(minutes) + 60,
                }
            )
        if command := ask(question, ""):
            step: dict[str, Any] = {"kind": kind, "command": _words(command)}
            if background:
                step |= {"background": True, "timeout_s": 10}
            if kind in ("scan", "scan-detection"):
                step["expect"] = [0, 1]
            steps.append(step)
    if not steps:
        raise UsageError("nothing is exercised: give at least one command")
    return steps


def _seconds(minutes: str) -> int:
    try:
        return max(1, int(float(minutes) * 60))
    except (ValueError, OverflowError):
        raise UsageError(f"{minutes!r} is no number of minutes") from None


def _scope(ask: Ask) -> dict[str, Any]:
    found: dict[str, Any] = {
        "why": ask("in one sentence: what does it say that it does with files and the network", "")
    }
    for field, question in (
        ("reads", "paths that it says it reads (patterns such as /home/**), separated by spaces"),
        ("writes", "paths that it says it writes"),
        ("connects", "hosts that it says it talks to (name:port)"),
        ("sends", "what of files it says it sends: content, name, digest; empty for nothing"),
    ):
        if answer := ask(question, ""):
            found[field] = answer.split()
    return found


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise UsageError(f"{command!r}: {error}: quote it as a shell wants it") from None
