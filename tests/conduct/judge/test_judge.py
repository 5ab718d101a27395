"""The judge: each question on evidence made for it. Above all: what was not seen is never answered with no."""

from __future__ import annotations

from dataclasses import replace as changed
from pathlib import Path

import pytest
from msgspec.structs import replace

from overt.conduct.evidence.conclusions import Answer, OpaqueBytes, Verdict
from overt.conduct.evidence.folder import ReportFolder
from overt.conduct.evidence.records import (
    Access,
    Blind,
    Changed,
    Listening,
    Losses,
    Mode,
    Opened,
    Request,
    StepKind,
    StepRun,
)
from overt.conduct.judge import QUESTIONS, judge
from overt.conduct.judge.answering import MAX_FACTS, MAX_TEXT, bytes_text
from overt.core.errors import ConductError
from tests.conduct.report import made
from tests.conduct.report.made import Evidence, access, change, flow, process, sighting


def judged(tmp_path: Path, *runs: Evidence, **given: object) -> dict[str, Answer]:
    folder = made.write(tmp_path / "report", *runs, **given)  # type: ignore[arg-type]
    return {answer.question: answer for answer in judge(folder)}


def changed_run(evidence: Evidence, **given: object) -> Evidence:
    return changed(evidence, run=replace(evidence.run, **given))


def test_a_product_that_behaves(tmp_path: Path) -> None:
    answers = judged(tmp_path, made.behaving(), compared=made.COMPARED[1:])
    assert not [answer.question for answer in answers.values() if answer.good is False]
    assert answers["contact"].verdict is Verdict.YES
    unseen = {answer.question for answer in answers.values() if answer.verdict is Verdict.UNSEEN}
    assert unseen == {"update-integrity"}
    for name in (
        "content-left",
        "undeclared-contact",
        "secrets",
        "beyond-scope-reads",
        "plain-transport",
        "removal",
    ):
        assert (answers[name].verdict, answers[name].good) == (Verdict.NO, True), name


def test_a_product_that_spies(tmp_path: Path) -> None:
    answers = judged(tmp_path, made.spying(), compared=made.COMPARED)
    bad = {answer.question for answer in answers.values() if answer.good is False}
    assert bad == {question.name for question in QUESTIONS} - {"update-integrity", "sight"}
    left = answers["content-left"]
    assert "ssh key" in left.facts[0] and "as it is" in left.facts[0]
    assert any("base64" in fact and "gzip" in fact for fact in left.facts)
    assert any("exfil.spy.example" in fact for fact in answers["undeclared-contact"].facts)
    assert "marked document" in answers["after-detection"].summary


def test_every_question_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "conduct-report.md").read_text()
    assert not [question.name for question in QUESTIONS if f"`{question.name}`" not in page]


def test_every_fact_names_lines_that_exist(tmp_path: Path) -> None:
    folder = made.write(tmp_path / "report", made.spying(), compared=made.COMPARED)
    answers = judge(folder)
    references = [one for answer in answers for text in answer.evidence for one in text.split()]
    assert len(references) > 40
    for answer in answers:
        assert len(answer.facts) == len(answer.evidence)
    for reference in references:
        file, _, line = reference.partition("#")
        lines = (folder.path / file).read_text().splitlines()
        assert not line or 1 <= int(line) <= len(lines), reference


def test_the_same_evidence_gives_the_same_answers(tmp_path: Path) -> None:
    one = made.write(tmp_path / "a", made.spying(), compared=made.COMPARED)
    two = made.write(tmp_path / "b", made.spying(), compared=made.COMPARED)
    assert judge(one) == judge(two)


NETWORK = (
    "content-left",
    "names-left",
    "digests-left",
    "contact",
    "undeclared-contact",
    "plain-transport",
    "after-detection",
)


def test_without_the_network_observer_nothing_is_said_of_the_network(tmp_path: Path) -> None:
    quiet = changed_run(made.behaving(), layers=("open", "trace", "changes"))
    answers = judged(tmp_path, changed(quiet, flows=[]))
    assert {answers[name].verdict for name in NETWORK} == {Verdict.UNSEEN}
    assert answers["sight"].good is False


def test_without_a_network_nothing_is_said_of_what_leaves(tmp_path: Path) -> None:
    dead = changed(changed_run(made.behaving(), mode=Mode.DEAD), flows=[])
    answers = judged(tmp_path, dead)
    for name in ("content-left", "names-left", "digests-left", "plain-transport", "after-detection"):
        assert answers[name].verdict is Verdict.UNSEEN, name
    assert "attempts" in answers["contact"].summary


