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


def _libraries(*names: str) -> tuple[str, ...]:
    return tuple(f"{top}/{name}" for top in ("/lib", "/usr/lib", "/usr/local/lib") for name in names)


def _users(*names: str) -> tuple[str, ...]:
    """Of each user, of root, and of those to come."""
    homes = ("/home/*", "/root", "/etc/skel")
    return tuple(f"{'!' * (name[0] == '!')}{home}/{name.lstrip('!')}" for name in names for home in homes)


_BROWSERS = ("firefox*", "chromium*", "opt/chrome", "opt/edge", "brave")
"""Below /etc."""
_BROWSER_POLICIES = (
    *(f"/etc/{name}/policies/**" for name in _BROWSERS),
    *_libraries("firefox*/distribution/policies.json"),
    "/opt/firefox*/distribution/policies.json",
)

PERSISTENCE = (
    Place(
        "scheduled by cron",
        ("/etc/cron*", "/var/spool/cron/**", "/var/spool/at/**", "/etc/anacrontab", "/etc/at.*"),
    ),
    Place(
        "started by systemd",
        (
            "/etc/systemd/**",
            *_libraries("systemd/**", "environment.d/**", "tmpfiles.d/**"),
            "/usr/share/systemd/**",
            "/usr/local/share/systemd/**",
            *(f"/run/systemd/{name}/**" for name in ("system", "user", "transient", "generator*")),
            "/etc/environment.d/**",
            "/etc/tmpfiles.d/**",
            *_users(".config/systemd/**", ".local/share/systemd/**", ".config/environment.d/**"),
        ),
    ),
    Place(
        "started at boot",
        (
            "/etc/init.d/**",
            "/etc/init/**",
            "/etc/rc*.d/**",
            "/etc/rc.local",
            "/etc/rc.d/**",
            "/etc/inittab",
            *(
                f"/etc/{name}/**"
                for name in ("sv", "runit", "service", "s6", "s6-overlay", "local.d", "binfmt.d")
            ),
            *_libraries("binfmt.d/**"),
            "/usr/share/binfmts/**",
            "/var/lib/binfmts/**",
            "/boot/**",
            "/etc/grub.d/**",
            "/etc/default/grub*",
            "/etc/initramfs-tools/**",
            "/usr/share/initramfs-tools/**",
            "/etc/dracut.conf*",
            "/etc/mkinitcpio*",
            *_libraries("dracut/**", "initcpio/**"),
        ),
    ),
    Place(
        "run when the network or the power changes",
        (
            "/etc/network/**",
            "/etc/NetworkManager/**",
            "/etc/networkd-dispatcher/**",
            *_libraries("NetworkManager/**", "networkd-dispatcher/**", "dhcpcd/**", "pm-utils/**"),
            "/etc/dhcp/**",
            "/etc/dhcpcd*",
            "/etc/resolvconf/update*",
            "/etc/ppp/**",
            "/etc/wpa_supplicant/**",
            "/etc/pm/**",
            "/etc/acpi/**",
            "/etc/apm/**",
        ),
    ),
    Place(
        "started at log-in",
        (
            "/etc/profile",
            "/etc/profile.d/**",
            "/etc/bash.*",
            "/etc/bashrc",
            "/etc/bash_completion*",
            "/etc/zsh*",
            "/etc/csh*",
            "/etc/ksh*",
            "/etc/fish/**",
            "/usr/share/fish/vendor_conf.d/**",
            "/etc/environment",
            "/etc/update-motd.d/**",
            "/etc/xdg/autostart/**",
            "/etc/xdg/plasma-workspace/**",
            "/usr/share/autostart/**",
            "/usr/share/gnome/autostart/**",
            "/usr/share/xsessions/**",
            "/usr/share/wayland-sessions/**",
            "/etc/X11/Xsession*",
            "/etc/X11/Xreset*",
            "/etc/X11/xinit/**",
            "/etc/X11/xdm/**",
            *(f"/etc/{name}" for name in ("gdm*/**", "lightdm/**", "sddm*")),
            "/etc/pam.d/**",
            "/etc/pam.conf",
            "/etc/security/*.conf",
            "/etc/security/*.d/**",
            "/usr/share/pam-configs/**",
            *_libraries("security/pam_*", "*/security/pam_*"),
            "/etc/ssh/sshrc",
            *_users(
                ".profile",
                ".bash*",
                ".zsh*",
                ".zprofile",
                ".zlog*",
                ".login",
                ".logout",
                ".cshrc",
                ".tcshrc",
                ".kshrc",
                ".config/fish/**",
                ".xinitrc",
                ".xprofile",
                ".xsession",
                ".xsessionrc",
                ".pam_environment",
                ".ssh/rc",
                ".ssh/environment",
                ".config/autostart/**",
                ".config/autostart-scripts/**",
                ".config/plasma-workspace/**",
                ".kde/Autostart/**",
                "!.bash_history",
                "!.zsh_history",
            ),
        ),
    ),
    Place(
        "loaded into every program",
        (
            "/etc/ld.so.preload",
            "/etc/ld.so.conf",
            "/etc/ld.so.conf.d/**",
            "/etc/ld-musl-*",
            "/etc/nsswitch.conf",
            *_libraries("libnss_*", "*/libnss_*", "*/gconv/gconv-modules*"),
            "/etc/ssl/openssl.cnf",
        ),
    ),
    Place(
        "loaded by Python or Perl at its start",
        (
            "**/site-packages/*.pth",
            "**/dist-packages/*.pth",
            "**/sitecustomize.py",
            "**/usercustomize.py",
            "**/sitecustomize.pl",
        ),
    ),
    Place(
        "loaded into the kernel, or set in it",
        (
            *_libraries("modules/**", "modprobe.d/**", "modules-load.d/**", "depmod.d/**", "sysctl.d/**"),
            "/etc/modules*",
            "/etc/modprobe*",
            "/etc/depmod.d/**",
            "/etc/dkms/**",
            "/usr/src/*/dkms.conf",
            "/var/lib/dkms/**",
            "/etc/sysctl.conf",
            "/etc/sysctl.d/**",
        ),
    ),
    Place(
        "lets somebody log in",
        (
            *_users(".ssh/authorized_keys*", ".rhosts", ".k5login"),
            "/etc/ssh/sshd_config*",
            "/etc/hosts.equiv",
        ),
    ),
    Place(
        "gives rights",
        (
            "/etc/sudo*",
            "/etc/doas*",
            "/etc/polkit-1/**",
            "/usr/share/polkit-1/**",
            "/var/lib/polkit-1/**",
        ),
    ),
    Place(
        "run by D-Bus or udev",
        (
            *(
                f"{top}/{kind}/**"
                for top in ("/usr/share/dbus-1", "/usr/local/share/dbus-1")
                for kind in ("*services", "system.d", "session.d")
            ),
            "/etc/dbus-1/**",
            "/etc/udev/**",
            "/run/udev/rules.d/**",
            *_libraries("udev/**"),
            *_users(".local/share/dbus-1/**"),
        ),
    ),
    Place(
        "run by the package manager",
        (
            "/etc/apt/apt.conf",
            "/etc/apt/apt.conf.d/**",
            "/etc/dpkg/**",
            "/etc/kernel/**",
            *_libraries("kernel/**", "yum-plugins/**", "python*/site-packages/dnf-plugins/**"),
            "/etc/dnf/**",
            "/etc/yum*",
            "/etc/pacman.d/**",
            "/usr/share/libalpm/**",
            "/etc/needrestart/**",
            *(f"/var/lib/dpkg/info/*.{script}" for script in ("preinst", "postinst", "prerm", "postrm")),
        ),
    ),
    Place(
        "says where packages come from",
        ("/etc/apt/sources.list*", "/etc/apt/trusted.gpg*", "/etc/apt/keyrings/**", "/etc/pip.conf"),
    ),
    Place(
        "run by a service of the system",
        (
            "/etc/logrotate*",
            "/etc/rsyslog*",
            "/etc/syslog-ng/**",
            "/etc/audit/plugins.d/**",
            "/etc/inetd*",
            "/etc/xinetd*",
            "/etc/aliases",
            *_users(".forward", ".procmailrc"),
        ),
    ),
    Place(
        "run by git or an editor",
        (
            "/etc/gitconfig",
            "/usr/share/git-core/templates/**",
            "**/.git/hooks/**",
            "/etc/vim/**",
            "/etc/emacs/**",
            *_users(".gitconfig", ".config/git/**", ".vimrc", ".vim/**", ".config/nvim/**", ".emacs*"),
        ),
    ),
    Place(
        "loaded by browsers",
        (
            *_BROWSER_POLICIES,
            *_libraries("mozilla/**", "firefox*/distribution/**", "firefox*/browser/extensions/**"),
            "/usr/share/mozilla/**",
            *(f"/etc/{name}/**" for name in _BROWSERS),
            "/usr/share/chromium/extensions/**",
            "/usr/share/google-chrome/extensions/**",
            "/opt/google/chrome/extensions/**",
            *_users(
                ".mozilla/native-messaging-hosts/**",
                ".mozilla/firefox/*/user.js",
                ".mozilla/firefox/*/extensions/**",
                ".config/*/NativeMessagingHosts/**",
                ".config/*/*/NativeMessagingHosts/**",
            ),
        ),
    ),
)
"""What starts by itself, or is loaded by what does (MITRE ATT&CK, Persistence, Linux; the modules of PANIX)."""

