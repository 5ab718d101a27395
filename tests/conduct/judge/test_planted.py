"""What an installation plants, and what outlives a removal: declared, listed by its own package, or told."""

from __future__ import annotations

from dataclasses import replace as changed
from pathlib import Path

import pytest
from msgspec.structs import replace

from overt.conduct.evidence.conclusions import Answer, Verdict
from overt.conduct.evidence.records import Change, Changed, Package
from overt.conduct.judge import judge, ordinary
from overt.conduct.judge.persistence import PERSISTENCE
from overt.conduct.judge.places import Place, place_of
from overt.conduct.judge.trust import CERTIFICATES
from tests.conduct.report import made
from tests.conduct.report.made import change, flow, process

PLANTED = {
    "/etc/cron.d/x": "scheduled by cron",
    "/etc/cron.hourly/x": "scheduled by cron",
    "/var/spool/cron/crontabs/root": "scheduled by cron",
    "/var/spool/at/a0001": "scheduled by cron",
    "/etc/anacrontab": "scheduled by cron",
    "/etc/systemd/system/x.timer": "started by systemd",
    "/usr/lib/systemd/system/x.path": "started by systemd",
    "/usr/local/lib/systemd/system/x.service": "started by systemd",
    "/usr/lib/systemd/system-sleep/x": "started by systemd",
    "/usr/lib/systemd/system-shutdown/x": "started by systemd",
    "/usr/lib/systemd/system-generators/x": "started by systemd",
    "/etc/systemd/user-generators/x": "started by systemd",
    "/usr/lib/systemd/system-environment-generators/x": "started by systemd",
    "/run/systemd/transient/x.service": "started by systemd",
    "/home/alice/.config/systemd/user/x.service": "started by systemd",
    "/root/.local/share/systemd/user/x.service": "started by systemd",
    "/etc/environment.d/x.conf": "started by systemd",
    "/etc/tmpfiles.d/x.conf": "started by systemd",
    "/etc/init.d/x": "started at boot",
    "/etc/rc2.d/S01x": "started at boot",
    "/etc/rc.local": "started at boot",
    "/etc/inittab": "started at boot",
    "/etc/runit/runsvdir/x": "started at boot",
    "/etc/binfmt.d/x.conf": "started at boot",
    "/boot/initrd.img": "started at boot",
    "/etc/grub.d/50_x": "started at boot",
    "/etc/default/grub.d/x.cfg": "started at boot",
    "/usr/share/initramfs-tools/hooks/x": "started at boot",
    "/etc/initramfs-tools/scripts/init-top/x": "started at boot",
    "/usr/lib/dracut/modules.d/99x/module-setup.sh": "started at boot",
    "/etc/network/if-up.d/x": "run when the network or the power changes",
    "/etc/network/interfaces.d/x": "run when the network or the power changes",
    "/etc/NetworkManager/dispatcher.d/x": "run when the network or the power changes",
    "/usr/lib/NetworkManager/dispatcher.d/x": "run when the network or the power changes",
    "/etc/networkd-dispatcher/routable.d/x": "run when the network or the power changes",
    "/etc/dhcp/dhclient-exit-hooks.d/x": "run when the network or the power changes",
    "/etc/ppp/ip-up.d/x": "run when the network or the power changes",
    "/etc/acpi/events/x": "run when the network or the power changes",
    "/etc/profile.d/x.sh": "started at log-in",
    "/etc/bash.bashrc": "started at log-in",
    "/etc/zsh/zshenv": "started at log-in",
    "/etc/bash_completion.d/x": "started at log-in",
    "/etc/update-motd.d/99-x": "started at log-in",
    "/etc/xdg/autostart/x.desktop": "started at log-in",
    "/etc/X11/Xsession.d/90x": "started at log-in",
    "/usr/share/xsessions/x.desktop": "started at log-in",
    "/etc/pam.d/sshd": "started at log-in",
    "/usr/lib/x86_64-linux-gnu/security/pam_x.so": "started at log-in",
    "/etc/security/pam_env.conf": "started at log-in",
    "/etc/ssh/sshrc": "started at log-in",
    "/home/alice/.bashrc": "started at log-in",
    "/root/.zshenv": "started at log-in",
    "/etc/skel/.profile": "started at log-in",
    "/home/alice/.ssh/rc": "started at log-in",
    "/home/alice/.config/autostart/x.desktop": "started at log-in",
    "/home/alice/.config/fish/config.fish": "started at log-in",
    "/etc/ld.so.preload": "loaded into every program",
    "/etc/ld.so.conf.d/x.conf": "loaded into every program",
    "/usr/lib/x86_64-linux-gnu/libnss_x.so.2": "loaded into every program",
    "/etc/ssl/openssl.cnf": "loaded into every program",
    "/usr/lib/python3/dist-packages/x.pth": "loaded by Python or Perl at its start",
    "/usr/lib/python3.11/sitecustomize.py": "loaded by Python or Perl at its start",
    "/etc/perl/sitecustomize.pl": "loaded by Python or Perl at its start",
    "/usr/lib/modules/6.1/extra/x.ko": "loaded into the kernel, or set in it",
    "/etc/modprobe.d/x.conf": "loaded into the kernel, or set in it",
    "/etc/modules-load.d/x.conf": "loaded into the kernel, or set in it",
    "/etc/sysctl.d/x.conf": "loaded into the kernel, or set in it",
    "/usr/src/x-1/dkms.conf": "loaded into the kernel, or set in it",
    "/root/.ssh/authorized_keys": "lets somebody log in",
    "/etc/ssh/sshd_config.d/x.conf": "lets somebody log in",
    "/etc/sudoers.d/x": "gives rights",
    "/etc/doas.conf": "gives rights",
    "/usr/share/polkit-1/rules.d/x.rules": "gives rights",
    "/usr/share/dbus-1/system-services/x.service": "run by D-Bus or udev",
    "/usr/share/dbus-1/services/x.service": "run by D-Bus or udev",
    "/etc/dbus-1/system.d/x.conf": "run by D-Bus or udev",
    "/etc/udev/rules.d/99-x.rules": "run by D-Bus or udev",
    "/usr/lib/udev/rules.d/99-x.rules": "run by D-Bus or udev",
    "/etc/apt/apt.conf.d/99x": "run by the package manager",
    "/etc/dpkg/dpkg.cfg.d/x": "run by the package manager",
    "/etc/kernel/postinst.d/x": "run by the package manager",
    "/var/lib/dpkg/info/bash.postinst": "run by the package manager",
    "/etc/apt/sources.list.d/x.list": "says where packages come from",
    "/etc/apt/trusted.gpg.d/x.gpg": "says where packages come from",
    "/etc/logrotate.d/x": "run by a service of the system",
    "/etc/rsyslog.d/x.conf": "run by a service of the system",
    "/etc/xinetd.d/x": "run by a service of the system",
    "/etc/inetd.conf": "run by a service of the system",
    "/usr/share/git-core/templates/hooks/post-checkout": "run by git or an editor",
    "/home/alice/code/.git/hooks/pre-commit": "run by git or an editor",
    "/home/alice/.gitconfig": "run by git or an editor",
    "/etc/firefox/policies/policies.json": "loaded by browsers",
    "/etc/opt/chrome/policies/managed/x.json": "loaded by browsers",
    "/etc/chromium/native-messaging-hosts/x.json": "loaded by browsers",
    "/usr/share/chromium/extensions/x.json": "loaded by browsers",
    "/usr/lib/mozilla/native-messaging-hosts/x.json": "loaded by browsers",
    "/home/alice/.config/google-chrome/NativeMessagingHosts/x.json": "loaded by browsers",
}
TRUSTED = {
    "/usr/local/share/ca-certificates/x.crt": "trusted by OpenSSL and GnuTLS",
    "/etc/ca-certificates/update.d/x": "trusted by OpenSSL and GnuTLS",
    "/etc/pki/ca-trust/source/anchors/x.pem": "trusted by OpenSSL and GnuTLS",
    "/etc/firefox/policies/policies.json": "set by a browser's policies",
    "/usr/lib/firefox-esr/distribution/policies.json": "set by a browser's policies",
    "/etc/chromium/policies/managed/x.json": "set by a browser's policies",
    "/home/alice/.pki/nssdb/cert9.db": "trusted by browsers",
    "/home/alice/.mozilla/firefox/p/cert9.db": "trusted by browsers",
    "/usr/share/p11-kit/modules/x.module": "loaded by p11-kit",
    "/etc/pkcs11/modules/x.module": "loaded by p11-kit",
    "/usr/lib/jvm/java/lib/security/cacerts": "trusted by Java",
    "/usr/lib/python3/dist-packages/certifi/cacert.pem": "trusted by Python",
    "/etc/docker/certs.d/x/ca.crt": "trusted by containers",
    "/etc/ipsec.d/cacerts/x.pem": "trusted by a private network",
    "/root/.curlrc": "trusted by curl and wget",
}


