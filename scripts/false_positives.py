"""Scan a large benign corpus with the base pack and fail on any finding that is more than a note.

    python scripts/false_positives.py --fetch 300 --cache ~/.cache/overt-corpus /usr

`--fetch N` downloads N Debian packages (`apt-get download`) and the PyPI packages named below (`pip download`)
into the cache folder, which is scanned too; the engine itself unpacks .deb and .whl files.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from overt.core.limits import Limits
from overt.core.model import Severity
from overt.engine.examine import Examiner
from overt.engine.hashset import HashSets
from overt.engine.matcher import Matcher
from overt.rules.active import load_active

MAX_PACKAGE_BYTES = 6 * 1024 * 1024
"""Debian packages larger than this are not drawn: many small ones say more than a few large ones."""
SEED = 2026
"""The draw orders names by their hash with this, so that it hardly changes when the archive does."""
MADE_TO_BE_FOUND = Path("/usr/share/clamav-testfiles")
PROGRESS_FILES = 10_000
MAX_PLACES = 12
"""Places printed per rule."""
NEAR_MISSES = """
apache2-doc aide-common bash-doc bash-completion busybox chkrootkit clamav-base clamav-docs cron curl
fail2ban gnupg-agent hydra john-data lynis modsecurity-crs ncat netcat-openbsd netcat-traditional nginx-doc
nikto nmap-common openssh-server perl-doc php-common php-pear php-symfony-http-kernel phpmyadmin
php8.2-cli python3-impacket python3-oletools python3-paramiko python3-pdfminer python3-pip python3-scapy
python3-yara rkhunter roundcube-core rsyslog samba-libs skipfish socat sqlmap suricata systemd unhide
vim-runtime wapiti wordpress wordpress-l10n yara nodejs-doc ruby-rack firejail tripwire
wireshark-common ansible-core exiv2 qpdf poppler-utils libjenkins-json-java tomcat10-common tomcat10-examples
aircrack-ng ansible apparmor-profiles bettercap bpfcc-tools bpftrace bubblewrap chef chntpw cloud-init
creddump7 debian-handbook dirb dsniff ettercap-common fai-doc fakechroot gawk gawk-doc iodine knockd
libfakechroot libnss-wrapper libpam-modules libpam-script libpam-wrapper libsocket-wrapper libuid-wrapper
lime-forensics-dkms linux-doc-6.1 logcheck-database logwatch medusa mingw-w64-tools ncrack nsis origami-pdf
p0f patator perl-modules-5.36 plaso pnscan proot proxytunnel psad ptunnel puppet-agent python3-doc
python3-pefile python3-pwntools radare2 ruby3.1-doc sagan-rules samdump2 sbd selinux-policy-default
sleuthkit snoopy snort-rules-default sshguard sysdig syslinux-common tiger trickle tsocks wfuzz zeek
libfakeroot libfaketime libeatmydata1 libkeyutils1 libtsocks proxychains4 torsocks stress-ng samhain sudo
""".split()
"""Drawn first: packages about attacks, shells, preloading or scripting, where a careless rule would trip."""
PYPI = """
aiohttp alembic ansible-core anyio apscheduler attrs azure-core babel bandit beautifulsoup4 black bleach
boto3 botocore bottle cachetools celery certifi cffi chardet cherrypy click cloudpickle colorama coverage
cryptography cython dask django django-debug-toolbar djangorestframework dnspython docker docutils dulwich
fabric fastapi flask fonttools fsspec gevent gitpython google-auth greenlet gunicorn h5py httpx hypothesis
impacket invoke ipython jedi jinja2 jsonschema jupyter-server kombu lxml mako markdown matplotlib mitmproxy
mypy networkx nltk notebook numpy oletools openpyxl packaging pandas paramiko pexpect pillow pip playwright
pluggy poetry prompt-toolkit psutil psycopg2-binary ptyprocess pyasn1 pycparser pycryptodome pygments pyinstaller
pylint pymongo pynput pypdf pytest python-docx pywin32-ctypes pyyaml redis reportlab requests rich scapy
scikit-learn scipy scrapy seaborn selenium setuptools six sphinx sqlalchemy streamlit supervisor sympy
tornado tqdm twisted urllib3 uvicorn virtualenv waitress watchdog webdriver-manager werkzeug wheel wrapt xlsxwriter
yara-python zope-interface
""".split()
"""Well-known projects, with wheels for this machine or for any."""


@dataclass(slots=True)
class Tally:
    """Running counts over the whole corpus."""

    files: int = 0
    elf_files: int = 0
    contents: int = 0
    """Files and members of containers."""
    file_bytes: int = 0
    unpacked_bytes: int = 0
    incomplete: int = 0
    by_rule: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(severity, rule) → findings."""
    elf_by_rule: Counter[str] = field(default_factory=Counter)
    places: dict[str, list[str]] = field(default_factory=dict)
    """rule → where it matched, the first ones."""


def draw_debian(count: int) -> list[str]:
    """`count` package names: the near misses first, then a seeded draw from what `apt-cache dumpavail` offers."""
    dump = subprocess.run(["apt-cache", "dumpavail"], check=True, capture_output=True, text=True).stdout
    offered = set()
    for record in dump.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in record.splitlines() if line[:1].isalpha() and ": " in line
        )
        if 10_000 < int(fields.get("Size", 0)) <= MAX_PACKAGE_BYTES:
            offered.add(fields["Package"])
    first = [name for name in NEAR_MISSES if name in offered]
    rest = sorted(
        offered.difference(first), key=lambda name: hashlib.sha256(f"{SEED} {name}".encode()).digest()
    )
    return [*first, *rest][:count]


