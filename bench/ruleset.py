"""Rules to measure with: a folder of YARA files, or a generated set of the shape of the large public ones."""

from __future__ import annotations

import random
from pathlib import Path

FILES = 700
RULES_PER_FILE = 8
WORDS = 20_000


def sources(folder: Path | None) -> dict[str, str]:
    """YARA text by name: every `.yar` and `.yara` below `folder`, or about 5,600 generated rules."""
    if folder is None:
        return generated()
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".yar", ".yara"))
    return {str(path.relative_to(folder)): path.read_text("utf-8", "replace") for path in files}


def generated(seed: int = 1) -> dict[str, str]:
    """Half of the rules are for PE files, a few for ELF and documents, the rest for anything; each has a handful of
    text, wide, hex and regular expression strings. That is the shape of signature-base (5,500 rules, 2026)."""
    chance = random.Random(seed)
    words = [_word(chance) for _ in range(WORDS)]
    return {f"file{number}.yar": _source(number, chance, words) for number in range(FILES)}


def _word(chance: random.Random) -> str:
    return "".join(
        chance.choice("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/ ")
        for _ in range(18)
    )


def _source(number: int, chance: random.Random, words: list[str]) -> str:
    rules = "\n".join(_rule(f"r{number}_{index}", chance, words) for index in range(RULES_PER_FILE))
    return f'import "pe"\n{rules}\n'


MODIFIERS = ("", "ascii", "wide", "ascii wide", "fullword ascii", "nocase")
HEADERS = (
    *("uint16(0) == 0x5A4D and filesize < 2000KB and ",) * 52,
    *("uint32(0) == 0x464c457f and ",) * 3,
    *("uint32be(0) == 0x7B5C7274 and ", "uint32(0) == 0xe011cfd0 and ", "uint16(0) == 0x4b50 and "),
    *("filesize < 200KB and ",) * 20,
    *("",) * 22,
)


def _rule(name: str, chance: random.Random, words: list[str]) -> str:
    strings = [f"$s{index} = {_string(chance, words)}" for index in range(chance.randint(2, 12))]
    count = chance.randint(2, len(strings))
    condition = f"{chance.choice(HEADERS)}{count} of them"
    meta = 'author = "generated" description = "measures only" score = 75'
    return f"rule {name} {{ meta: {meta} strings: {' '.join(strings)} condition: {condition} }}"


def _string(chance: random.Random, words: list[str]) -> str:
    kind = chance.random()
    if kind < 0.72:
        return f'"{chance.choice(words)}" {chance.choice(MODIFIERS)}'
    if kind < 0.94:
        data = chance.randbytes(chance.randint(8, 24)).hex(" ").split()
        if chance.random() < 0.5:
            data[len(data) // 2] = chance.choice(("??", "[2-6]", "( 41 | 42 )"))
        return "{ " + " ".join(data) + " }"
    return "/" + chance.choice(words).replace("/", "").replace(".", "\\.") + "[a-z]{2,8}[0-9]+/"
