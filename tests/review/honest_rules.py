"""Honest rules as analysts write them, made from a family's vocabulary by a seeded draw: nothing in them comes from a
published rule set. They add number and variety to the base pack and to `honest/`, and are easier than real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

APIS = """VirtualAllocEx WriteProcessMemory CreateRemoteThread NtUnmapViewOfSection SetWindowsHookExA GetAsyncKeyState
InternetOpenUrlA URLDownloadToFileW CryptEncrypt BCryptGenRandom WinHttpSendRequest RegSetValueExW IsDebuggerPresent
AdjustTokenPrivileges MiniDumpWriteDump OpenProcessToken SetThreadContext QueueUserAPC WSASocketA
ShellExecuteExW""".split()
NAMES = "Frostbite Kestrel Mudlark Ninepin Orrery Pangolin Quillon Redshank Sandpiper Turnstone Umbra Vireo".split()
PHP = [
    "eval(base64_decode(",
    "gzinflate(",
    "$_POST['cmd']",
    "passthru($_GET[",
    "@assert($_REQUEST",
    "str_rot13(",
]
SHELL = [
    "/bin/sh -i",
    "chmod 777 /tmp/.x",
    "wget http://%s/bins.sh",
    "/dev/tcp/",
    "crontab -r",
    "rm -rf /var/log",
]
POWERSHELL = [
    "-EncodedCommand",
    "IEX (New-Object Net.WebClient)",
    "[Reflection.Assembly]::Load(",
    "-bxor",
    "AmsiUtils",
]
PATHS = [
    "%APPDATA%\\{0}\\{0}.exe",
    "\\\\.\\pipe\\{0}",
    "Software\\{0}\\Config",
    "C:\\ProgramData\\{0}.dat",
    "{0}_mutex_%d",
]
MESSAGES = [
    "[+] {0} injected into pid %d",
    "[-] {0}: failed to open process",
    "{0} bot version %s connected",
    "{0} keylogger started",
    "usage: {0} <host> <port>",
    "{0} loader: decryption failed",
]
NOTES = [
    "{0} ransomware: all your files have been encrypted",
    "send the bitcoin to the wallet below and we will decrypt your files",
    "your personal decryption key costs 0.5 btc",
    "download tor browser and open the onion address",
]


def rules(count: int, seed: int = 20261122) -> Iterator[tuple[str, str]]:
    """`count` rules as name and text, the same for the same seed."""
    draw = Random(seed)
    families = (_program, _code, _php, _script, _shell, _note, _document, _module)
    for number in range(count):
        family: Callable[[Random, str], str] = families[number % len(families)]
        name = f"honest_{family.__name__.strip('_')}_{number:03}"
        yield name, f"rule {name} {{ {family(draw, draw.choice(NAMES))} }}"


def _strings(texts: list[str], modifiers: str = "") -> str:
    quoted = (text.replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return "strings: " + " ".join(f'$s{at} = "{text}" {modifiers}' for at, text in enumerate(quoted))


def _program(draw: Random, name: str) -> str:
    texts = [draw.choice(PATHS).format(name), draw.choice(MESSAGES).format(name), *draw.sample(APIS, 3)]
    condition = draw.choice(("all of them", "3 of them", "2 of ($s*)"))
    return (
        f"{_strings(texts, 'ascii wide')} condition: uint16(0) == 0x5a4d and filesize < 2MB and {condition}"
    )


def _code(draw: Random, name: str) -> str:
    octets = [f"{draw.randrange(256):02X}" for _ in range(24)]
    octets[draw.randrange(4, 20)] = "??"
    return f"strings: $c = {{ {' '.join(octets)} }} condition: $c"


def _php(draw: Random, name: str) -> str:
    return f"{_strings(draw.sample(PHP, 3), 'nocase')} condition: filesize < 200KB and 2 of them"


def _script(draw: Random, name: str) -> str:
    return f"{_strings(draw.sample(POWERSHELL, 2), 'nocase wide ascii')} condition: all of them"


def _shell(draw: Random, name: str) -> str:
    kind = draw.choice(("uint32(0) == 0x464c457f", "uint16(0) == 0x2123"))
    return f"{_strings(draw.sample(SHELL, 3))} condition: {kind} and 2 of them"


def _note(draw: Random, name: str) -> str:
    texts = [text.format(name) for text in draw.sample(NOTES, 2)]
    return f"{_strings(texts, 'nocase')} condition: any of them"


def _document(draw: Random, name: str) -> str:
    texts = [
        "VBA_PROJECT",
        draw.choice(("Auto_Open", "Document_Open", "Workbook_Open")),
        "WScript.Shell",
        f"{name}.run(",
    ]
    return f"{_strings(texts)} condition: uint32(0) == 0xe011cfd0 and 3 of them"


def _module(draw: Random, name: str) -> str:
    field = draw.choice(
        (
            f'pe.imphash() == "{draw.randbytes(16).hex()}"',
            f'pe.exports("{name}Entry")',
            f'pe.pdb_path contains "\\\\{name}\\\\Release"',
            f'pe.imports("kernel32.dll", "{draw.choice(APIS)}") and pe.number_of_sections == {draw.randrange(3, 8)}',
        )
    )
    return f"condition: {field}"