def judged(tmp_path: Path, changes: list[Change], scope: str = "", **package: object) -> dict[str, Answer]:
    """Answers about a product that behaves but for these changes; `package`: what its package lists."""
    evidence = changed(made.behaving(), changes=changes)
    profile = made.PROFILE_TEXT % "AV" + scope
    folder = made.write(tmp_path / "report", evidence, profile=profile)
    subject = folder.subject()
    packages = (replace(subject.packages[0], **package),)
    folder.write_subject(replace(subject, packages=packages))
    return {answer.question: answer for answer in judge(folder)}


@pytest.mark.parametrize("path", PLANTED)
def test_every_place_where_something_starts_by_itself(path: str) -> None:
    assert place_of(path, PERSISTENCE) == PLANTED[path]


@pytest.mark.parametrize("path", TRUSTED)
def test_every_place_that_says_what_is_trusted(path: str) -> None:
    assert place_of(path, CERTIFICATES) == TRUSTED[path]


@pytest.mark.parametrize("places", [PERSISTENCE, CERTIFICATES])
def test_every_kind_of_place_has_its_row(places: tuple[Place, ...]) -> None:
    rows = {**PLANTED} if places is PERSISTENCE else TRUSTED
    assert {place.name for place in places} == set(rows.values())


@pytest.mark.parametrize(
    "path",
    [
        "/etc/av.conf",
        "/etc/default/av",
        "/etc/apparmor.d/av",
        "/etc/clamav/clamd.conf",
        "/usr/bin/av",
        "/usr/share/man/man1/av.1.gz",
        "/usr/share/bash-completion/completions/av",
        "/var/lib/av/model.pth",
        "/home/alice/.bash_history",
        "/home/alice/.cache/av/x",
        "/root/.config/av/x",
    ],
)
def test_what_only_lies_there(path: str) -> None:
    assert not ordinary.notable(path)


