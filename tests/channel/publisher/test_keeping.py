"""`overt channel build --keep-sources`: what monitors build bundles from again, as a publisher makes it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from overt.channel import layout
from overt.channel.monitor import sources as published
from overt.channel.publisher import build, keeping, sources
from overt.cli.app import main
from overt.core.errors import UsageError

RULE = 'rule %s { meta: author = "Ada" strings: $a = { 4d 5a 90 00 03 f9 a5 1c 07 be } condition: $a at 0 }\n'
LIST = """
restored = ["Once"]
[[source]]
name = "own"
paths = ["rules", "bad.txt", "more.yar"]
author = "Ada \\"the\\" CERT\\u007F"
licence = "CC0-1.0"
origin = "https://example.org/own"
content = "program"
[[override]]
rule = "one"
reason = "two\\nlines"
[[revoked]]
rule = "gone"
serial = 3
reason = "false positives"
"""


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """Rules in a folder and in a file, hashes, and what nobody reads."""
    (tmp_path / "rules" / "deep").mkdir(parents=True)
    (tmp_path / "rules" / "a.yar").write_text(RULE % "one" + RULE % "gone")
    (tmp_path / "rules" / "deep" / "a.yar").write_text(RULE % "three")
    (tmp_path / "rules" / "notes.md").write_text("not for the public")
    (tmp_path / "rules" / "link.yar").symlink_to("/etc/passwd")
    (tmp_path / "more.yar").write_text(RULE % "four")
    (tmp_path / "bad.txt").write_text("".join(f"{n:064x}  bad-{n}\n" for n in range(1, 5)))
    path = tmp_path / "sources.toml"
    path.write_text(LIST)
    return path


def test_the_archive_builds_the_same_bundle(listed: Path) -> None:
    data = keeping.archive(sources.read(listed))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getnames() == [
            "own/0/a.yar",
            "own/0/deep/a.yar",
            "own/1/bad.txt",
            "own/2/more.yar",
            "sources.toml",
        ]
        assert {(one.mtime, one.uid, one.mode) for one in tar} == {(0, 0, 0o644)}
    made = build.build("acme", 4, sources.read(listed), build.static_review)
    with published.opened(data) as again:
        assert again.source[0].author == 'Ada "the" CERT\x7f'
        assert (again.override, again.revoked, again.restored) == (
            sources.read(listed).override,
            sources.read(listed).revoked,
            ("Once",),
        )
        assert build.build("acme", 4, again, build.static_review).data == made.data
    assert keeping.archive(sources.read(listed)) == data


def test_too_much_and_too_little(listed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "MAX_BYTES", 1000)
    with pytest.raises(UsageError, match="more than 1,000 bytes"):
        keeping.archive(sources.read(listed))
    (listed.parent / "bad.txt").unlink()
    with pytest.raises(UsageError, match=r"bad\.txt does not exist"):
        keeping.archive(sources.read(listed))


@pytest.mark.kernel
def test_from_build_to_a_monitor_that_rebuilds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a publisher, and then as somebody who does not believe him."""
    monkeypatch.setenv("OVERT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("a.yar").write_text(RULE % "one")
    told = ["--author", "Ada", "--licence", "CC0-1.0", "--origin", "https://example.org/own"]
    words = ["channel", "init", "desk", "--name", "acme", "--origin", "rules.example.org/acme"]
    assert main([*words, "--development"]) == 0
    watch = ["monitor", "run", "--channel-url", "desk/public", "--state", "m", "--site", "site"]
    watch += ["--root", f"desk/public/{layout.metadata('root', 1)}", "--sources", "kept"]
    for name in ("one", "two"):
        Path("a.yar").write_text(RULE % name)
        assert main(["channel", "build", "desk", "a.yar", *told, "--keep-sources", "kept"]) == 0
        assert main(["channel", "publish", "desk", "rules.tar"]) == 0
        assert main(watch) == 0
    said = capsys.readouterr()
    assert "sources kept/1.tar.gz: publish it for monitors" in said.out
    assert "ALARM 1 development" in said.err and "ALARM 2" not in said.err
    assert "byte for byte" in Path("site/releases/1.html").read_text()
    keeping.keep(Path("kept"), 2, sources.read(_other(tmp_path)))
    assert main(["channel", "build", "desk", "a.yar", *told]) == 0
    assert main(["channel", "publish", "desk", "rules.tar"]) == 0
    assert main(watch) == 2
    assert "unreproducible" in capsys.readouterr().err


def _other(tmp_path: Path) -> Path:
    """Sources of something else."""
    (tmp_path / "b.yar").write_text(RULE % "other")
    path = tmp_path / "other.toml"
    path.write_text(
        '[[source]]\nname = "rules"\npaths = ["b.yar"]\nauthor = "Ada"\nlicence = "CC0-1.0"\n'
        'origin = "https://example.org/own"\n'
    )
    return path
