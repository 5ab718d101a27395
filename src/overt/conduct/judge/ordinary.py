"""Places that mean something by themselves: what every program opens, what is secret, what starts by itself.

One table for each; a pattern is as in .gitignore, from the root. A secret place is never ordinary.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from overt.conduct.judge.patterns import Patterns, patterns

ORDINARY_READS = (
    # The operating system's own files, the same on every machine.
    "/usr/**",
    "/bin/**",
    "/sbin/**",
    "/lib/**",
    "/lib32/**",
    "/lib64/**",
    # What the C library, the name service and the locale need at the start of nearly every program.
    "/etc/ld.so.*",
    "/etc/ld.so.conf.d/**",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/protocols",
    "/etc/passwd",
    "/etc/group",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/locale.*",
    "/etc/mime.types",
    "/etc/os-release",
    "/etc/debian_version",
    "/etc/ssl/**",
    "!/etc/ssl/private/**",
    "/etc/ca-certificates/**",
    "/etc/alternatives/**",
    "/etc/terminfo/**",
    "/etc/inputrc",
    "/etc/profile",
    "/etc/bash.bashrc",
    "/etc/python3*/**",
    "/etc/perl/**",
    "/proc/self/**",
    "/proc/thread-self/**",
    "/proc/filesystems",
    "/proc/meminfo",
    "/proc/cpuinfo",
    "/proc/stat",
    "/proc/mounts",
    "/proc/sys/**",
    "/sys/devices/system/cpu/**",
    # Empty when a run begins: what is there, but for planted files, the product made itself.
    "/tmp/**",
    "/run/**",
    "/dev/shm/**",
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
    "/dev/pts/**",
)

INSTALLING_READS = (
    "/opt/packages/**",  # where the lab put what is installed
    "/var/lib/dpkg/**",
    "/var/lib/apt/**",
    "/var/cache/apt/**",
    "/var/cache/debconf/**",
    "/var/cache/man/**",
    "/etc/dpkg/**",
    "/etc/apt/**",
    "/etc/debconf.conf",
    "/etc/manpath.config",
    "/etc/default/**",
    "/etc/adduser.conf",
    "/etc/deluser.conf",
    "/etc/login.defs",
    "/etc/pam.conf",
    "/etc/pam.d/**",
    "/etc/security/**",
)
"""What the package manager, and what it calls for any package, opens."""

SYSTEMS_PROGRAMS = ("/usr/**", "/bin/**", "/sbin/**", "!/usr/local/**", "/var/lib/dpkg/info/*")
"""What any installation runs: the operating system's programs, and scripts that the package manager keeps."""

ACCOUNT_PROGRAMS = (
    *(
        f"/usr/sbin/{name}"
        for name in ("adduser", "addgroup", "deluser", "delgroup", "chpasswd", "dpkg-preconfigure")
    ),
    *(f"/usr/sbin/{kind}{what}" for kind in ("user", "group") for what in ("add", "mod", "del")),
    *(f"/usr/bin/{name}" for name in ("chage", "chfn", "gpasswd", "passwd")),
    "/usr/share/debconf/frontend",
)
"""What an installation runs to make accounts, and to ask its questions: both look into the system's passwords."""

PACKAGE_MANAGERS = tuple(
    f"/usr/bin/{name}" for name in ("apt", "apt-get", "dpkg", "dpkg-deb", "dpkg-query", "dpkg-split", "mandb")
)
"""What installs and removes: it has its own files to read, whatever the package."""

ORDINARY_PROGRAMS = ("/lib/**/ld-*.so*", "/lib64/ld-*.so*", "/usr/lib/**/ld-*.so*", "/usr/lib64/ld-*.so*")
"""The loader runs with every program."""

BOOKKEEPING = (
    "/var/lib/dpkg/**",
    "/var/lib/apt/**",
    "/var/cache/apt/**",
    "/var/cache/debconf/**",
    "/var/cache/ldconfig/**",
    "/var/cache/man/**",
    "/var/log/dpkg.log",
    "/var/log/apt/**",
    "/var/log/alternatives.log",
    "/etc/ld.so.cache",
    "/var/lib/systemd/deb-systemd-helper-*/**",
)
"""What the package manager writes for any package: its own records, not the product's."""

INSTALLED = ("/usr/**", "/opt/**", "/etc/**", "/bin/**", "/sbin/**", "/lib/**", "/var/lib/**", "/srv/**")
"""Where installing a product puts it (FHS 3.0)."""

OWN_LOADING = ("__pycache__/", "*.pyc")
"""What Python keeps of modules that it loaded."""


@dataclass(frozen=True, slots=True)
class Place:
    """Files that are of one sort."""

    name: str
    patterns: tuple[str, ...]