def test_what_an_install_script_plants_is_held_against_it(tmp_path: Path) -> None:
    found = judged(
        tmp_path, [change("/etc/network/if-up.d/x"), change("/etc/firefox/policies/policies.json")]
    )
    assert {name for name, one in found.items() if one.good is False} == {
        "beyond-scope-changes",
        "persistence",
        "certificates",
        "removal",
    }


def test_what_the_system_had_already_of_its_packages_is_told(tmp_path: Path) -> None:
    """Installing again what is there changes nothing: its packages say that it starts by itself."""
    found = judged(tmp_path, [], files=("/lib/systemd/system/av.service", "/usr/bin/av"))["persistence"]
    assert (found.verdict, found.good) == (Verdict.YES, None)
    assert [fact.endswith("/lib/systemd/system/av.service") for fact in found.facts] == [True]
    assert found.evidence == ("evidence/subject.json",)


def test_what_it_only_places_is_told(tmp_path: Path) -> None:
    found = judged(tmp_path, [change("/usr/bin/av"), change("/etc/av.conf")])
    assert (found["beyond-scope-changes"].verdict, found["beyond-scope-changes"].good) == (
        Verdict.PARTLY,
        None,
    )
    assert "/etc/av.conf, /usr/bin/av" in found["beyond-scope-changes"].summary
    assert found["persistence"].verdict is Verdict.NO