def test_bytes_that_could_not_be_read_may_hold_anything(tmp_path: Path) -> None:
    opaque = OpaqueBytes(destination="x:443", flows=(1,), bytes=5000, bits_per_byte=7.9, why="pinned")
    answers = judged(tmp_path, changed(made.behaving(), opaque=[opaque]))
    assert answers["content-left"].verdict is Verdict.UNSEEN
    assert "5.00 kB" in answers["content-left"].summary
    assert answers["sight"].verdict is Verdict.PARTLY


@pytest.mark.parametrize(
    ("losses", "unseen"),
    [
        (Losses(packets=3), {"content-left", "names-left", "digests-left"}),
        (Losses(stream_bytes=1), {"content-left", "names-left", "digests-left"}),
        (Losses(other=1), {"content-left", "names-left", "digests-left"}),
        (Losses(file_events=1), {"beyond-scope-reads", "secrets"}),
        (Losses(unnamed_processes=1), {"beyond-scope-reads", "secrets"}),
    ],
)
def test_losses_leave_no_clean_answer(tmp_path: Path, losses: Losses, unseen: set[str]) -> None:
    answers = judged(tmp_path, changed_run(made.behaving(), losses=losses))
    assert {name for name in unseen if answers[name].verdict is Verdict.UNSEEN} == unseen
    assert answers["sight"].good is False


def test_encrypted_content_shows_by_its_size(tmp_path: Path) -> None:
    opaque = OpaqueBytes(destination="x:443", flows=(1,), bytes=5000, bits_per_byte=7.9, why="pinned")
    test = replace(
        made.COMPARED[0], about="canaries", place="x:443", question="x:443, bytes sent: with canaries"
    )
    for number, p in enumerate((0.001, 0.2)):
        evidence = changed(made.behaving(), opaque=[opaque])
        answers = judged(tmp_path / str(number), evidence, compared=[replace(test, p_corrected=p)])
        found = answers["content-left"]
        assert (found.verdict, found.good) == ((Verdict.PARTLY, False), (Verdict.UNSEEN, None))[number]


def test_without_canaries_nothing_is_said_of_content(tmp_path: Path) -> None:
    answers = judged(tmp_path, changed(made.behaving(), canaries=[]))
    assert answers["content-left"].verdict is Verdict.UNSEEN
    assert answers["marking"].verdict is Verdict.UNSEEN


def test_no_run_answers_nothing_well(tmp_path: Path) -> None:
    answers = judged(tmp_path)
    assert not [answer.question for answer in answers.values() if answer.good is True]


def test_a_comparison_too_small_to_show_anything_shows_nothing(tmp_path: Path) -> None:
    weak = replace(made.COMPARED[1], least_p=0.25)
    assert judged(tmp_path, made.behaving(), compared=[weak])["marking"].verdict is Verdict.UNSEEN


def test_a_hint_is_neither_an_accusation_nor_a_clearance(tmp_path: Path) -> None:
    """Of a hundred honest products whose sizes are left to chance, five differ at 0.05."""
    for p, corrected in ((0.02, 0.2), (0.003, 0.03)):
        hint = replace(made.COMPARED[0], p=p, p_corrected=corrected)
        found = judged(tmp_path / str(p), made.behaving(), compared=[hint])["marking"]
        assert (found.verdict, found.good) == (Verdict.UNSEEN, None)


def test_a_tunnel_that_killed_the_finder_is_no_acquittal(tmp_path: Path) -> None:
    """Of a concatenation no bytes are counted; not having searched it counts all the same."""
    why = "not searched: the worker died"
    opaque = OpaqueBytes(destination="x.example", flows=(1, 2), bytes=0, bits_per_byte=0, why=why)
    found = judged(tmp_path, changed(made.behaving(), opaque=[opaque]))["content-left"]
    assert (found.verdict, found.good) == (Verdict.UNSEEN, None) and "x.example" in found.summary


def test_a_size_that_left_is_told_with_what_shows_that_it_is_no_chance(tmp_path: Path) -> None:
    why = "size, decimal: 8 of 36 planted sizes and 0 of 7,200 other numbers, p = 1e-17"
    evidence = changed(made.behaving(), sightings=[sighting(0, 1, "size", length=0, matched=why)])
    found = judged(tmp_path, evidence)["digests-left"]
    assert (found.verdict, found.good) == (Verdict.YES, False)
    assert why in found.facts[0] and "shown" not in found.facts[0]


