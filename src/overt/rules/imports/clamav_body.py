"""ClamAV's `.ndb` and `.ldb` signatures turned into YARA rules, one each.

Follows https://docs.clamav.net/manual/Signatures/ExtendedSignatures.html and LogicalSignatures.html.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from overt.core.model import Severity
from overt.rules.imports.clamav_logic import Subsignature, condition
from overt.rules.imports.clamav_pattern import NotCarried, yara_string
from overt.rules.imports.clamav_place import NORMALISED, place, target

_MODIFIERS = re.compile(r"(.*)::([iwfa]+)")
_PCRE = re.compile(r"(?:([^/:]*):)?([0-9()&|=<>,]+)/(.*)/([a-zA-Z]*)")
_SPECIAL = re.compile(r"\$\{\d+-\d+\}\d+\$|fuzzy_img#|\d+\(.*#.*\)")
_LIMIT = re.compile(r"(\d+)-(\d+)")
_UNNAMED = re.compile(r"[^A-Za-z0-9_]")
LIMITED = {
    "FileSize": "filesize",
    "NumberOfSections": "pe.number_of_sections",
    "EntryPoint": "pe.entry_point",
}
"""Limits of a target description → the value that they limit."""
IGNORED = ("Engine", "Target")
MODULES = ("pe", "elf")


@dataclass(slots=True)
class RuleNames:
    """Gives each signature a rule name that is valid and not yet taken."""

    taken: Counter[str] = field(default_factory=Counter)

    def name(self, signature: str) -> str:
        """`signature` with what YARA does not allow replaced, and a number when it is there already."""
        base = _UNNAMED.sub("_", signature)[:110]
        base = base if base[:1].isalpha() else f"_{base}"
        self.taken[base] += 1
        return base if self.taken[base] == 1 else f"{base}__{self.taken[base]}"


@dataclass(slots=True)
class _Strings:
    """The strings of one rule as they are collected."""

    lines: list[str] = field(default_factory=list)

    def add(self, values: list[str], where: str) -> Subsignature:
        """Declare the ways in which one subsignature is looked for."""
        names = [f"s{len(self.lines) + number}" for number in range(len(values))]
        self.lines += [f"${name} = {value}" for name, value in zip(names, values, strict=True)]
        matched = " or ".join(f"${name}{where}" for name in names)
        # YARA counts matches in a range, but not at a place; there it is one or none.
        counted = where.startswith(" in ") or not where
        times = " + ".join(f"#{name}{where}" for name in names) if counted else None
        return Subsignature(f"({matched})" if len(names) > 1 else matched, times)


def from_ndb(line: str, names: RuleNames, severity: Severity) -> str:
    """The YARA rule for one line of an `.ndb` file. Raises `NotCarried`."""
    parts = line.split(":")
    if not 4 <= len(parts) <= 6:
        raise NotCarried("malformed line")
    signature, number, offset, pattern = parts[:4]
    strings = _Strings()
    found = strings.add(yara_string(pattern, _looseness(number)), place(offset, number))
    return _rule(signature, names, severity, strings, [target(number), found.matched])


def from_ldb(line: str, names: RuleNames, severity: Severity) -> str:
    """The YARA rule for one line of an `.ldb` file. Raises `NotCarried`."""
    parts = line.split(";")
    if len(parts) < 4:
        raise NotCarried("malformed line")
    signature, description, expression, *subsignatures = parts
    block = dict(item.partition(":")[::2] for item in description.split(","))
    number = block.get("Target", "0")
    strings = _Strings()
    read: list[Subsignature] = []
    for text in subsignatures:
        read.append(_subsignature(text, number, strings, read))
    conditions = [target(number), *_limits(block), condition(expression.replace(" ", ""), read)]
    return _rule(signature, names, severity, strings, conditions)


def _looseness(number: str) -> str:
    """ClamAV lowers the case of text before it looks for it; here the pattern is looked for in any case."""
    return "i" if number in NORMALISED else ""


def _subsignature(text: str, number: str, strings: _Strings, before: list[Subsignature]) -> Subsignature:
    if _SPECIAL.search(text):
        raise NotCarried("byte comparison, macro or image subsignature")
    if pcre := _PCRE.fullmatch(text):
        return _pcre(pcre, number, strings, before)
    modifiers = _looseness(number)
    if match := _MODIFIERS.fullmatch(text):
        text, modifiers = match.group(1), modifiers + match.group(2)
    offset, _, pattern = text.rpartition(":")
    return strings.add(yara_string(pattern, modifiers), place(offset, number))


def _pcre(match: re.Match[str], number: str, strings: _Strings, before: list[Subsignature]) -> Subsignature:
    """A regular expression that is looked at when its trigger, an expression over earlier ones, is true."""
    offset, trigger, expression, flags = match.groups()
    if unknown := set(flags) - set("grism"):
        raise NotCarried(f"PCRE flag {sorted(unknown)[0]}")
    if "m" in flags or re.search(r"\(\?|\\[1-9pPGKRXQ]|[*+?}]\+", expression):
        raise NotCarried("PCRE feature that YARA lacks")
    escaped = re.sub(r"(?<!\\)((?:\\\\)*)/", r"\1\\/", expression)
    kept = "".join(flag for flag in "is" if flag in flags)
    found = strings.add([f"/{escaped}/{kept}"], place(offset or "", number))
    return Subsignature(f"({condition(trigger, before)} and {found.matched})", None)


def _limits(block: dict[str, str]) -> list[str]:
    """Conditions for the limits in a target description block."""
    found = []
    for key, value in block.items():
        if key in IGNORED or not key:
            continue
        limit = _LIMIT.fullmatch(value)
        if key not in LIMITED or limit is None:
            raise NotCarried(f"target description {key}:{value}")
        low, high = limit.groups()
        found.append(f"{LIMITED[key]} >= {low} and {LIMITED[key]} <= {high}")
    return found


def _rule(
    signature: str, names: RuleNames, severity: Severity, strings: _Strings, conditions: list[str]
) -> str:
    """The text of one rule, its imports before it."""
    wanted = " and ".join(part for part in conditions if part)
    quoted = signature.replace("\\", "\\\\").replace('"', '\\"')
    return (
        f'rule {names.name(signature)} {{ meta: description = "ClamAV signature {quoted}" severity = "{severity}"\n'
        f"  strings: {' '.join(strings.lines)}\n  condition: {wanted} }}\n"
    )