def test_what_is_held_against_it_is_named_apart_from_what_is_only_told(tmp_path: Path) -> None:
    found = judged(tmp_path, [change("/etc/cron.d/av"), change("/etc/av.conf")])
    said = found["beyond-scope-changes"]
    assert said.summary == "It changed 1 path that it had not declared: /etc/cron.d/av."
    assert [fact.startswith("told, and not held against it: ") for fact in said.facts] == [False, True]
    assert found["removal"].summary.endswith("uninstalled: /etc/av.conf, /etc/cron.d/av.")


UNIT = "/usr/lib/systemd/system/av.service"
SERVICE = [
    change(UNIT),
    change("/etc/init.d/av"),
    change("/etc/cron.daily/av"),
    change("/etc/rc2.d/S01av", kind="link", detail="target ../init.d/av"),
    change(
        "/etc/systemd/system/multi-user.target.wants/av.service",
        kind="link",
        detail="target /lib/systemd/system/av.service",
    ),
    change("/etc/systemd/system/av.service.d/extend.conf"),
]
LISTED = (UNIT, "/etc/init.d/av", "/etc/cron.daily/av", "/usr/share/av/hook")


def test_a_service_that_a_package_lists_is_told_and_no_accusation(tmp_path: Path) -> None:
    found = judged(tmp_path, SERVICE, files=LISTED)
    assert found["beyond-scope-changes"].verdict is Verdict.NO
    assert (found["persistence"].verdict, found["persistence"].good) == (Verdict.YES, None)
    assert len(found["persistence"].facts) == len(SERVICE)


@pytest.mark.parametrize(
    "added",
    [
        change("/etc/cron.daily/other"),
        change("/etc/cron.daily/av", Changed.MODIFIED),
        change("/etc/cron.daily/av", step=3),
        change("/etc/cron.hourly/x", kind="link", detail="target /usr/share/av/hook"),
        change("/etc/systemd/system/ssh.service.d/x.conf"),
        change("/etc/systemd/system/multi-user.target.wants/x.service", kind="link", detail="target /opt/x"),
    ],
)
def test_what_its_scripts_add_to_that_is_held_against_it(tmp_path: Path, added: Change) -> None:
    found = judged(tmp_path, [*SERVICE[:2], added], files=LISTED)
    assert found["persistence"].good is False and found["beyond-scope-changes"].good is False


@pytest.mark.parametrize(
    ("script", "how", "good"),
    [
        ("bash.postinst", Changed.MODIFIED, False),
        ("libc6:amd64.prerm", Changed.MODIFIED, False),
        ("av-1.0.deb.postinst", Changed.MODIFIED, True),
        ("other.postinst", Changed.ADDED, True),
        ("bash.list", Changed.MODIFIED, True),
    ],
)
def test_scripts_of_other_packages(tmp_path: Path, script: str, how: Changed, good: bool) -> None:
    found = judged(tmp_path, [change(f"/var/lib/dpkg/info/{script}", how)])
    assert (found["persistence"].good, found["beyond-scope-changes"].good) == (good, good)


