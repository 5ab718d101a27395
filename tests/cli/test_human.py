"""The report for people."""

from __future__ import annotations

import io
from dataclasses import replace

from overt.cli.advice import REASONS, false_alarm_steps
from overt.cli.render.human import Human, headline, left_out_text, next_steps
from overt.cli.render.tally import Tally
from overt.core.model import Examination, FileReport, Reason, Summary
from tests.cli import reports


def lines(
    told: tuple[FileReport, ...] = reports.ALL, ending: Summary | None = None, **options: bool
) -> list[str]:
    written: list[str] = []
    tally = Tally()
    reports.tell(tally, Human(io.StringIO(), written.append, tally, **options), reports=told, ending=ending)
    return written


def test_one_line_per_file_that_is_not_clean_names_rule_severity_author_and_the_path_inside() -> None:
    listed = lines()[: lines().index("")]
    assert listed[0] == (
        "infected    /srv/mail.eml ▸ invoice.zip ▸ a.exe: Test_Rule (high, by Ada Example; base)"
    )
    assert listed[1].endswith("(high, by Ada Example; base), and 1 part not examined")
    assert listed[3] == "incomplete  /srv/caf\\udce9.bin: unreadable: Permission denied"
    assert listed[4].endswith("[in quarantine as 0f3a]")
    assert listed[5].endswith("[NOT in quarantine: disk full]")
    assert len(listed) == 6


def test_names_cannot_forge_output() -> None:
    line = next(line for line in lines() if "script" in line)
    assert line.isprintable()
    assert "\\n\\x1b[31m\\u202e" in line


def test_summary_counts_reasons_and_ends_with_the_next_step() -> None:
    block = lines()[lines().index("") + 1 :]
    assert block[0] == "verdict      infected: 4 files"
    assert "reasons      1 encrypted, 1 max_file_bytes, 1 deadline, 1 unreadable" in block
    assert (
        "left out     1 excluded, 3 symbolic links not followed, 2 sockets, devices, pipes and pseudo files"
        in block
    )
    assert "rules        213 rules, 1 hash (base 1)" in block
    assert "confinement  confined by the kernel" in block
    assert block[-1].startswith("next         overt explain FILE")


def test_unconfined_interrupted_and_empty_sessions_say_so() -> None:
    assert "confinement  UNCONFINED" in "\n".join(lines(ending=reports.summary(confinement="unconfined")))
    stopped = lines((reports.CLEAN,), Summary(clean=1, interrupted=True, confinement="confined"))
    assert "verdict      interrupted: what was not reached was not examined" in stopped
    assert "verdict      nothing was examined" in lines((), Summary(confinement="confined"))


def test_verbose_lists_every_file_with_everything() -> None:
    told = lines(verbose=True)
    assert "clean       /srv/clean.txt" in told
    assert "            Packed (note, by Ada Example; base)" in told
    assert "            ▸ locked.7z: not examined: encrypted: needs a password" in told


def test_only_findings_leaves_incomplete_files_out_of_the_list() -> None:
    listed = lines(only_findings=True)
    assert not any(line.startswith("incomplete  ") for line in listed)
    assert any(line.startswith("infected  ") for line in listed)


def test_every_reason_has_its_advice() -> None:
    assert set(REASONS) == set(Reason)


def test_of_equals_the_innermost_finding_is_named() -> None:
    outer = replace(reports.FINDING, inside=())
    both = replace(reports.INFECTED, examination=Examination((outer, reports.FINDING)))
    assert headline(both).startswith("/srv/mail.eml ▸ invoice.zip ▸ a.exe: ")
    assert headline(both).endswith(", and 1 more finding")


def next_step(ending: Summary, **tally: int | bool) -> str:
    return next_steps(ending, Tally(**tally))[0]  # type: ignore[arg-type]


def test_the_next_step_knows_what_was_tried_and_what_was_scanned() -> None:
    infected, incomplete = Summary(infected=1), Summary(incomplete=1)
    assert next_step(infected).endswith("overt scan --quarantine PATH moves infected files away")
    assert "1 file is still in place" in next_step(infected, unmoved=1)
    assert "--quarantine" not in next_step(infected, unmoved=1)
    assert next_step(infected, stdin_only=True) == "overt explain -, given the same input, shows why"
    assert next_step(incomplete, stdin_only=True).startswith("overt explain -, given the same input, says")


def test_one_socket_is_one_socket() -> None:
    assert left_out_text(Summary(not_files=1)) == "1 socket, device, pipe or pseudo file"


def test_the_base_pack_is_never_advised_to_be_removed() -> None:
    assert not any("remove" in step for step in false_alarm_steps(["base"]))
    assert any("overt rules remove NAME" in step for step in false_alarm_steps(["base", "mine"]))
