"""The scheme: its table, the assessment of reports, certificates, and the log that anyone can check."""

from __future__ import annotations

import json
from dataclasses import replace as changed
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from google.protobuf import json_format
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from msgspec.structs import replace

from overt.cli.app import main
from overt.conduct.certify import assess as assessing
from overt.conduct.certify import certificate, document, log, office
from overt.conduct.certify import issuer as issuing
from overt.conduct.certify.assess import Assessment, Exercised, Result, assess, assessed
from overt.conduct.certify.issuer import Issuer
from overt.conduct.certify.requirements import BY_NAME, DEPTHS, REQUIREMENTS, Level, required
from overt.conduct.chamber import products
from overt.conduct.evidence.conclusions import Answer, Verdict
from overt.conduct.evidence.records import Arm, StepKind, StepRun
from overt.conduct.judge import QUESTIONS
from overt.conduct.report import signing, writing
from overt.core import canonical
from overt.core.errors import ChannelError, ConductError, LogError
from overt.tlog.proof import parse as parse_proof
from tests.conduct.report import made
from tests.conduct.report.conftest import Report, written

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FULL = Exercised(16, 16, frozenset(Arm), frozenset(StepKind))


def answers(**given: tuple[Verdict, bool | None]) -> list[Answer]:
    """Good answers to everything but what is given."""
    return [
        Answer(question=one.name, asked=one.asked, verdict=verdict, good=good, summary="so it is.")
        for one in QUESTIONS
        for verdict, good in [given.get(one.name.replace("-", "_"), (Verdict.NO, True))]
    ]


def test_the_table() -> None:
    assert len(BY_NAME) == len(REQUIREMENTS) == len({one.question for one in REQUIREMENTS})
    assert [one.name for one in REQUIREMENTS] == [
        f"OC-{number:02}" for number in range(1, len(REQUIREMENTS) + 1)
    ]
    questions = {question.name for question in QUESTIONS}
    assert {one.question for one in REQUIREMENTS} == questions - {"contact"}
    for one in REQUIREMENTS:
        assert one.cra and one.common_criteria and one.cannot_show and one.why, one.name
    levels = [len(required(level)) for level in DEPTHS]
    assert levels == sorted(levels) and levels[-1] == len(REQUIREMENTS)


def test_the_page_is_made_from_the_table() -> None:
    page = (ROOT / "docs" / "conduct-scheme.md").read_text()
    assert document.placed(page) == page, "run 'make conduct-scheme'"
    terms = page.partition("## Terms")[2]
    for one in REQUIREMENTS:
        assert all(component in terms for component in one.common_criteria), one.name
    with pytest.raises(ValueError):
        document.placed("nothing")


def test_levels() -> None:
    assert assessed(answers(), FULL).level is Level.ACCOUNTABLE
    assert assessed(answers(removal=(Verdict.YES, False)), FULL).level is Level.MODEST
    assert assessed(answers(secrets=(Verdict.YES, False)), FULL).level is Level.DISCREET
    assert assessed(answers(content_left=(Verdict.YES, False)), FULL).level is Level.NONE


@pytest.mark.parametrize("question", [one.question for one in REQUIREMENTS])
def test_what_is_not_seen_never_passes(question: str) -> None:
    unseen = answers(**{question.replace("-", "_"): (Verdict.UNSEEN, None)})
    found = assessed(unseen, FULL)
    outcome = next(one for one in found.outcomes if one.requirement.question == question)
    assert outcome.result is Result.NOT_SHOWN
    assert found.level < outcome.requirement.level
    missing = assessed([one for one in unseen if one.question != question], FULL)
    assert missing.level < outcome.requirement.level


def test_what_is_declared() -> None:
    declared = (Verdict.YES, None)
    assert assessed(answers(persistence=declared, digests_left=declared), FULL).level is Level.ACCOUNTABLE
    assert assessed(answers(content_left=declared), FULL).level is Level.NONE