@pytest.mark.parametrize("detail", ["set-user-ID", "set-group-ID", "mode 0755 → 4755; set-user-ID"])
def test_programs_that_give_rights(tmp_path: Path, detail: str) -> None:
    helper = change("/usr/bin/helper", detail=detail)
    found = judged(tmp_path / "1", [helper])["privileges"]
    assert found.good is False and "/usr/bin/helper" in found.summary
    declared = '[[scope]]\nsteps = ["install"]\nwrites = ["/usr/bin/helper"]\n'
    for number, given in enumerate(
        ({"scope": declared}, {"files": ("/usr/bin/helper",), "set_id": ("/usr/bin/helper",)})
    ):
        told = judged(tmp_path / f"known-{number}", [helper], **given)["privileges"]  # type: ignore[arg-type]
        assert (told.verdict, told.good) == (Verdict.YES, None), given
    wide = judged(tmp_path / "4", [helper], '[[scope]]\nwrites = ["/usr/**"]\n')["privileges"]
    assert wide.good is False


def test_programs_with_capabilities(tmp_path: Path) -> None:
    python = change("/opt/product/python", detail="capabilities CAP_DAC_READ_SEARCH")
    listed = ("/opt/product/python",)
    assert judged(tmp_path / "1", [python], files=listed, set_id=listed)["privileges"].good is False
    less = change("/usr/bin/ping", Changed.ATTRIBUTES, detail="capabilities none")
    assert judged(tmp_path / "2", [less])["privileges"].verdict is Verdict.NO


def test_a_process_that_outlives_the_removal_is_left_behind(tmp_path: Path) -> None:
    over = made.run_record().steps[-1].ended_s
    stays = process(7, ended_s=None)
    late = flow(9, "update.av.example", at_s=over + 1, process=7)
    evidence = changed(made.behaving(), processes=[stays], flows=[late])
    found = {one.question: one for one in judge(made.write(tmp_path / "report", evidence))}["removal"]
    assert (found.verdict, found.good) == (Verdict.YES, False)
    assert "1 running process" in found.summary and "update.av.example:443" in found.facts[0]


def test_without_the_call_layer_ends_are_not_seen_and_flows_are(tmp_path: Path) -> None:
    layers = ("open", "network", "sockets", "changes")
    over = made.run_record().steps[-1].ended_s
    quiet = changed(made.behaving(), run=made.run_record(layers=layers), processes=[process(7, ended_s=None)])
    found = {one.question: one for one in judge(made.write(tmp_path / "1", quiet))}["removal"]
    assert (found.verdict, found.good) == (Verdict.PARTLY, None)
    loud = changed(quiet, flows=[flow(9, "update.av.example", at_s=over + 1, process=7)])
    assert {one.question: one for one in judge(made.write(tmp_path / "2", loud))}["removal"].good is False


def test_what_the_profile_keeps_running_is_told(tmp_path: Path) -> None:
    """A service without a step that stops it: the lab started it, and nobody told it to end."""
    run = made.run_record()
    steps = tuple(
        replace(step, exit_status=None, command=("/opt/product/av", "--serve")) if step.number == 3 else step
        for step in run.steps
    )
    kind = steps[2].kind
    service = f'[[step]]\nkind = "{kind}"\ncommand = ["/opt/product/av", "--serve"]\nbackground = true\n'
    worker = process(8, parent=7, pid=300, step=4, ended_s=None)
    for alive, good in ((None, None), (5.0, False)):
        evidence = changed(
            made.behaving(), run=replace(run, steps=steps), processes=[process(7, ended_s=alive), worker]
        )
        folder = made.write(tmp_path / str(good), evidence, profile=made.PROFILE_TEXT % "AV" + service)
        assert {one.question: one for one in judge(folder)}["removal"].good is good


def test_packages_of_the_subject_are_kept_whole(tmp_path: Path) -> None:
    folder = made.write(tmp_path / "report", made.behaving())
    package = Package(name="x.deb", sha256="00", size=1, files=("/usr/bin/x",), set_id=("/usr/bin/x",))
    folder.write_subject(replace(folder.subject(), packages=(package,)))
    assert folder.subject().packages == (package,)
