"""Profiles: the ready ones are read, wrong ones are refused with the place, and the page lists every field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from overt.conduct import interview, profile
from overt.conduct.evidence.records import StepKind
from overt.core.errors import UsageError

PAGE = Path(__file__).parents[2] / "docs" / "conduct-profiles.md"
LEAST = """schema = 1
[product]
name = "x"
[install]
how = "folder"
path = "."
[[step]]
kind = "scan"
command = ["x", "{home}"]
"""


def refusal(text: str) -> str:
    """What is said against this profile; empty if it is read."""
    try:
        profile.parse(text, "p.toml")
    except UsageError as error:
        return str(error)
    return ""


def answering(answers: Mapping[str, str]) -> interview.Ask:
    """Somebody who knows the answers to questions that begin so, and takes what is proposed else."""
    return lambda question, proposed: next(
        (answer for start, answer in answers.items() if question.startswith(start)), proposed
    )


@pytest.mark.parametrize("name", sorted(profile.ready()))
def test_the_ready_profiles_are_read_and_everything_they_name_exists(name: str) -> None:
    path = profile.find(name)
    found = profile.read(path)
    for folder in (found.chamber.files, *found.chamber.replay.values()):
        assert (path.parent / folder).is_dir()
    assert found.scope


@pytest.mark.parametrize("name", ["spy", "behaves"])
def test_the_control_subjects_have_profiles(name: str) -> None:
    profile.read(Path(__file__).parent / "subjects" / name / "profile.toml")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("schema = 1", "schema = 7"), "schema 7"),
        (('name = "x"', 'nane = "x"'), "nane"),
        (('kind = "scan"', 'kind = "spy"'), "spy"),
        (("{home}", "{hoem}"), "{hoem} stands for nothing"),
        (('command = ["x", "{home}"]', "command = []"), "step 1, command"),
        (('command = ["x", "{home}"]', 'command = [" "]'), "step 1: the command's first word is empty"),
        (('command = ["x", "{home}"]', 'command = ["x\\u0000"]'), "zero byte"),
        (
            ('how = "folder"', 'how = "magic"'),
            "install, how: Invalid value 'magic': known are present, overt, ",
        ),
        (('how = "folder"\npath = "."', 'how = "present"\nfiles = ["here"]'), "absolute paths"),
        (('how = "folder"\npath = "."', 'how = "present"\nfiles = ["/"]'), "absolute paths"),
        (('kind = "scan"', 'kind = "spy"'), "step 1, kind: Invalid enum value 'spy': known are install, "),
        (('kind = "scan"', 'kind = "scan"\nexpect = [256]'), "step 1, expect 1"),
        (('kind = "scan"', 'kind = "scan"\nexpect = [' + "9" * 5000 + "]"), "4300 digits"),
        (('kind = "scan"', 'kind = "scan"\nexpect = ' + "[" * 5000 + "]" * 5000), "recursion"),
        (('kind = "scan"', 'kind = "scan"\nenvironment = { "A=B" = "x" }'), "step 1: environment 'A=B'"),
        (('name = "x"', 'name = "x"\nversion = ["", "-v"]'), "[product] version: the command's first word"),
        (('kind = "scan"', 'kind = "scan"\nuser = "bob"'), "bob"),
        (('kind = "scan"', 'kind = "scan"\ntimeout_s = -1'), "timeout_s"),
        (("[product]", "[product"), "line 2"),
    ],
)
def test_what_is_wrong_is_named(change: tuple[str, str], words: str) -> None:
    said = refusal(LEAST.replace(*change))
    assert said.startswith("p.toml: ") and words in said


def test_scopes_of_a_step_are_those_for_all_and_its_own() -> None:
    text = (
        LEAST
        + '[[scope]]\nreads = ["/etc/**"]\n[[scope]]\nsteps = ["scan"]\nreads = ["/home/**", "/etc/**"]\n'
    )
    found = profile.parse(text, "p")
    assert found.scope_of(StepKind.SCAN).reads == ("/etc/**", "/home/**")
    assert found.scope_of(StepKind.IDLE).reads == ("/etc/**",)


def test_a_shells_variables_are_left_to_it() -> None:
    assert profile.filled(("echo ${home} {home} {}",), "p") == ("echo ${home} /home/alice {}",)


def test_an_unknown_name_lists_the_ready_ones() -> None:
    with pytest.raises(UsageError, match="clamscan"):
        profile.find("nortn")


def test_asking_makes_a_profile_that_is_read() -> None:
    answers = {
        "name of the product": "Example",
        "how is it installed": "debian",
        "Debian packages": "example example-data",
        "command that scans the homes": "example --scan '{home}/a b'",
        "minutes": "2",
        "paths that it says it reads": "/home/** /usr/**",
    }

    found = profile.parse(interview.interview(answering(answers), pytest.fail), "asked")
    assert found.step[0].command == ("example", "--scan", "{home}/a b")
    assert [step.kind for step in found.step] == [StepKind.SCAN, StepKind.IDLE]
    assert found.scope[0].reads == ("/home/**", "/usr/**")


def test_asking_for_what_a_product_runs_where_it_listens_and_which_rights_it_needs() -> None:
    answers = {
        "name of the product": "Example",
        "Debian packages": "example",
        "command that starts": "exampled",
        "does it look at files when others open them": "yes",
        "command that scans a folder where": "example {detections}",
        "words that it prints": "FOUND",
        "words that are printed when it refuses": "Operation not permitted",
        "programs that it says it starts": "/usr/bin/gpg",
        "where it says it waits": "unix:/run/example.sock",
        "rights of root": "CAP_DAC_READ_SEARCH, CAP_SYS_ADMIN",
    }

    found = profile.parse(interview.interview(answering(answers), pytest.fail), "asked")
    (scope,) = found.scope
    assert (scope.executes, scope.listens) == (("/usr/bin/gpg",), ("unix:/run/example.sock",))
    assert scope.privileges == ("CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN")
    assert found.chamber.capabilities == ("CAP_SYS_ADMIN",), "what root has not in the chamber is given"
    opening = [step for step in found.step if step.kind is StepKind.ON_ACCESS]
    assert [step.user for step in opening] == ["alice", "alice"] and "{detections}" in opening[1].command[2]
    assert [step.kind for step in found.step][-1] is StepKind.IDLE
    assert [step.finds for step in found.step if step.finds] == ["FOUND", "Operation not permitted"]


def test_asking_without_any_command_is_refused() -> None:
    given = {"name of": "Example", "Debian": "example", "minutes": "0"}

    with pytest.raises(UsageError, match="at least one command"):
        interview.interview(answering(given), pytest.fail)


def test_answers_that_end_too_soon_are_not_waited_for() -> None:
    def ask(question: str, default: str) -> str:
        raise UsageError("the answers ended")

    with pytest.raises(UsageError, match="the answers ended"):
        interview.interview(ask, pytest.fail)


def test_a_wrong_answer_is_asked_again_and_loses_nothing() -> None:
    wrong = {
        "name of": ["", "Example"],
        "how is it": ["rpm", "folder"],
        "path of": ["", "."],
        "command that scans the homes": ["scan {hoem}", "scan 'x", "scan {home}"],
        "minutes": ["soon", "-1", "9999", "0.5"],
        "does it look at": ["perhaps", "no"],
        "rights of root": ["root", "CAP_FLYING", "CAP_SYS_MODULE", ""],
        "hosts": ["https://updates.example.org/", "updates.example.org, *.example.com:8443"],
        "what of files": ["everything", "digest, name"],
    }
    told: list[str] = []

    def ask(question: str, default: str) -> str:
        answers = next((left for start, left in wrong.items() if question.startswith(start)), [default])
        return answers.pop(0)

    found = profile.parse(interview.interview(ask, told.append), "asked")
    assert len(told) == 14 and not any(wrong.values())
    assert found.step[1].command == ("sleep", "30")
    assert found.scope[0].connects == ("updates.example.org", "*.example.com:8443")
    assert found.scope[0].sends == ("digest", "name")


@pytest.mark.parametrize(
    ("field", "value", "good"),
    [
        ("connects", "a.example:443", True),
        ("connects", "*.a.example", True),
        ("connects", "a.example:*", True),
        ("connects", "192.0.2.1:80", True),
        ("connects", "[2001:db8::1]:443", True),
        ("connects", "2001:db8::1", True),
        ("connects", "https://a.example", False),
        ("connects", "a.example/x", False),
        ("connects", "a.example:http", False),
        ("connects", "a.example:65536", False),
        ("connects", "[2001:db8::1]:70000", False),
        ("listens", "tcp:99999", False),
        ("listens", "unix:/run/x:99999", True),
        ("reads", "/home/[", False),
        ("reads", "/home/\\\\", False),
        ("reads", "/", False),
        ("listens", "tcp:3310", True),
        ("listens", "unix:/run/x.sock", True),
        ("listens", "3310", False),
        ("reads", "/home/**", True),
        ("reads", "home", False),
        ("sends", "digest", True),
        ("sends", "contents", False),
    ],
)
def test_a_declaration_that_could_match_nothing_is_refused(field: str, value: str, good: bool) -> None:
    said = refusal(f'{LEAST}[[scope]]\n{field} = ["{value}"]\n')
    assert not said if good else said.startswith("p.toml: scope 1")


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ("name = 'v.example'\nkind = 'TXT'\nvalues = ['\"1:{now}\"', '\"two words\"']", ""),
        ('name = "*.example"\nkind = "A"\nvalues = []', ""),
        ('name = "v.example"\nkind = "TEXT"\nvalues = ["a"]', "dns 1: v.example TEXT"),
        ('name = "v.example"\nkind = "TYPE70000"', "dns 1: v.example TYPE70000"),
        ('name = "v.example"\nkind = "A"\nvalues = ["300.1.1.1"]', "dns 1: v.example A"),
        ('name = "v..example"\nkind = "A"\nvalues = ["192.0.2.1"]', "dns 1: v..example A"),
        ('name = "v.example"\nkind = "A"\nttl_s = -1', "ttl_s"),
    ],
)
def test_recorded_dns_answers_are_checked(record: str, words: str) -> None:
    said = refusal(f"{LEAST}[[chamber.dns]]\n{record}\n")
    assert words in said if words else not said


@pytest.mark.parametrize(
    ("room", "good"),
    [
        ('replay = { "a.example" = ".", "*" = "." }', True),
        ('replay = { "https://a.example" = "." }', False),
        ('replay = { "a.example:443" = "." }', False),
        ('replay = { "*.a.example" = "." }', False),
        ('channel = "rules.example/x"', False),
        ('environment = { "" = "x" }', False),
    ],
)
def test_what_the_chamber_could_never_serve_or_set_is_refused(room: str, good: bool) -> None:
    said = refusal(f"{LEAST}[chamber]\n{room}\n")
    assert not said if good else said.startswith("p.toml: [chamber]")


@pytest.mark.parametrize(
    ("step", "good"),
    [
        ('kind = "scan-detection"', True),
        ('kind = "on-access"', True),
        ('kind = "scan"', False),
        ('kind = "on-access"\nbackground = true', False),
    ],
)
def test_only_a_detection_that_ends_tells_what_it_found(step: str, good: bool) -> None:
    said = refusal(LEAST.replace('kind = "scan"', f'{step}\nfinds = "FOUND"'))
    assert not said if good else said.startswith("p.toml: step 1: finds")


@pytest.mark.parametrize(
    ("words", "good"), [("Malware FOUND", True), (" FOUND", False), ("a\\nb", False), ("  ", False)]
)
def test_words_that_no_line_could_have_are_refused(words: str, good: bool) -> None:
    said = refusal(LEAST.replace('kind = "scan"', f'kind = "scan-detection"\nfinds = "{words}"'))
    assert (said == "") == good and ("step 1: finds" in said) != good


def test_the_page_lists_every_field() -> None:
    page = PAGE.read_text()
    types = (
        profile.Product,
        profile.Step,
        profile.Scope,
        profile.Room,
        profile.DnsRecord,
        profile.Machine,
        *profile.Install.__args__,
    )
    for type_ in types:
        for field in msgspec.structs.fields(type_):
            assert f"`{field.name}`" in page, f"{type_.__name__}.{field.name}"
    for place in profile.PLACES:
        assert f"`{{{place}}}`" in page
    for kind in StepKind:
        assert f"`{kind.value}`" in page


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("now", "2026-11-22T10:00:00+00:00"),
        ("+400d", "2027-12-27T10:00:00+00:00"),
        ("-12h", "2026-11-21T22:00:00+00:00"),
        ("2027-01-01", "2027-01-01T00:00:00+00:00"),
        ("2027-01-01T12:00:00Z", "2027-01-01T12:00:00+00:00"),
        ("2027-01-01T12:00:00+05:00", "2027-01-01T07:00:00+00:00"),
    ],
)
def test_a_machines_clock(text: str, shown: str) -> None:
    assert profile.clock(text, datetime(2026, 11, 22, 10, tzinfo=UTC), "clock").isoformat() == shown


@pytest.mark.parametrize(
    "text", ["", "400d", "+4w", "2027", "2027-02-30", "1999-12-31", "2100-01-01", "+99999999d"]
)
def test_a_clock_that_no_machine_can_show_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="it is now, "):
        profile.parse(f'{LEAST}\n[machine]\nclock = "{text}"\n', "p.toml")
