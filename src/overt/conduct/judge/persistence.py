"""Places of what starts by itself, or is loaded or obeyed by what does."""

from __future__ import annotations

from overt.conduct.judge.places import Place, libraries, place_of, users

_BROWSERS = ("firefox*", "chromium*", "opt/chrome", "opt/edge", "brave")
"""Below /etc."""
BROWSER_POLICIES = (
    *(f"/etc/{name}/policies/**" for name in _BROWSERS),
    *libraries("firefox*/distribution/policies.json"),
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
            *libraries("systemd/**", "environment.d/**", "tmpfiles.d/**"),
            "/usr/share/systemd/**",
            "/usr/local/share/systemd/**",
            *(f"/run/systemd/{name}/**" for name in ("system", "user", "transient", "generator*")),
            "/etc/environment.d/**",
            "/etc/tmpfiles.d/**",
            *users(".config/systemd/**", ".local/share/systemd/**", ".config/environment.d/**"),
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
            *libraries("binfmt.d/**"),
            "/usr/share/binfmts/**",
            "/var/lib/binfmts/**",
            "/boot/**",
            "/etc/grub.d/**",
            "/etc/default/grub*",
            "/etc/initramfs-tools/**",
            "/usr/share/initramfs-tools/**",
            "/etc/dracut.conf*",
            "/etc/mkinitcpio*",
            *libraries("dracut/**", "initcpio/**"),
        ),
    ),
    Place(
        "run when the network or the power changes",
        (
            "/etc/network/**",
            "/etc/NetworkManager/**",
            "/etc/networkd-dispatcher/**",
            *libraries("NetworkManager/**", "networkd-dispatcher/**", "dhcpcd/**", "pm-utils/**"),
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
            *libraries("security/pam_*", "*/security/pam_*"),
            "/etc/ssh/sshrc",
            *users(
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
            *libraries("libnss_*", "*/libnss_*", "*/gconv/gconv-modules*"),
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
            *libraries("modules/**", "modprobe.d/**", "modules-load.d/**", "depmod.d/**", "sysctl.d/**"),
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
            *users(".ssh/authorized_keys*", ".rhosts", ".k5login"),
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
            *libraries("udev/**"),
            *users(".local/share/dbus-1/**"),
        ),
    ),
    Place(
        "run by the package manager",
        (
            "/etc/apt/apt.conf",
            "/etc/apt/apt.conf.d/**",
            "/etc/dpkg/**",
            "/etc/kernel/**",
            *libraries("kernel/**", "yum-plugins/**", "python*/site-packages/dnf-plugins/**"),
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
            *users(".forward", ".procmailrc"),
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
            *users(".gitconfig", ".config/git/**", ".vimrc", ".vim/**", ".config/nvim/**", ".emacs*"),
        ),
    ),
    Place(
        "loaded by browsers",
        (
            *BROWSER_POLICIES,
            *libraries("mozilla/**", "firefox*/distribution/**", "firefox*/browser/extensions/**"),
            "/usr/share/mozilla/**",
            *(f"/etc/{name}/**" for name in _BROWSERS),
            "/usr/share/chromium/extensions/**",
            "/usr/share/google-chrome/extensions/**",
            "/opt/google/chrome/extensions/**",
            *users(
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


def starts(path: str) -> bool:
    """Whether a file there starts by itself, or is loaded by what does."""
    return bool(place_of(path, PERSISTENCE))