def test_what_is_declared_is_not_held_against_it(tmp_path: Path) -> None:
    evidence = changed(made.behaving(), sightings=[sighting(0, 1)])
    text = made.PROFILE_TEXT % "Example AV" + 'sends = ["content"]\n'
    answers = judged(tmp_path, evidence, profile=text)
    assert (answers["content-left"].verdict, answers["content-left"].good) == (Verdict.YES, None)


@pytest.mark.parametrize(
    ("name", "server_name", "port", "known"),
    [
        ("update.av.example", "update.av.example", 443, True),
        ("UPDATE.AV.EXAMPLE.", "", 443, True),
        ("update.av.example", "", 80, False),
        ("update.av.example", "other.example", 443, False),  # domain fronting
        ("", "", 443, False),
        ("update.av.example.spy.example", "", 443, False),
        ("xupdate.av.example", "", 443, False),
    ],
)
def test_declared_places(tmp_path: Path, name: str, server_name: str, port: int, known: bool) -> None:
    found = flow(1, name, server_name=server_name, port=port)
    answers = judged(tmp_path, changed(made.behaving(), flows=[found]))
    assert (answers["undeclared-contact"].verdict is Verdict.NO) is known


def test_declared_wildcards_ports_and_addresses(tmp_path: Path) -> None:
    text = (made.PROFILE_TEXT % "AV").replace('"update.av.example:443"', '"*.av.example:*", "[2001:2::7]:99"')
    flows = [
        flow(1, "a.b.av.example", port=8080),
        flow(2, "", server_name="", address="2001:2:0::7", port=99),
    ]
    assert (
        judged(tmp_path, changed(made.behaving(), flows=flows), profile=text)["undeclared-contact"].good
        is True
    )
    bare = changed(made.behaving(), flows=[flow(1, "av.example", port=8080)])
    assert judged(tmp_path / "2", bare, profile=text)["undeclared-contact"].good is False


def test_a_place_is_declared_for_its_steps_only(tmp_path: Path) -> None:
    late = changed(made.behaving(), flows=[flow(1, "update.av.example", step=3)])
    assert judged(tmp_path, late)["undeclared-contact"].verdict is Verdict.YES


def test_names_asked_for_are_contacts_too(tmp_path: Path) -> None:
    asked = flow(
        1,
        "",
        server_name="",
        application="dns",
        port=53,
        opened=Opened.PLAIN,
        requests=(Request(at_s=1.0, method="A", target="Update.AV.example."),),
    )
    assert judged(tmp_path / "1", changed(made.behaving(), flows=[asked]))["undeclared-contact"].good is True
    tunnel = replace(asked, requests=(Request(at_s=1.0, method="A", target="666f6f.spy.example"),))
    answers = judged(tmp_path / "2", changed(made.behaving(), flows=[tunnel]))
    assert answers["undeclared-contact"].good is False
    assert "666f6f.spy.example" in answers["undeclared-contact"].summary


def test_a_declared_secret_is_said_and_not_held_against_it(tmp_path: Path) -> None:
    text = (made.PROFILE_TEXT % "AV").replace("reads = [", 'reads = ["/home/**", ')
    evidence = changed(made.behaving(), accesses=[access("/home/alice/.ssh/id_ed25519")])
    found = judged(tmp_path, evidence, profile=text)["secrets"]
    assert (found.verdict, found.good) == (Verdict.YES, None)


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("/usr/lib/x86_64-linux-gnu/libc.so.6", True),
        ("/etc/ld.so.cache", True),
        ("/opt/product/av", True),
        ("/var/lib/av/db", True),
        ("/home/alice/Documents/deep/er.txt", True),
        ("/home/alice/Pictures/cat.png", False),
        ("/etc/fstab", False),
        ("/etc/ssl/private/key.pem", False),
        ("/proc/1/environ", False),
        ("/home/bob/Documents/x", False),
    ],
)
def test_what_nobody_needs_to_be_told(tmp_path: Path, path: str, known: bool) -> None:
    answers = judged(tmp_path, changed(made.behaving(), accesses=[access(path)]))
    assert (answers["beyond-scope-reads"].good is True) is known


def test_listing_folders_is_said(tmp_path: Path) -> None:
    evidence = changed(made.behaving(), accesses=[access("/home/alice/Music", access=Access.LIST)])
    found = judged(tmp_path, evidence)["beyond-scope-reads"]
    assert (found.verdict, found.good) == (Verdict.PARTLY, None)