@pytest.mark.parametrize(
    ("lacking", "level"),
    [
        (changed(FULL, runs=11), Level.MODEST),
        (changed(FULL, pairs=8), Level.MODEST),
        (changed(FULL, pairs=7), Level.NONE),
        (changed(FULL, arms=FULL.arms - {"none"}), Level.MODEST),
        (changed(FULL, steps=FULL.steps - {StepKind.UNINSTALL}), Level.MODEST),
        (changed(FULL, steps=FULL.steps - {StepKind.IDLE}), Level.DISCREET),
        (changed(FULL, steps=FULL.steps - {StepKind.SCAN_DETECTION}), Level.ACCOUNTABLE),
        (changed(FULL, steps=FULL.steps - {StepKind.ON_ACCESS}), Level.ACCOUNTABLE),
        (changed(FULL, steps=FULL.steps - {StepKind.SCAN_DETECTION, StepKind.ON_ACCESS}), Level.NONE),
        (Exercised(0, 0, frozenset(), frozenset()), Level.NONE),
    ],
)
def test_too_little_was_exercised(lacking: Exercised, level: Level) -> None:
    assert assessed(answers(), lacking).level is level


def deep(name: str = "mixed-1") -> made.Evidence:
    """The behaving product with enough pairs and an idle step."""
    base = made.behaving()
    run = made.run_record(name)
    idle = StepRun(
        number=6, kind=StepKind.IDLE, command=("sleep", "1"), began_s=13.0, ended_s=14.0, exit_status=0,
        timed_out=False, expected=True, output="output/6.txt",
    )  # fmt: skip
    run = replace(run, steps=(*run.steps, idle))
    return changed(base, run=run, canaries=made.canaries(16))


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A report that reaches level 2."""
    path = tmp_path_factory.mktemp("good") / "report"
    return written(path, deep("mixed-1"), deep("mixed-2"))


def test_reports_are_assessed(good: Report, spying: Report) -> None:
    folder = good.folder
    folder_answers = {one.requirement.name: one.result for one in assess(folder).outcomes}
    assert folder_answers["OC-05"] is Result.PASS
    failed = {one.requirement.name for one in assess(spying.folder).outcomes if one.result is Result.FAIL}
    assert failed == {one.name for one in REQUIREMENTS} - {"OC-10", "OC-18"}
    assert assess(spying.folder).level is Level.NONE
    done = assessing.exercised(folder)
    assert (done.runs, done.pairs, done.arms) == (2, 16, frozenset({"mixed"}))
    assert StepKind.IDLE in done.steps


@pytest.fixture
def clean(tmp_path: Path) -> Report:
    """A report that reaches level 2: nothing differs between marked and unmarked."""
    return written(tmp_path / "report", deep("mixed-1"), deep("mixed-2"))


def test_an_installation_that_was_never_seen_does_not_count(tmp_path: Path) -> None:
    text = (made.PROFILE_TEXT % "AV").replace(
        'how = "folder"\npath = "."', 'how = "present"\nfiles = ["/opt/product/av"]'
    )
    base = deep()
    steps = tuple(step for step in base.run.steps if step.kind is not StepKind.INSTALL)
    evidence = changed(base, run=replace(base.run, steps=steps))
    assert StepKind.INSTALL in assessing.exercised(made.write(tmp_path / "folder", evidence)).steps
    assert (
        StepKind.INSTALL
        not in assessing.exercised(made.write(tmp_path / "present", evidence, profile=text)).steps
    )


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer(tmp_path / "certifier")


def issue(issuer: Issuer, report: Report, **given: object) -> office.Issued:
    return office.issue(issuer, report.folder.path, report.key.text, None, NOW, **given)  # type: ignore[arg-type]


def held(issuer: Issuer, path: Path, now: datetime = NOW, package: str = "") -> dict[str, bool]:
    _, checks = office.check(path.read_bytes(), issuer.public, issuer.key().public, now, package)
    return {check.what: check.held for check in checks}


def test_a_certificate_from_issue_to_withdrawal(issuer: Issuer, clean: Report) -> None:
    issued = issue(issuer, clean)
    assert issued.assessment.level is Level.MODEST
    package = clean.folder.subject().packages[0].sha256
    assert all(held(issuer, issued.path, package=package).values())
    assert not held(issuer, issued.path, package="0" * 64)["package"]
    assert not held(issuer, issued.path, NOW + timedelta(days=366))["validity"]
    assert not held(issuer, issued.path, NOW - timedelta(days=1))["validity"]
    office.withdraw(issuer, issued.certificate.sha256[:8], "refuted by another run", NOW)
    _, checks = office.check(issued.path.read_bytes(), issuer.public, issuer.key().public, NOW)
    assert (checks[-1].what, checks[-1].held) == ("withdrawal", False)
    assert "refuted by another run" in checks[-1].words
    with pytest.raises(ConductError, match="withdrawn already"):
        office.withdraw(issuer, issued.certificate.sha256, "again", NOW)
    with pytest.raises(ConductError, match="make a new report"):
        office.issue(issuer, clean.folder.path, clean.key.text, None, NOW + timedelta(days=1))


def test_other_certificates_of_a_report_stay_valid_and_are_named(
    issuer: Issuer, clean: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    now = datetime.now(UTC)
    first, other, third = (
        office.issue(issuer, clean.folder.path, clean.key.text, None, now, days).certificate.sha256
        for days in (100, 200, 1)
    )
    withdraw = ["conduct", "certify", "withdraw", "--reason", "test", "--folder", str(issuer.folder)]
    assert main([*withdraw, first]) == 0
    said = capsys.readouterr().err
    assert (
        f"still valid, and rests on the same report: {other}" in said and third in said and first not in said
    )
    assert office.others_of_its_report(issuer, first, now + timedelta(days=2)) == (other,)
    (issuer.public / "certificates" / f"{third}.dsse.json").unlink()
    assert main([*withdraw, other]) == 0
    assert "still valid" not in capsys.readouterr().err


def test_a_withdrawal_holds_without_its_words(issuer: Issuer, clean: Report) -> None:
    """Whoever serves the log can't undo a withdrawal by leaving its statement out."""
    issued = issue(issuer, clean)
    office.withdraw(issuer, issued.certificate.sha256, "refuted", NOW)
    for path in (issuer.public / "withdrawals").iterdir():
        path.unlink()
    assert not held(issuer, issued.path)["withdrawal"]


