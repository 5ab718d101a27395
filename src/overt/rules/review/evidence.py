"""What one text that a rule looks for speaks of: people and their documents, plain prose, or code."""

from __future__ import annotations

import re
from collections.abc import Iterator

from overt.rules.review.lexicon import GAP, Term, find, find_gapped
from overt.rules.review.model import Ground, Kind, shown
from overt.rules.review.readings import Reading

WEIGHTS = {
    Kind.MARKING: 80,
    Kind.SENSITIVE: 35,
    Kind.TOPIC: 35,
    Kind.ORGANISATION: 30,
    Kind.PERSON: 9,
    Kind.ACCOUNT: 50,
    Kind.CONTACT: 35,
    Kind.FILE_NAME: 35,
}
"""Points that a text of each kind adds."""
STRONG_CODE, CODE, IDENTIFIER, ADDRESS, NO_EVIDENCE = 40, 25, 20, 20, 0
"""Points by which one text speaks of code."""
_TERM_KINDS = {
    "marking": (Kind.MARKING, "a classification or handling marking"),
    "sensitive": (Kind.SENSITIVE, "a word of confidential documents"),
    "topic": (Kind.TOPIC, "a matter of private life or of protected work"),
    "organisation": (Kind.ORGANISATION, "part of an organisation's name"),
}
_DOCUMENT = r"(?:docx?|xlsx?|pptx?|pdf|od[tsp]|rtf|csv|msg|eml|pst|ost|mbox|kdbx|vcf|gpg|pgp|asc|wallet\.dat)"
IBAN = "an account number (IBAN)"
SITE = "a web address or the name of a site"
MAYBE_DOCUMENT = "the name of a file that may be a document"
DECODED = (
    "base64 text",
    "hexadecimal text",
    "escaped bytes",
    "escaped characters",
    "another charset",
    "UTF-16",
)
"""Tricks whose readings are guesses: they may speak of people, but not of code."""
SOFT_WEIGHT = 10
"""Points of what is as common in malware as in documents."""
_SHAPES: tuple[tuple[Kind, str, re.Pattern[str]], ...] = (
    (
        Kind.ACCOUNT,
        IBAN,
        re.compile(
            r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,4})?(?![A-Za-z0-9])"
        ),
    ),
    (
        Kind.ACCOUNT,
        "a machine-readable zone of a passport",
        re.compile(r"\b[PIAC][A-Z<][A-Z]{3}[A-Z<]{5,}<<", re.I),
    ),
    (Kind.ACCOUNT, "a personal or account number", re.compile(r"(?<![\w.])(?:\d[ -]?){8,19}(?![\w.])")),
    (Kind.ACCOUNT, "a social security number", re.compile(r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])")),
    (Kind.CONTACT, "an e-mail address", re.compile(r"[\w.+-]*@[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}", re.I)),
    (
        Kind.CONTACT,
        "a telephone number",
        re.compile(r"(?<!\w)(?:\+|00)\d{1,3}[ ()/.-]{0,2}\d(?:[ ()/.-]?\d){6,12}"),
    ),
    (
        Kind.FILE_NAME,
        "a path in a person's own folders",
        re.compile(
            r"(?:/home/|/users/|\\users\\|documents and settings\\)[^/\\]+[/\\](?:.*[/\\])?"
            r"(?:documents|desktop|dokumente|documentos|mes documents|downloads|pictures|onedrive|dropbox)|"
            r"^/home/\w+/?$|^[a-z]:\\users\\\w+\\?$|thunderbird[/\\]profiles",
            re.I,
        ),
    ),
    (Kind.FILE_NAME, "the name of a document", re.compile(rf"[^\s/\\%*\"<>|:]{{2,}}\.{_DOCUMENT}$", re.I)),
    (
        Kind.FILE_NAME,
        "a folder of an organisation's file server",
        re.compile(r"^\\{2,4}(?!\.)[\w.-]{2,}\\{1,2}(?!(?:pipe|admin|ipc|[a-z])\b)[\w $-]{2,}", re.I),
    ),
    (
        Kind.FILE_NAME,
        "where a document comes from: its author, company, template or editing session",
        re.compile(
            r"<(?:dc|cp|vt|meta|xmp|pdf):\w|lastmodifiedby|<company>|serialnumber>|/basefont|x-mailer:|"
            r"/author ?[(<]|/creator ?[(<]|/producer ?[(<]|w:rsid|xmpmm:|"
            r"\\(?:author|company|operator|manager)\b|name=.?author|x-originating-ip|in-reply-to:",
            re.I,
        ),
    ),
    (
        Kind.CONTACT,
        SITE,
        re.compile(
            r"^(?:https?://|www\.)[a-z0-9-]{2,}(?:\.[a-z0-9-]{2,})*\.[a-z]{2,}/?$|"
            r"^[a-z0-9-]{2,}(?:\.[a-z0-9-]{2,})*\.(?:com|org|net|gov|mil|int|edu|eu)/?$",
            re.I,
        ),
    ),
    (
        Kind.ACCOUNT,
        "a number of a case, a customer or a person",
        re.compile(r"^[A-Za-z]{1,4}[-/ ]\d[\d/ -]{4,22}\d[A-Za-z]?$"),
    ),
    (
        Kind.FILE_NAME,
        MAYBE_DOCUMENT,
        re.compile(r"^[\w .-]{2,}\.(?:txt|zip|png|jpe?g)$", re.I),
    ),
    (
        Kind.TOPIC,
        "a line of a chat or of a mail",
        re.compile(
            r"^\[?\d{1,2}[/.]\d{1,2}[/.]\d{2,4},? \d{1,2}:\d{2}|"
            r"^(?:from|to|cc|bcc|von|an|de|para|da|reply-to|subject|betreff|objet|asunto|oggetto): ?\S",
            re.I,
        ),
    ),
)
_NAME = re.compile(
    r"^(?:(?:dr|mr|mrs|ms|prof|herr|frau|mme|sr|sra)\.? )?[A-Z][a-zà-ÿ'-]+(?: [A-Z]\.)?(?: [A-Z][a-zà-ÿ'-]+){1,2}$"
)
_STRONG = re.compile(
    r"""https?://|\.(?:exe|dll|sys|ps1|vbs|bat|cmd|pdb|php|aspx?|jsp|hta|scr|cpl|ocx|apk|jar|elf|dylib|onion|so)\b|
    <\?php|<script|<%|\beval\b|base64_|\$_(?:get|post|request|server|cookie)|%[sdxuplc]\b|%0?\d*[xdlus]|\w\(|\)\s*;|
    ::|->|=>|\w=\w|=\$|\$\{|\$\(|&&|\|\||
    /bin/|/tmp/|/dev/|/proc/|/etc/|/usr/|/var/|\\x[0-9a-f]{2}|hkey_|software\\|currentversion|system32|%temp%|
    appdata\\|user-agent|mozilla/|createobject|wscript|cmd(?:\.exe)?\s/c|powershell|rundll|regsvr|schtasks|
    kernel32|ntdll|advapi|user32|ws2_32|wininet|msvcrt|getproc|loadlib|virtualal|createproc|createremote|
    \bglobal\\|\\pipe\\|\\device\\|\\\\\.\\|--[a-z]{3,}|\bchmod\b|\bwget\b|\bcurl\b|\bset-|\bget-|\binvoke-|\bnew-object""",
    re.I | re.X,
)
_ADDRESS = re.compile(r"https?://[\w.-]+(?:/[\w./-]*/)?/?", re.I)
_IDENTIFIER = re.compile(
    r"[a-z]{2}[A-Z][a-z]|^[a-z]+[A-Z]|[A-Za-z]\d[A-Za-z]|_|\w\.\w|[{}\[\]<>=;|&$%^~`\\#*@!+]|[A-Za-z]\d{2,}|\d[A-Za-z]{2,}"
)