@pytest.mark.parametrize(
    "name", ["/etc/hostname", "../../../../outside", "streams/../../../x", "streams", "", "link"]
)
def test_records_lead_nowhere_else(tmp_path: Path, name: str) -> None:
    """A report may come from anybody."""
    folder = made.write(tmp_path / "report", made.behaving()).runs()[0]
    (tmp_path / "outside").write_text("x")
    (folder.path / "link").symlink_to("/etc/hostname")
    assert folder.file(name) is None
    assert folder.file("output/1.txt") == folder.path / "output/1.txt"


def test_what_is_left_after_removal(tmp_path: Path) -> None:
    folder_gone = change("/var/lib/av", Changed.REMOVED, 5, kind="folder")
    changes = [change("/var/lib/av/db", step=2), change("/var/log/av.log", step=2), folder_gone]
    found = judged(tmp_path, changed(made.behaving(), changes=changes))["removal"]
    assert "1 path" in found.summary and "av.log" in found.facts[0]


def test_not_uninstalled_is_not_clean(tmp_path: Path) -> None:
    steps = tuple(step for step in made.run_record().steps if step.kind is not StepKind.UNINSTALL)
    assert judged(tmp_path, changed_run(made.behaving(), steps=steps))["removal"].verdict is Verdict.UNSEEN


def test_root_as_started_is_neither_good_nor_bad(tmp_path: Path) -> None:
    root = process(1, step=2, user=0, capabilities=("CAP_CHOWN", "CAP_KILL"))
    found = judged(tmp_path, changed(made.behaving(), processes=[root]))["privileges"]
    assert (found.verdict, found.good) == (Verdict.PARTLY, None)


def test_an_attempt_that_may_have_succeeded_is_loud(tmp_path: Path) -> None:
    attempt = Blind(at_s=None, what="It left the chamber", by=None, attempt=True, defeated=False)
    answers = judged(tmp_path, changed_run(made.behaving(), blind=(attempt,)))
    assert "MAY HAVE SUCCEEDED" in answers["observer"].facts[0]
    assert answers["sight"].good is not True


def test_attempts_that_failed_are_said_and_no_accusation(tmp_path: Path) -> None:
    attempt = Blind(
        at_s=1.0, what="It called keyctl; the chamber refused it", by=None, attempt=True, defeated=True
    )
    answers = judged(tmp_path, changed_run(made.behaving(), blind=(attempt,)))
    assert (answers["observer"].verdict, answers["observer"].good) == (Verdict.PARTLY, None)


@pytest.mark.parametrize(("at_s", "good"), [(None, True), (2.0, None)])
def test_limits_of_the_lab_are_listed_and_moments_unseen_count(
    tmp_path: Path, at_s: float | None, good: bool | None
) -> None:
    limit = Blind(at_s=at_s, what="Something could not be seen.", by=None, attempt=False, defeated=False)
    found = judged(tmp_path, changed_run(made.behaving(), blind=(limit,)))["sight"]
    assert found.good is good and "Something could not be seen. (run mixed-1)" in found.facts


def test_writing_everywhere_declares_no_start(tmp_path: Path) -> None:
    evidence = changed(made.behaving(), changes=[change("/usr/lib/systemd/system/av.service", step=1)])
    wide = made.PROFILE_TEXT % "AV" + '[[scope]]\nwrites = ["/usr/**", "/**"]\n'
    assert judged(tmp_path / "1", evidence, profile=wide)["persistence"].good is False
    named = made.PROFILE_TEXT % "AV" + '[[scope]]\nwrites = ["/usr/lib/systemd/system/av*"]\n'
    assert judged(tmp_path / "2", evidence, profile=named)["persistence"].good is None


def test_certificates_added_to_any_file(tmp_path: Path) -> None:
    planted = change(
        "/srv/app/bundle", Changed.MODIFIED, 3, detail="certificates: added CN=Spy (an authority)"
    )
    found = judged(tmp_path, changed(made.behaving(), changes=[planted]))["certificates"]
    assert found.good is False and "CN=Spy" in found.facts[0]


def test_a_step_that_failed_is_said(tmp_path: Path) -> None:
    run = made.run_record()
    steps = (*run.steps[:2], replace(run.steps[2], exit_status=2, expected=False), *run.steps[3:])
    answers = judged(tmp_path, changed_run(made.behaving(), steps=steps))
    assert answers["sight"].good is False
    assert any("may not have done its work" in fact for fact in answers["sight"].facts)