def test_in_toto_reads_a_certificate(issuer: Issuer, clean: Report) -> None:
    envelope = issue(issuer, clean).path.read_bytes()
    statement = signing.opened(envelope, issuer.key().public, "certificate").statement
    Statement.copy_from_pb(json_format.ParseDict(statement, statement_pb2.Statement())).validate()  # type: ignore[attr-defined]


def test_the_proof_works_offline(issuer: Issuer, clean: Report) -> None:
    issued = issue(issuer, clean)
    later = issue(issuer, clean, days=30)
    proof = (issuer.public / "proofs" / f"{issued.certificate.sha256}.tlog-proof").read_bytes()
    public = issuer.key().public

    def shown(path: Path) -> dict[str, bool]:
        _, checks = office.check_offline(path.read_bytes(), proof, public, NOW)
        return {check.what: check.held for check in checks}

    assert shown(issued.path) == {"signature": True, "validity": True, "log": True}
    assert not shown(later.path)["log"]
    assert log.prove(parse_proof(proof), issued.path.read_bytes(), public).index == 0
    with pytest.raises(LogError):
        log.prove(parse_proof(proof), issued.path.read_bytes(), signing.new_key().public)


def test_entering_twice_is_entering_once(issuer: Issuer, clean: Report) -> None:
    assert issue(issuer, clean).entry == issue(issuer, clean).entry
    assert log.public_log(issuer.public, issuer.key().public).head.size == 1


def test_many_certificates(issuer: Issuer, clean: Report) -> None:
    issued = [issue(issuer, clean, days=days) for days in range(1, 12)]
    assert all(all(held(issuer, one.path, NOW + timedelta(hours=1)).values()) for one in issued)
    kinds = {entry.kind for entry in log.public_log(issuer.public, issuer.key().public).entries()}
    assert kinds == {log.CERTIFICATE}


def test_a_report_that_does_not_hold_is_not_certified(issuer: Issuer, clean: Report) -> None:
    (clean.folder.evidence / "compared.jsonl").write_bytes(b"")
    with pytest.raises(ConductError, match="does not verify"):
        issue(issuer, clean)
    assert not issuer.public.exists()