CERTIFICATES = (
    Place(
        "trusted by OpenSSL and GnuTLS",
        (
            "/etc/ssl/certs/**",
            "/etc/ssl/cert.pem",
            "/usr/local/share/ca-certificates/**",
            "/usr/share/ca-certificates*/**",
            "/etc/ca-certificates*",
            "/etc/pki/**",
            "/usr/share/pki/**",
            "/etc/gnutls/**",
        ),
    ),
    Place("set by a browser's policies", _BROWSER_POLICIES),
    Place(
        "trusted by browsers",
        (
            "**/cert8.db",
            "**/cert9.db",
            "**/nssdb/pkcs11.txt",
            "/home/*/.pki/**",
            "/etc/skel/.pki/**",
        ),
    ),
    Place(
        "loaded by p11-kit",
        (
            "/etc/pkcs11/**",
            "/usr/share/p11-kit/**",
            *_libraries("pkcs11/**", "*/pkcs11/**"),
            *_users(".config/pkcs11/**"),
        ),
    ),
    Place("trusted by a private network", ("/etc/ipsec.d/cacerts/**", "/etc/swanctl/x509ca/**")),
    Place(
        "trusted by Java",
        ("**/cacerts", "**/jssecacerts", "/etc/ssl/certs/java/**", "/etc/java*/security/**"),
    ),
    Place("trusted by Python", ("**/certifi/cacert.pem",)),
    Place("trusted by containers", ("/etc/docker/certs.d/**", "/etc/containers/certs.d/**")),
    Place("trusted by curl and wget", ("/etc/wgetrc", *_users(".curlrc", ".wgetrc"))),
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


def notable(path: str) -> bool:
    """Whether a file there does more than lie there: it starts by itself, or says what is trusted."""
    return starts(path) or bool(place_of(path, CERTIFICATES))


def starts(path: str) -> bool:
    """Whether a file there starts by itself, or is loaded by what does."""
    return bool(place_of(path, PERSISTENCE))


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