def test_a_step_that_told_of_no_detection_is_said(tmp_path: Path) -> None:
    """It ended with a status that the profile expects: what is wrong is what it printed."""
    steps = tuple(replace(one, expected=one.number != 4) for one in made.run_record().steps)
    evidence = changed_run(made.behaving(), steps=steps)
    sight = judged(tmp_path, evidence, profile=asking(StepKind.SCAN_DETECTION))["sight"]
    assert "no line that it printed has the words 'FOUND'" in sight.facts[0]


def test_declared_sockets(tmp_path: Path) -> None:
    text = made.PROFILE_TEXT % "AV" + '[[scope]]\nlistens = ["tcp:3310", "unix:/run/av/*.ctl"]\n'
    one = Listening(at_s=1.0, step=3, protocol="tcp", address="127.0.0.1", port=3310, process=1)
    other = Listening(at_s=1.0, step=3, protocol="unix", address="/run/av/av.ctl", port=0, process=1)
    answers = judged(tmp_path, changed(made.behaving(), listening=[one, other]), profile=text)
    assert (answers["listening"].verdict, answers["listening"].good) == (Verdict.YES, None)
    odd = replace(one, port=3311)
    assert (
        judged(tmp_path / "2", changed(made.behaving(), listening=[odd]), profile=text)["listening"].good
        is False
    )


def test_answers_are_bounded(tmp_path: Path) -> None:
    many = [change(f"/srv/{number}/{'x' * 500}", Changed.ADDED, 3) for number in range(500)]
    found = judged(tmp_path, changed(made.behaving(), changes=many))["beyond-scope-changes"]
    assert len(found.facts) == MAX_FACTS and found.facts[-1] == "and 441 more of the kind"
    assert max(map(len, found.facts)) <= MAX_TEXT


def test_damaged_evidence_is_an_error(tmp_path: Path) -> None:
    folder = made.write(tmp_path / "report", made.behaving())
    flows = folder.evidence / "runs/mixed-1/flows.jsonl"
    flows.write_bytes(flows.read_bytes().replace(b'"number"', b'"nomber"'))
    with pytest.raises(ConductError, match="line 1"):
        judge(ReportFolder(folder.path))


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1.00 kB"), (99_949, "99.9 kB"), (999_499, "999 kB"),
     (999_500, "1.00 MB"), (10**12, "1.00 TB"), (10**16, "10,000 TB")],
)  # fmt: skip
def test_sizes_in_words(count: int, text: str) -> None:
    assert bytes_text(count) == text


def test_a_product_that_never_worked_is_cleared_of_nothing(tmp_path: Path) -> None:
    steps = tuple(
        step if step.kind in (StepKind.INSTALL, StepKind.UNINSTALL) else replace(step, expected=False)
        for step in made.run_record().steps
    )
    answers = judged(tmp_path, changed_run(made.behaving(), steps=steps))
    assert not [name for name, one in answers.items() if one.good and one.verdict is Verdict.NO]
    assert "never did its work" in answers["content-left"].summary
    versions = replace(
        steps[1], number=6, kind=StepKind.COMMAND, command=("/opt/product/av", "--version"), expected=True
    )
    text = made.PROFILE_TEXT.replace("[install]", 'version = ["{product}/av", "--version"]\n[install]') % "AV"
    asked = changed_run(made.behaving(), steps=(*steps, versions))
    assert judged(tmp_path / "2", asked, profile=text)["content-left"].verdict is Verdict.UNSEEN


def test_a_command_that_is_not_there_accuses_nobody(tmp_path: Path) -> None:
    missing = process(1, "", arguments=())
    answers = judged(tmp_path, changed(made.behaving(), processes=[missing]))
    assert answers["beyond-scope-executes"].verdict is Verdict.UNSEEN


def test_what_any_installation_runs_and_opens_is_said_and_no_accusation(tmp_path: Path) -> None:
    installer = [
        process(2, "/usr/bin/dpkg", step=1, arguments=("dpkg", "-i", "x")),
        process(3, "/var/lib/dpkg/info/man-db.postinst", step=1),
    ]
    opened = [
        *made.behaving().accesses,
        access("/var/lib/dpkg/info/acl.list", step=1, process=2),
        access("/opt/packages/av.deb", step=1, process=2),
    ]
    kind = changed(made.behaving(), processes=[process(1), *installer], accesses=opened)
    answers = judged(tmp_path, kind)
    found = answers["beyond-scope-executes"]
    assert (found.verdict, found.good) == (Verdict.PARTLY, None) and "/usr/bin/dpkg" in found.summary
    assert answers["beyond-scope-reads"].verdict is Verdict.NO
    brought = [process(2, "/srv/tool", step=1), process(3, "/usr/bin/curl", step=3)]
    worse = judged(tmp_path / "2", changed(kind, processes=brought))["beyond-scope-executes"]
    assert worse.good is False and "/srv/tool" in worse.summary and "/usr/bin/curl" in worse.summary
    scanning = changed(kind, accesses=[access("/var/lib/dpkg/status")])
    assert judged(tmp_path / "3", scanning)["beyond-scope-reads"].good is False