def test_a_report_of_another_lab_is_not_certified(issuer: Issuer, clean: Report) -> None:
    with pytest.raises(ConductError, match="not signed by the key"):
        office.issue(issuer, clean.folder.path, signing.new_key().text, None, NOW)


def test_without_a_level_there_is_no_certificate(issuer: Issuer, spying: Report) -> None:
    with pytest.raises(ConductError, match="no level is reached: OC-01"):
        issue(issuer, spying)


@pytest.mark.parametrize("days", [0, 398, -1])
def test_validity_is_bounded(issuer: Issuer, clean: Report, days: int) -> None:
    with pytest.raises(ConductError, match="1 to 397"):
        issue(issuer, clean, days=days)


@pytest.mark.parametrize("reason", ["", " ", "two\nlines", "\u202e", "x" * 401])
def test_withdrawals_need_words(issuer: Issuer, clean: Report, reason: str) -> None:
    issued = issue(issuer, clean)
    with pytest.raises(ConductError, match="needs a reason"):
        office.withdraw(issuer, issued.certificate.sha256, reason, NOW)
    with pytest.raises(ConductError, match="0 certificates"):
        office.withdraw(issuer, "f" * 64, "no such", NOW)


def test_a_certificate_that_is_not_in_the_log(issuer: Issuer, clean: Report, tmp_path: Path) -> None:
    """Signed by the issuer's key, and kept from the public: worth nothing."""
    key = issuer.key()
    secret = certificate.issue(key, clean.folder.subject(), assess(clean.folder), (), "0" * 64, NOW, 30)
    path = tmp_path / "secret.json"
    path.write_bytes(secret)
    found = held(issuer, path)
    assert found["signature"] and not found["log"]


def test_flipped_bits_are_told(issuer: Issuer, clean: Report) -> None:
    issued = issue(issuer, clean)
    issue(issuer, clean, days=30)
    tiles = [path for path in (issuer.public / "log").rglob("*") if path.is_file() and path.name != "1"]
    assert len(tiles) == 3  # those of the newest head, and the checkpoint
    for path in (issued.path, *tiles):
        data = path.read_bytes()
        path.write_bytes(
            data[: len(data) // 2] + bytes((data[len(data) // 2] ^ 4,)) + data[len(data) // 2 + 1 :]
        )
        assert not all(held(issuer, issued.path).values()), path
        path.write_bytes(data)
    assert all(held(issuer, issued.path).values())


def test_an_old_copy_of_the_log_is_not_continued(issuer: Issuer, clean: Report) -> None:
    issue(issuer, clean)
    old = {path: path.read_bytes() for path in (issuer.public / "log").rglob("*") if path.is_file()}
    issue(issuer, clean, days=30)
    for path, data in old.items():
        path.write_bytes(data)
    with pytest.raises(ConductError, match="an old copy"):
        issue(issuer, clean, days=31)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b'{"size": 1, "root": "zz"}', b'{"size": -1, "root": ""}', b"\xff"]
)
def test_a_damaged_note_of_the_head_is_told(issuer: Issuer, clean: Report, data: bytes) -> None:
    issue(issuer, clean)
    (issuer.folder / "head.json").write_bytes(data)
    with pytest.raises(ChannelError, match=r"head\.json.*backup"):
        issue(issuer, clean, days=30)