def fetch(count: int, cache: Path) -> None:
    """Download what the cache folder lacks. A package that is not to be had is named and left out."""
    cache.mkdir(parents=True, exist_ok=True)
    have = {path.name.split("_")[0] for path in cache.glob("*.deb")}
    for name in draw_debian(count):
        if name not in have:
            _download(["apt-get", "download", "-q", name], cache)
    have = {path.name.split("-")[0].lower().replace("_", "-") for path in cache.glob("*.whl")}
    for name in PYPI:
        if name not in have:
            pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", name]
            _download(pip, cache)


def _download(command: list[str], cache: Path) -> None:
    if subprocess.run(command, cwd=cache, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        print(f"not downloaded: {command[-1]}", file=sys.stderr)


def walk(targets: list[Path]) -> Iterator[Path]:
    """Regular files below the targets, links not followed, hard links once, test files for scanners left out."""
    seen: set[tuple[int, int]] = set()
    for target in targets:
        for folder, _, names in os.walk(target) if target.is_dir() else [(target.parent, (), (target.name,))]:
            if Path(folder) == MADE_TO_BE_FOUND:
                continue
            for name in sorted(names):
                path = Path(folder, name)
                status = path.lstat()
                if stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) not in seen:
                    seen.add((status.st_dev, status.st_ino))
                    yield path


@dataclass(frozen=True, slots=True)
class Result:
    """What one file gave."""

    path: str
    size: int
    elf: bool
    unpacked_bytes: int
    entries: int
    gaps: int
    hits: tuple[tuple[str, str, str, bool], ...]
    """(severity, rule, where inside, in an ELF file itself)."""


_examiner: Examiner | None = None


def _scan(path: Path) -> Result | None:
    """Examine one file in a worker; None when it cannot be read."""
    assert _examiner is not None
    try:
        data = path.read_bytes()
    except OSError:
        return None
    examination = _examiner.examine(data, str(path))
    elf = data.startswith(b"\x7fELF")
    hits = tuple(
        (finding.severity.value, finding.rule, " ▸ ".join(finding.inside), elf and not finding.inside)
        for finding in examination.findings
    )
    gaps = len(examination.gaps)
    return Result(str(path), len(data), elf, examination.bytes_unpacked, examination.entries, gaps, hits)


def scan(targets: list[Path], jobs: int) -> Tally:
    """Examine everything below `targets` with `jobs` forked workers."""
    global _examiner
    _examiner = Examiner(Matcher(load_active()), HashSets(), Limits())
    tally = Tally()
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        for result in pool.imap_unordered(_scan, walk(targets), chunksize=16):
            if result is not None:
                _count(tally, result)
                if tally.files % PROGRESS_FILES == 0:
                    print(f"{tally.files} files, {tally.file_bytes} bytes …", file=sys.stderr)
    return tally


def _count(tally: Tally, result: Result) -> None:
    tally.files += 1
    tally.elf_files += result.elf
    tally.contents += 1 + result.entries
    tally.file_bytes += result.size
    tally.unpacked_bytes += result.unpacked_bytes
    tally.incomplete += result.gaps > 0
    for severity, rule, inside, in_elf in result.hits:
        tally.by_rule[severity, rule] += 1
        tally.elf_by_rule[rule] += in_elf
        places = tally.places.setdefault(rule, [])
        if len(places) < MAX_PLACES:
            places.append(f"{result.path} ▸ {inside}" if inside else result.path)


def show(tally: Tally, elapsed_s: float) -> bool:
    """Print the counts and every rule that matched; true when only notes did."""
    print(
        f"files: {tally.files} ({tally.elf_files} ELF), {tally.file_bytes} bytes, {tally.incomplete} incomplete"
    )
    print(
        f"contents with members: {tally.contents}, {tally.unpacked_bytes} bytes unpacked, {elapsed_s:.0f} s"
    )
    for (severity, rule), count in sorted(tally.by_rule.items()):
        share = 100 * tally.elf_by_rule[rule] / max(tally.elf_files, 1)
        print(f"{severity:8} {rule:36} {count:6}  {share:.2f} % of ELF files")
        if severity != Severity.NOTE:
            for place in tally.places[rule]:
                print(f"         {place}")
    return all(severity == Severity.NOTE for severity, _ in tally.by_rule)


def main() -> int:
    """Fetch if asked, scan, report; 1 when a rule that is more than a note matched."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("targets", nargs="*", type=Path, help="files and folders to scan")
    parser.add_argument(
        "--fetch", type=int, default=0, metavar="N", help="download N Debian packages, and PyPI's"
    )
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/overt-corpus", metavar="DIR")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    options = parser.parse_args()
    targets = list(options.targets)
    if options.fetch:
        fetch(options.fetch, options.cache)
        targets.append(options.cache)
    if not targets:
        parser.error("name something to scan, or use --fetch")
    started = time.monotonic()
    only_notes = show(scan(targets, options.jobs), time.monotonic() - started)
    return 0 if only_notes else 1


if __name__ == "__main__":
    sys.exit(main())