def test_a_scripts_interpreter_is_what_the_step_was_told_to_run(tmp_path: Path) -> None:
    command = ("/opt/product/av", "scan", "/home")
    told = process(1, "/usr/bin/dash", arguments=("/bin/sh", *command))
    other = process(2, "/usr/bin/dash", arguments=("/bin/sh", "-c", "id"))
    assert judged(tmp_path, changed(made.behaving(), processes=[told]))["beyond-scope-executes"].good
    found = judged(tmp_path / "2", changed(made.behaving(), processes=[told, other]))
    assert found["beyond-scope-executes"].good is False


def test_removing_its_own_files_needs_no_declaration(tmp_path: Path) -> None:
    own = [change("/etc/av.conf"), change("/etc/av.conf", Changed.REMOVED, 5)]
    found = judged(tmp_path, changed(made.behaving(), changes=own))["beyond-scope-changes"]
    assert found.good is None and "removed" not in " ".join(found.facts)
    others = [change("/etc/other.conf", Changed.REMOVED, 5)]
    found = judged(tmp_path / "2", changed(made.behaving(), changes=others))["beyond-scope-changes"]
    assert found.good is False


def test_what_the_first_run_installed_is_its_own_in_later_ones(tmp_path: Path) -> None:
    """Its installation was in the first alone; a planted file is never its own."""
    first = changed(made.behaving(), changes=[change("/etc/av.conf"), change("/home/alice/a.txt")])
    steps = tuple(step for step in first.run.steps if step.kind is not StepKind.INSTALL)
    later = changed(
        made.behaving(),
        run=made.run_record("mixed-2", began="2026-11-22T10:01:00Z", steps=steps),
        processes=[process(1), process(2, "/etc/av.conf")],
        accesses=[*made.behaving().accesses, access("/etc/av.conf")],
        changes=[change("/etc/av.conf", Changed.REMOVED, 5)],
    )
    answers = judged(tmp_path / "1", first, later)
    for name in ("beyond-scope-reads", "beyond-scope-executes"):
        assert answers[name].good is not False, answers[name]
    assert not any("removed" in fact for fact in answers["beyond-scope-changes"].facts)
    planted = replace(made.canaries()[0], path="/home/alice/a.txt")
    read = changed(later, canaries=[planted], accesses=[access("/home/alice/a.txt")])
    assert judged(tmp_path / "2", first, read)["beyond-scope-reads"].good is False


def test_documents_that_were_never_opened_tell_nothing(tmp_path: Path) -> None:
    answers = judged(tmp_path, changed(made.behaving(), accesses=[]), compared=made.COMPARED[1:])
    assert answers["marking"].verdict is Verdict.UNSEEN and "opened none" in answers["marking"].summary
    assert answers["after-detection"].verdict is Verdict.UNSEEN


def test_malware_that_meets_an_on_access_scanner_is_a_detection(tmp_path: Path) -> None:
    """The step counts if a test file was opened in it, and something tells that the product minded."""
    steps = [
        replace(one, kind=StepKind.ON_ACCESS) if one.number == 4 else one for one in made.run_record().steps
    ]
    watching = changed_run(made.behaving(), steps=tuple(steps))
    found = judged(tmp_path / "1", watching)["after-detection"]
    assert found.verdict is Verdict.UNSEEN and "No run had a step" in found.summary
    met = changed(watching, accesses=[*watching.accesses, access("/home/alice/Downloads/tools.zip", 4)])
    found = judged(tmp_path / "2", met)["after-detection"]
    assert found.verdict is Verdict.UNSEEN and "`finds`" in found.summary
    sends = changed(met, flows=[made.flow(1, "update.av.example", 4)])
    assert judged(tmp_path / "3", sends)["after-detection"].good is False
    text = asking(StepKind.ON_ACCESS)
    found = judged(tmp_path / "4", met, profile=text)["after-detection"]
    assert found.verdict is Verdict.UNSEEN and "no line" in found.summary
    refused = changed_run(met, steps=tuple(telling(step) for step in steps))
    found = judged(tmp_path / "5", refused, profile=text)["after-detection"]
    assert (found.verdict, found.good) == (Verdict.NO, True)
    assert "it told: x.zip: FOUND" in found.facts[0] and found.evidence[0].endswith("output/4.txt")
    assert "nothing of the kind in the record" in found.facts[-1]
    unmet = changed(refused, accesses=[])
    found = judged(tmp_path / "6", unmet, profile=text)["after-detection"]
    assert found.verdict is Verdict.UNSEEN, "it says that it reads test files, and none was opened"