def shapes_of(text: str) -> Iterator[tuple[Kind, str, str]]:
    """Account numbers, addresses, names of documents and the like in `text`: kind, what it is, where it is."""
    for kind, meaning, shape in _SHAPES:
        match = shape.search(text.strip())
        if match and (meaning != IBAN or is_iban(match.group())):
            yield kind, meaning, match.group()


def is_iban(text: str) -> bool:
    """Whether `text` has an IBAN's check digits (ISO 13616: the rearranged number is 1 modulo 97)."""
    plain = text.replace(" ", "").upper()
    moved = plain[4:] + plain[:4]
    return len(plain) >= 15 and int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


def grounds_of(reading: Reading, where: str) -> tuple[Ground, ...]:
    """What in one reading speaks of people, the heaviest first."""
    text = reading.text.strip()
    if GAP in text:
        return _gapped(text, where)
    found: dict[Kind, Ground] = {}
    for term in find(text, ("marking", "sensitive", "topic", "organisation")):
        kind, meaning = _TERM_KINDS[term.kind]
        if _fitting(term, text) and kind not in found:
            message = f"looks for {meaning}: “{term.text}” ({term.language})"
            found[kind] = Ground(kind, where, message, shown(text), WEIGHTS[kind])
    for kind, meaning, _ in shapes_of(text):
        weight = SOFT_WEIGHT if meaning in (SITE, MAYBE_DOCUMENT) else WEIGHTS[kind]
        found.setdefault(kind, Ground(kind, where, f"looks for {meaning}", shown(text), weight))
    if not found and _NAME.match(text) and not find(text, ("crime",)):
        found[Kind.PERSON] = Ground(
            Kind.PERSON, where, "looks for what may be a person's name", shown(text), WEIGHTS[Kind.PERSON]
        )
    return tuple(sorted(found.values(), key=lambda ground: (-ground.weight, ground.kind)))


