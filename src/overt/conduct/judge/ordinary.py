"""What means nothing by itself: what every program opens, what every installation reads, runs and writes.

One table for each; a pattern is as in .gitignore, from the root.
"""

from __future__ import annotations

from overt.conduct.judge.patterns import patterns
from overt.conduct.judge.persistence import starts
from overt.conduct.judge.places import place_of
from overt.conduct.judge.secret import PASSWORDS
from overt.conduct.judge.trust import CERTIFICATES

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
        return secret == PASSWORDS and program in ACCOUNT_PROGRAMS
    return program in PACKAGE_MANAGERS


def ordinary_program(path: str) -> bool:
    """Whether it runs with every program."""
    return patterns(ORDINARY_PROGRAMS).match(path)


def installed(path: str) -> bool:
    """Whether an installation is expected to add files here."""
    return patterns(INSTALLED).match(path)


def notable(path: str) -> bool:
    """Whether a file there does more than lie there: it starts by itself, or says what is trusted."""
    return starts(path) or bool(place_of(path, CERTIFICATES))


def bookkeeping(path: str) -> bool:
    """Whether the package manager or Python's loader writes this for any package."""
    return patterns(BOOKKEEPING).match(path) or patterns(OWN_LOADING).match(path)