def telling(step: StepRun) -> StepRun:
    return replace(step, found="x.zip: FOUND") if step.number == 4 else step


def asking(kind: StepKind, reads: str = '"/home/alice/Documents/**", "/home/alice/Downloads/**"') -> str:
    """The profile of `made`, whose fourth step is of this kind and has `finds`."""
    text = made.PROFILE_TEXT % "AV"
    text = text.replace('kind = "scan-detection"', f'kind = "{kind}"\nfinds = "FOUND"')
    return text.replace('"/home/alice/Documents/**", "/home/alice/Downloads/**"', reads)


def test_who_finds_traces_by_their_names_tells_it_in_words(tmp_path: Path) -> None:
    """A rootkit scanner opens no test file, and does not say that it does."""
    told = changed_run(made.behaving(), steps=tuple(telling(step) for step in made.run_record().steps))
    by_name = changed(told, accesses=[])
    text = asking(StepKind.SCAN_DETECTION, reads='"/usr/**"')
    found = judged(tmp_path / "1", by_name, profile=text)["after-detection"]
    assert (found.verdict, found.good) == (Verdict.NO, True)
    silent = changed(made.behaving(), accesses=[])
    assert judged(tmp_path / "2", silent, profile=text)["after-detection"].verdict is Verdict.UNSEEN
    unsaid = text.replace('finds = "FOUND"', "")
    assert judged(tmp_path / "3", by_name, profile=unsaid)["after-detection"].verdict is Verdict.UNSEEN
    claiming = asking(StepKind.SCAN_DETECTION)
    assert judged(tmp_path / "4", by_name, profile=claiming)["after-detection"].verdict is Verdict.UNSEEN
    sending = changed(by_name, flows=[made.flow(1, "update.av.example", 4)])
    assert judged(tmp_path / "5", sending, profile=text)["after-detection"].good is False


def test_declared_contact_after_a_detection_is_no_accusation(tmp_path: Path) -> None:
    text = made.PROFILE_TEXT.replace('steps = ["update"]\n', "") % "AV"
    asked = made.flow(
        2,
        "",
        4,
        application="dns",
        port=53,
        address="192.0.2.53",
        opened=Opened.PLAIN,
        requests=(Request(at_s=9.5, method="A", target="update.av.example"),),
    )
    sent = changed(made.behaving(), flows=[made.flow(1, "update.av.example", 4), asked])
    found = judged(tmp_path, sent, profile=text)["after-detection"]
    assert (found.verdict, found.good) == (Verdict.PARTLY, None)
    tunnel = replace(asked, requests=(Request(at_s=9.5, method="A", target="x.spy.example"),))
    found = judged(tmp_path / "2", changed(sent, flows=[tunnel]), profile=text)["after-detection"]
    assert (found.verdict, found.good) == (Verdict.PARTLY, False)


def test_untraced_calls_may_have_hidden_anything(tmp_path: Path) -> None:
    found = judged(tmp_path, changed_run(made.behaving(), layers=("open", "network", "changes", "calls")))
    assert found["observer"].verdict is Verdict.UNSEEN


def test_a_no_names_the_record_in_which_nothing_was_found(tmp_path: Path) -> None:
    folder = made.write(tmp_path / "report", made.behaving())
    for one in judge(folder):
        if one.verdict is Verdict.NO:
            assert one.facts and all(one.evidence), one.question
            assert all((folder.path / name.partition("#")[0]).is_file() for name in one.evidence[0].split())


@pytest.mark.parametrize(
    ("program", "step", "good"),
    [("/usr/sbin/useradd", 1, None), ("/usr/sbin/useradd", 3, False), ("/usr/bin/cat", 1, False)],
)
def test_who_keeps_accounts_may_open_passwords(
    tmp_path: Path, program: str, step: int, good: bool | None
) -> None:
    opened = [access("/etc/shadow", step=step, process=2)]
    kind = changed(made.behaving(), processes=[process(1), process(2, program, step=step)], accesses=opened)
    answers = judged(tmp_path, kind)
    assert answers["secrets"].good is good
    assert answers["beyond-scope-reads"].good is (good is None)