def _gapped(text: str, where: str) -> tuple[Ground, ...]:
    term = find_gapped(text)
    if term is None:
        return ()
    message = f"looks for a classification or handling marking with gaps: “{term.text}” ({term.language})"
    return (Ground(Kind.MARKING, where, message, shown(text), WEIGHTS[Kind.MARKING]),)


def _fitting(term: Term, text: str) -> bool:
    """Whether the term makes up enough of `text` to be what is looked for: markings always do where they are several
    words or stand almost alone; other words only where the text is prose."""
    share = len(term.squeezed) / max(sum(char.isalnum() for char in text), 1)
    if term.kind == "marking":
        return share > 0.4 or (len(term.squeezed) >= 6 and " " in term.folded) or (term.dense and share > 0.2)
    return is_prose(text) and (" " in term.folded or term.dense or share >= 0.3)


def is_prose(text: str) -> bool:
    """Whether a person could have written `text` in a letter: words and blanks, no signs or shapes of code."""
    text = text.strip(" \t\r\n.,:;!?-'\"()*/")
    letters = sum(char.isalpha() for char in text)
    if letters < 2 or (not text.isprintable() and not _printable_but_breaks(text)):
        return False
    if letters < 0.5 * len(text):
        return False
    words = sum(char.isalnum() or char.isspace() or char in "'’.,:;!?-()/\"&" for char in text)
    return words >= 0.9 * len(text) and not _IDENTIFIER.search(text) and not _STRONG.search(text)


def _printable_but_breaks(text: str) -> bool:
    return all(char.isprintable() or char in "\r\n\t" for char in text)


def is_token(text: str) -> bool:
    """Whether `text` is one word of the kind that names a person, a file, a machine or a project."""
    return (
        len(text) <= 60 and re.fullmatch(r"(?:https?://[\w./-]+|[\w.@-]*[A-Za-z][\w.@-]*)", text) is not None
    )


def is_binary(text: str) -> bool:
    """Whether `text` is not text: control characters, or signs from all over."""
    odd = sum(not char.isprintable() and char not in "\r\n\t" for char in text)
    return len(text) >= 3 and odd >= 0.15 * len(text)


def _foreign(reading: Reading) -> bool:
    """Whether bytes that are no ASCII make words of an alphabet, which machine code hardly does. Ideographs are left
    out: any bytes make some."""
    letters = [char for char in reading.text if char.isalpha()]
    return (
        reading.trick == "another charset"
        and len(letters) >= 5
        and max(letters) < "\u0e00"
        and (len(set(letters)) >= 4 and all(char.isalpha() or char.isspace() for char in reading.text))
        and len({char.isupper() for char in letters}) == 1
    )


def code_points(readings: tuple[Reading, ...], fixed_bytes: int) -> int:
    """How much a pattern with these readings speaks of code; `fixed_bytes` is how many of its bytes are known."""
    if not readings:
        return NO_EVIDENCE
    best = NO_EVIDENCE
    if any(_foreign(reading) for reading in readings):
        return NO_EVIDENCE
    for reading in [one for one in readings if one.trick not in DECODED][:4]:
        text = reading.text
        if fixed_bytes < 4:
            continue
        if is_binary(text):
            best = max(best, STRONG_CODE if fixed_bytes >= 8 else CODE)
        elif _STRONG.search(text):
            best = max(best, ADDRESS if _ADDRESS.fullmatch(text.strip()) else STRONG_CODE)
        elif _IDENTIFIER.search(text):
            best = max(best, IDENTIFIER if not find(text, ("crime",)) else CODE)
        elif find(text, ("crime",)):
            best = max(best, CODE)
    return best