def test_an_append_that_was_interrupted(
    issuer: Issuer, clean: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it ends, the next one makes a whole log."""
    real = issuing.write_public
    for stop in range(1, 8):
        done = 0

        def failing(path: Path, data: bytes, stop: int = stop) -> None:
            nonlocal done
            done += 1
            if done == stop:
                raise OSError(28, "No space left on device")
            real(path, data)

        monkeypatch.setattr(issuing, "write_public", failing)
        try:
            issue(issuer, clean, days=stop)
        except OSError:
            pass
        monkeypatch.setattr(issuing, "write_public", real)
        issued = issue(issuer, clean, days=100 + stop)
        assert all(held(issuer, issued.path, NOW + timedelta(hours=1)).values()), stop
        assert (issuer.public / "proofs" / f"{issued.certificate.sha256}.tlog-proof").exists()


def test_the_command(clean: Report, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, lab, issuer_key = tmp_path / "c", tmp_path / "lab.pub", tmp_path / "issuer.pub"
    lab.write_text(clean.key.text + "\n")
    assert main(["conduct", "certify", "assess", str(clean.folder.path)]) == 0
    assert "level 2, modest" in capsys.readouterr().out
    issued = office.issue(Issuer(folder), clean.folder.path, clean.key.text, None, datetime.now(UTC))
    issuer_key.write_text(Issuer(folder).key().text)
    check = ["conduct", "certify", "verify", str(issued.path), "--issuer-key", str(issuer_key), "--log"]
    assert main([*check, str(folder / "public")]) == 0
    said = capsys.readouterr().out
    assert "ok      log: entry 0 of 1" in said and "  connects to " in said and "  sends of files" in said
    identifier = issued.certificate.sha256[:10]
    assert (
        main(["conduct", "certify", "withdraw", identifier, "--reason", "test", "--folder", str(folder)]) == 0
    )
    assert main([*check, str(folder / "public")]) == 2
    assert "withdrawn: test" in capsys.readouterr().out
    assert main(["conduct", "certify", "key", "--folder", str(folder)]) == 0
    assert capsys.readouterr().out.strip() == issuer_key.read_text()
    listing = ["conduct", "certify", "log", str(folder / "public"), "--issuer-key", str(issuer_key)]
    assert main(listing) == 0
    said = capsys.readouterr().out
    assert "withdrawn  level 2" in said and "unseen  witnesses" in said
    issued.path.unlink()
    assert main(listing) == 0
    assert "unreadable  of packages" in capsys.readouterr().out
    typo = tmp_path / "typo"
    assert main(["conduct", "certify", "renew", "--folder", str(typo)]) == 2
    assert not typo.exists()
    assert main(["conduct", "certify", "log", str(typo), "--issuer-key", str(issuer_key)]) == 2
    assert f"{typo}: no log is there" in capsys.readouterr().err, "not that nothing was issued, nor withdrawn"
    typo.write_text("garbage")
    assert main(["conduct", "certify", "witnesses", str(typo), "--folder", str(folder)]) == 2
    assert f"{typo}: " in capsys.readouterr().err
    late = ["--lab-key", str(lab), "--folder", str(folder), "--days", "398"]
    assert main(["conduct", "certify", "issue", "/nowhere", *late]) == 2
    assert "--days 398" in capsys.readouterr().err, "told before a report is verified"
    assert (
        main(["conduct", "certify", "issue", str(tmp_path), "--lab-key", str(lab), "--folder", str(folder)])
        == 2
    )
    assert json.loads((folder / "head.json").read_bytes())["size"] == 2


def test_what_is_given_wrongly_is_named(
    clean: Report, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, issuer_key = tmp_path / "c", tmp_path / "issuer.pub"
    issued = office.issue(Issuer(folder), clean.folder.path, clean.key.text, None, datetime.now(UTC))
    issuer_key.write_text(Issuer(folder).key().text)
    check = ["conduct", "certify", "verify", str(issued.path), "--issuer-key", str(issuer_key), "--log"]
    assert main([*check, str(tmp_path)]) == 2
    assert "FAILED  log: no log is there (log/checkpoint)" in capsys.readouterr().out
    check.append(str(folder / "public"))
    assert main([*check, "--policy", str(issuer_key)]) == 2
    assert f"--policy {issuer_key}: log policy" in capsys.readouterr().err
    assert main([*check, "--max-age", "0"]) == 2
    assert "--max-age 0" in capsys.readouterr().err
    assert main([*check, "--lab-key", str(issuer_key)]) == 2
    assert "--report" in capsys.readouterr().err
    assert main(["conduct", "certify", "withdraw", "zz", "--reason", "x", "--folder", str(folder)]) == 2
    assert "'zz' is the beginning of 0 certificates in the log" in capsys.readouterr().err


def test_a_product_that_came_as_a_folder_is_told_from_another(clean: Report, tmp_path: Path) -> None:
    product, folder, issuer_key = tmp_path / "product", tmp_path / "c", tmp_path / "issuer.pub"
    product.mkdir()
    (product / "av").write_text("true")
    subject = replace(clean.folder.subject(), packages=(products.package("av", product),))
    clean.folder.write_subject(subject)
    writing.write(clean.folder, clean.key, made.MADE)
    issued = office.issue(Issuer(folder), clean.folder.path, clean.key.text, None, datetime.now(UTC))
    issuer_key.write_text(Issuer(folder).key().text)
    check = ["conduct", "certify", "verify", str(issued.path), "--issuer-key", str(issuer_key)]
    check += ["--log", str(folder / "public"), "--package", str(product)]
    assert main(check) == 0
    (product / "av").write_text("false")
    assert main(check) == 2


def forged(issuer: Issuer, clean: Report, tmp_path: Path, **given: object) -> Path:
    """A certificate as only a dishonest issuer would sign it."""
    whole = Assessment(assess(clean.folder).outcomes, Level.MODEST, ())
    made = certificate.issue(
        issuer.key(),
        clean.folder.subject(),
        changed(whole, **given),  # type: ignore[arg-type]
        (),
        "0" * 64,
        NOW,
        30,
    )
    path = tmp_path / "forged.json"
    path.write_bytes(made)
    return path


def test_a_level_without_its_requirements_is_no_certificate(
    issuer: Issuer, clean: Report, tmp_path: Path
) -> None:
    """Whoever signed it: what the scheme lets no certificate say is not believed."""
    assert held(issuer, forged(issuer, clean, tmp_path))["signature"]
    failing = tuple(changed(one, result=Result.FAIL) for one in assess(clean.folder).outcomes)
    assert held(issuer, forged(issuer, clean, tmp_path, outcomes=failing)) == {"signature": False}
    assert held(issuer, forged(issuer, clean, tmp_path, outcomes=())) == {"signature": False}


def test_a_validity_past_the_schemes_is_no_certificate(
    issuer: Issuer, clean: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(certificate, "MAX_DAYS", 4000)
        long = certificate.issue(
            issuer.key(), clean.folder.subject(), assess(clean.folder), (), "0" * 64, NOW, 3000
        )
    with pytest.raises(ConductError, match="valid for over 397 days"):
        certificate.opened(long, issuer.key().public)


def test_an_entry_about_other_packages_hides_nothing(issuer: Issuer, clean: Report, tmp_path: Path) -> None:
    """Who follows the log for his package would not see it: so nobody believes it."""
    path = forged(issuer, clean, tmp_path)
    issuer.enter(log.CERTIFICATE, path.read_bytes(), ("1" * 64,))
    assert not held(issuer, path)["log"]


def test_a_certificate_is_held_against_its_report(
    issuer: Issuer, clean: Report, good: Report, tmp_path: Path
) -> None:
    issued = issue(issuer, clean)

    def reported(found: certificate.Certificate, report: Report) -> tuple[bool, str]:
        check = office.check_report(found, report.folder.path, report.key.text, None)
        return check.held, check.words

    assert reported(issued.certificate, clean)[0]
    assert reported(issued.certificate, good) == (False, "the certificate rests on another report")
    more = changed(issued.certificate, level=Level.ACCOUNTABLE)
    assert reported(more, clean) == (False, "the certificate says more than it shows, which is level 2")
    better = changed(
        issued.certificate, results=tuple((name, "pass") for name, _ in issued.certificate.results)
    )
    assert not reported(better, clean)[0]
    assert issued.certificate.declared[0].reads, "what was declared is in the certificate"
    narrower = changed(issued.certificate, declared=())
    assert reported(narrower, clean) == (
        False,
        "the certificate tells another declared scope than was tested",
    )
    (clean.folder.evidence / "compared.jsonl").write_bytes(b"")
    held, words = reported(issued.certificate, clean)
    assert not held and words.startswith("it does not verify")


def test_an_entry_names_digests_and_no_files(issuer: Issuer, clean: Report) -> None:
    with pytest.raises(ConductError, match="is no SHA-256"):
        issuer.enter(log.CERTIFICATE, b"whatever", ("../../../etc/passwd",))
    assert log.public_log(issuer.public, issuer.key().public).head.size == 0
    value = {"schema": log.SCHEMA, "kind": log.CERTIFICATE, "about": [], "sha256": "../../../etc/passwd"}
    with pytest.raises(ConductError, match="is no SHA-256"):
        log._decoded(0, canonical.encode(value))