SECRETS = (
    Place("passwords of the system", ("/etc/shadow*", "/etc/gshadow*", "/etc/security/opasswd")),
    Place("private keys of the system", ("/etc/ssl/private/**", "/etc/ssh/ssh_host_*_key")),
    Place("SSH keys", ("/home/*/.ssh/id_*", "/root/.ssh/id_*", "!*.pub")),
    Place("PGP keys", ("/home/*/.gnupg/**", "/root/.gnupg/**")),
    Place(
        "browser profiles",
        (
            "/home/*/.mozilla/**",
            "/home/*/.config/chromium/**",
            "/home/*/.config/google-chrome/**",
            "/home/*/.config/BraveSoftware/**",
            "/home/*/.config/microsoft-edge/**",
            "/home/*/.config/opera/**",
        ),
    ),
    Place("keyrings", ("/home/*/.local/share/keyrings/**", "/home/*/.kde/**/kwallet/**")),
    Place("wallets", ("/home/*/.bitcoin/**", "/home/*/.electrum/**", "/home/*/.ethereum/**")),
    Place(
        "stored credentials",
        (
            "/home/*/.netrc",
            "/home/*/.git-credentials",
            "/home/*/.aws/**",
            "/home/*/.azure/**",
            "/home/*/.config/gcloud/**",
            "/home/*/.kube/**",
            "/home/*/.docker/config.json",
            "/home/*/.pgpass",
            "/home/*/.my.cnf",
        ),
    ),
    Place("mail", ("/var/mail/**", "/var/spool/mail/**", "/home/*/.thunderbird/**", "/home/*/Maildir/**")),
)

PERSISTENCE = (
    Place("scheduled by cron", ("/etc/cron*", "/var/spool/cron/**", "/etc/anacrontab", "/etc/at.*")),
    Place(
        "started by systemd",
        (
            "/etc/systemd/**",
            "/usr/lib/systemd/system/**",
            "/lib/systemd/system/**",
            "/usr/lib/systemd/user/**",
            "/home/*/.config/systemd/**",
            "/root/.config/systemd/**",
            "/usr/lib/systemd/system-generators/**",
        ),
    ),
    Place("started at boot", ("/etc/init.d/**", "/etc/rc*.d/**", "/etc/rc.local", "/etc/inittab")),
    Place(
        "started at log-in",
        (
            "/etc/profile",
            "/etc/profile.d/**",
            "/etc/bash.bashrc",
            "/etc/xdg/autostart/**",
            "/home/*/.config/autostart/**",
            "/home/*/.profile",
            "/home/*/.bash*",
            "!/home/*/.bash_history",
            "/home/*/.zsh*",
            "/root/.profile",
            "/root/.bash*",
            "!/root/.bash_history",
            "/etc/environment",
            "/etc/pam.d/**",
            "/etc/security/pam_env.conf",
        ),
    ),
    Place("loaded into every program", ("/etc/ld.so.preload", "/etc/ld.so.conf", "/etc/ld.so.conf.d/**")),
    Place("loaded by Python at its start", ("**/*.pth", "**/sitecustomize.py", "**/usercustomize.py")),
    Place("loaded into the kernel", ("/lib/modules/**", "/usr/lib/modules/**", "/etc/modules*")),
    Place("lets somebody log in", ("/home/*/.ssh/authorized_keys*", "/root/.ssh/authorized_keys*")),
    Place("gives rights", ("/etc/sudoers", "/etc/sudoers.d/**", "/etc/polkit-1/**", "/etc/doas.conf")),
    Place("run by D-Bus or udev", ("/usr/share/dbus-1/**services/**", "/etc/udev/**", "/usr/lib/udev/**")),
    Place("run by the package manager", ("/etc/apt/apt.conf.d/**", "/etc/dpkg/dpkg.cfg.d/**")),
)

CERTIFICATES = (
    Place(
        "trusted by OpenSSL and GnuTLS",
        (
            "/etc/ssl/certs/**",
            "/etc/ssl/cert.pem",
            "/usr/local/share/ca-certificates/**",
            "/usr/share/ca-certificates/**",
            "/etc/ca-certificates.conf",
            "/etc/pki/**",
        ),
    ),
    Place(
        "trusted by browsers",
        ("**/cert8.db", "**/cert9.db", "/home/*/.pki/**", "/usr/lib/firefox*/distribution/policies.json"),
    ),
    Place("trusted by Java", ("**/cacerts", "/etc/ssl/certs/java/**")),
    Place("trusted by Python", ("**/certifi/cacert.pem",)),
)


def ordinary_read(path: str) -> bool:
    """Whether nearly every program opens this."""
    return patterns(ORDINARY_READS).match(path)


def installing_read(path: str) -> bool:
    """Whether installing or removing nearly any package opens this."""
    return patterns(INSTALLING_READS).match(path)


def systems_program(path: str) -> bool:
    """Whether it is the operating system's (if the product did not bring it)."""
    return patterns(SYSTEMS_PROGRAMS).match(path)


def installers_read(program: str, secret: str) -> bool:
    """Whether an installer's helper may open a file of that kind (`Place.name`; empty: no secret) for any package."""
    if secret:
        return secret == SECRETS[0].name and program in ACCOUNT_PROGRAMS
    return program in PACKAGE_MANAGERS


def ordinary_program(path: str) -> bool:
    """Whether it runs with every program."""
    return patterns(ORDINARY_PROGRAMS).match(path)


def installed(path: str) -> bool:
    """Whether an installation is expected to add files here."""
    return patterns(INSTALLED).match(path)


def bookkeeping(path: str) -> bool:
    """Whether the package manager or Python's loader writes this for any package."""
    return patterns(BOOKKEEPING).match(path) or patterns(OWN_LOADING).match(path)


def place_of(path: str, places: tuple[Place, ...]) -> str:
    """The name of the first of `places` that the path is in; empty if in none."""
    if not _in_any(places).match(path):
        return ""
    return next((place.name for place in places if patterns(place.patterns).match(path)), "")


@lru_cache(None)
def _in_any(places: tuple[Place, ...]) -> Patterns:
    return patterns(tuple(line for place in places for line in place.patterns if not line.startswith("!")))