def test_a_package_manager_reads_what_it_needs_but_no_planted_file(tmp_path: Path) -> None:
    manager = [process(1), process(2, "/usr/bin/apt-get", step=5)]
    own = [access("/etc/machine-id", step=5, process=2)]
    kind = changed(made.behaving(), processes=manager, accesses=own)
    assert judged(tmp_path, kind)["beyond-scope-reads"].good
    planted = [access("/home/alice/Documents/report-0.txt", step=5, process=2)]
    text = (made.PROFILE_TEXT % "AV").replace('reads = ["/home/alice/Documents/**", ', "reads = [")
    found = judged(tmp_path / "2", changed(kind, accesses=planted), profile=text)
    assert found["beyond-scope-reads"].good is False


def test_a_store_of_its_own_changes_what_nobody_else_trusts(tmp_path: Path) -> None:
    own = change("/opt/product/lib/python3.11/site-packages/pip/_vendor/certifi/cacert.pem")
    assert judged(tmp_path, changed(made.behaving(), changes=[own]))["certificates"].good
    others = change("/usr/lib/python3/dist-packages/certifi/cacert.pem", Changed.MODIFIED)
    found = judged(tmp_path / "2", changed(made.behaving(), changes=[own, others]))["certificates"]
    assert found.good is False and len(found.facts) == 1


ADDRESS, PLACE = "203.0.113.77", "https://update.av.example/x"


@pytest.mark.parametrize(
    ("how", "declared"),
    [
        ({"resolved": False}, False),
        ({"resolved": False, "server_name": "update.av.example"}, False),
        ({"requests": (Request(at_s=2, method="GET", target=PLACE),)}, True),
        ({"requests": (Request(at_s=2, method="GET", target=f"https://{ADDRESS}/x"),)}, True),
        ({"requests": (Request(at_s=2, method="POST", target="https://evil.example/x"),)}, False),
        (
            {
                "requests": (
                    Request(at_s=2, method="GET", target=PLACE, headers=(("Host", "evil.example:443"),)),
                )
            },
            False,
        ),
        ({"requests": (Request(at_s=2, method="CONNECT", target="evil.example:443"),)}, False),
        ({"requests": (Request(at_s=2, method="SNI", target="evil.example"),)}, False),
        ({"requests": (Request(at_s=2, method="SNI", target="Update.AV.example."),)}, True),
    ],
)
def test_a_place_is_declared_if_address_and_every_name_given_there_are(
    tmp_path: Path, how: dict[str, object], declared: bool
) -> None:
    found = flow(1, "update.av.example", address=ADDRESS, **how)
    answer = judged(tmp_path, changed(made.behaving(), flows=[found]))["undeclared-contact"]
    assert answer.verdict is (Verdict.NO if declared else Verdict.YES), answer


def test_domain_fronting_is_called_that(tmp_path: Path) -> None:
    request = Request(at_s=2, method="POST", target="https://collector.evil.example/x")
    hidden = {"resolved": False, "server_name": "update.av.example", "requests": (request,)}
    found = flow(1, "update.av.example", address=ADDRESS, **hidden)
    answer = judged(tmp_path, changed(made.behaving(), flows=[found]))["undeclared-contact"]
    assert f"{ADDRESS}:443" in answer.summary and "domain fronting" in answer.summary
    assert (
        "declared name update.av.example" in answer.facts[0] and "collector.evil.example" in answer.facts[0]
    )


def test_an_address_may_be_declared(tmp_path: Path) -> None:
    text = made.PROFILE_TEXT % "AV" + f'[[scope]]\nconnects = ["{ADDRESS}:443", "[2001:db8::7]:443"]\n'
    for address in (ADDRESS, "2001:db8::7"):
        found = flow(1, "", address=address, resolved=False)
        answers = judged(tmp_path / address, changed(made.behaving(), flows=[found]), profile=text)
        assert answers["undeclared-contact"].verdict is Verdict.NO, answers["undeclared-contact"]


def test_that_words_may_stand_for_others_is_told_of_who_sent_some(tmp_path: Path) -> None:
    told = judged(tmp_path / "sent", made.behaving())["sight"]
    silent = judged(tmp_path / "silent", changed(made.behaving(), flows=[]))["sight"]
    assert any("code book" in fact for fact in told.facts)
    assert not any("code book" in fact for fact in silent.facts)
