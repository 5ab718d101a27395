"""A real environment with the real wheel; what is done to it is found, and named."""

from __future__ import annotations

import importlib.util
import json
import marshal
import os
import py_compile
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from overt.channel.install.finding import Grade
from tests.channel.install.conftest import LIBRARY, ROOT, World, add_distribution

TAG = sys.implementation.cache_tag
SITE = f"lib/python3.{sys.version_info.minor}/site-packages"
EVIL = "print('harmless, and not the release')\n"


def test_what_was_installed_is_the_release(world: World) -> None:
    assert world.found() == set()


def write(path: str, text: str = EVIL) -> Callable[[World], None]:
    def act(world: World) -> None:
        target = world.venv / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    return act


def append(path: str, text: str) -> Callable[[World], None]:
    def act(world: World) -> None:
        target = world.venv / path
        target.write_text(target.read_text() + text)

    return act


def link(path: str) -> Callable[[World], None]:
    def act(world: World) -> None:
        target = world.venv / path
        shutil.copy(target, world.venv / "elsewhere.py")
        target.unlink()
        target.symlink_to(world.venv / "elsewhere.py")

    return act


TAMPERINGS = {
    "changed": (
        append(f"{SITE}/overt/core/errors.py", "# one comment\n"),
        "changed",
        f"{SITE}/overt/core/errors.py",
    ),
    "missing": (
        lambda world: (world.site / "overt/core/limits.py").unlink(),
        "missing",
        f"{SITE}/overt/core/limits.py",
    ),
    "linked": (link(f"{SITE}/overt/core/canonical.py"), "link", f"{SITE}/overt/core/canonical.py"),
    "module added": (write(f"{SITE}/overt/evil.py"), "extra", f"{SITE}/overt/evil.py"),
    "compiled module beside": (
        write(f"{SITE}/overt/core/errors.cpython-311-x86_64-linux-gnu.so"),
        "extra",
        f"{SITE}/overt/core/errors.cpython-311-x86_64-linux-gnu.so",
    ),
    "sourceless bytecode": (write(f"{SITE}/overt/evil.pyc"), "extra", f"{SITE}/overt/evil.pyc"),
    "cache without source": (
        write(f"{SITE}/overt/__pycache__/evil.{TAG}.pyc"),
        "bytecode",
        f"{SITE}/overt/__pycache__/evil.{TAG}.pyc",
    ),
    "data file": (append("share/man/man1/overt.1", "x"), "changed", "share/man/man1/overt.1"),
    "entry points": (
        append(f"{SITE}/overt-0.1.0.dist-info/entry_points.txt", "x = os:system\n"),
        "changed",
        f"{SITE}/overt-0.1.0.dist-info/entry_points.txt",
    ),
    "command": (append("bin/overt", "import os\n"), "script", "bin/overt"),
    "command's python": (
        lambda world: (world.venv / "bin/overt").write_text(
            "#!/usr/bin/python3\n" + (world.venv / "bin/overt").read_text().partition("\n")[2]
        ),
        "script",
        "bin/overt",
    ),
    "command gone": (lambda world: (world.venv / "bin/overt").unlink(), "missing", "bin/overt"),
    "pth that imports": (write(f"{SITE}/zz.pth", "import os\n"), "startup", f"{SITE}/zz.pth"),
    "sitecustomize": (write(f"{SITE}/sitecustomize.py"), "startup", f"{SITE}/sitecustomize.py"),
    "usercustomize package": (
        write(f"{SITE}/usercustomize/__init__.py"),
        "startup",
        f"{SITE}/usercustomize",
    ),
    "shadow beside the command": (write("bin/overt.py"), "shadow", "bin/overt.py"),
    "shadow of the standard library": (write("bin/hashlib.py"), "shadow", "bin/hashlib.py"),
    "shadow of a dependency": (
        write(f"{SITE}/examplelib.abi3.so"),
        "shadow",
        f"{SITE}/examplelib.abi3.so",
    ),
    "dependency changed": (
        append(f"{SITE}/examplelib/part.py", "# changed\n"),
        "changed",
        f"{SITE}/examplelib/part.py",
    ),
    "dependency added to": (
        write(f"{SITE}/examplelib/part.abi3.so"),
        "extra",
        f"{SITE}/examplelib/part.abi3.so",
    ),
    "dependency without RECORD": (
        lambda world: (world.site / "examplelib-1.0.dist-info/RECORD").unlink(),
        "missing",
        f"{SITE}/examplelib-1.0.dist-info/RECORD",
    ),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_named(world: World, name: str) -> None:
    act, kind, path = TAMPERINGS[name]
    act(world)
    found = world.found()
    assert ("problem", kind, path) in found
    assert not {one for one in found if one[0] == "problem" and one[2] != path}


def test_changed_record_of_overt_hides_nothing(world: World) -> None:
    """The installed RECORD is never asked about Overt's own files."""
    (world.site / "overt/evil.py").write_text(EVIL)
    record = world.site / "overt-0.1.0.dist-info/RECORD"
    record.write_text(record.read_text() + "overt/evil.py,,\n")
    add_distribution(world.site, "friend", "1", {"overt/evil2.py": EVIL})
    assert {path for _, kind, path in world.found() if kind == "extra"} == {
        f"{SITE}/overt/evil.py",
        f"{SITE}/overt/evil2.py",
    }


def plant(source: Path, text: str, how: str) -> Path:
    """Put bytecode of `text` where Python looks for that of `source`, as Python would accept it."""
    cached = Path(importlib.util.cache_from_source(str(source)))
    code = marshal.dumps(compile(text, str(source), "exec", dont_inherit=True))
    state = source.stat()
    flags, rest = {
        "times": (
            0,
            int(state.st_mtime).to_bytes(4, "little") + (state.st_size & 0xFFFFFFFF).to_bytes(4, "little"),
        ),
        "hash": (3, importlib.util.source_hash(source.read_bytes())),
        "unchecked": (1, b"\0" * 8),
    }[how]
    cached.parent.mkdir(exist_ok=True)
    cached.write_bytes(importlib.util.MAGIC_NUMBER + flags.to_bytes(4, "little") + rest + code)
    return cached


@pytest.mark.parametrize("how", ["times", "hash", "unchecked"])
@pytest.mark.parametrize("module", ["overt/__init__.py", "overt/core/errors.py", "examplelib/__init__.py"])
def test_planted_bytecode(world: World, module: str, how: str) -> None:
    """The classic: the source is untouched and is never run."""
    source = world.site / module
    cached = plant(source, source.read_text() + EVIL, how)
    assert world.found() == {("problem", "bytecode", str(cached.relative_to(world.venv)))}


def test_bytecode_differing_in_one_constant(world: World) -> None:
    source = world.site / "examplelib/part.py"
    cached = plant(source, LIBRARY["examplelib/part.py"].replace("2", "3"), "times")
    assert {kind for _, kind, _ in world.found()} == {"bytecode"}
    plant(source, LIBRARY["examplelib/part.py"], "unchecked")
    assert world.found() == set()
    for damage in (b"", b"\xff" * 40, cached.read_bytes()[16:-3], b"\xdb\x05\0\0\0" * 500, b"r\x09\0\0\0"):
        cached.write_bytes(cached.read_bytes()[:16].ljust(16, b"\0") + damage)
        assert {kind for _, kind, _ in world.found()} == {"bytecode"}


def test_bytecode_of_all_kinds_that_python_makes(world: World) -> None:
    source = world.site / "overt/core/canonical.py"
    for level in (0, 1, 2):
        py_compile.compile(
            str(source), optimize=level, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH
        )
    assert world.found() == set()
    other = world.site / "overt/core/__pycache__/canonical.cpython-399.pyc"
    other.write_bytes(b"\x01\x02\r\n" + b"\0" * 40)
    assert {(grade, kind) for grade, kind, _ in world.found()} == {("unverified", "bytecode")}


def test_code_that_nobody_vouches_for_is_unverified(world: World) -> None:
    add_distribution(
        world.site, "starter", "3", {"starter.pth": "import starter_hook\n", "starter_hook.py": "X = 1\n"}
    )
    (world.site / "brotli.py").write_text(EVIL)
    (world.site / "more.pth").write_text("/opt/more\n")
    assert world.found() == {
        ("unverified", "startup", f"{SITE}/starter.pth"),
        ("unverified", "startup", f"{SITE}/more.pth"),
        ("unverified", "unknown", f"{SITE}/brotli.py"),
    }


def test_dependency_of_another_version(world: World) -> None:
    shutil.rmtree(world.site / "examplelib-1.0.dist-info")
    add_distribution(world.site, "examplelib", "1.1", LIBRARY)
    assert world.found() == {("unverified", "version", "examplelib")}


def test_pythonpath_is_searched_too(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "overt").mkdir()
    (tmp_path / "overt/__init__.py").write_text(EVIL)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert {(kind, path) for _, kind, path in world.found()} == {("shadow", str(tmp_path / "overt"))}


def test_exit_codes_and_json(world: World) -> None:
    schema = json.loads((ROOT / "docs/schema/verify-install-1.schema.json").read_text())
    arguments = ("--python", world.venv, "--from", world.releases)
    intact = world.overt(*arguments)
    assert (intact.returncode, intact.stderr) == (0, "")
    assert intact.stdout.splitlines()[-1] == "this is overt 0.1.0 as released"
    (world.site / "brotli.py").write_text(EVIL)
    assert world.overt(*arguments).returncode == 2
    (world.site / "overt/evil.py").write_text(EVIL)
    shown = world.overt(*arguments, "--json")
    assert shown.returncode == 1
    document = json.loads(shown.stdout)
    Draft202012Validator(schema).validate(document)
    assert (document["problems"], document["unverified"]) == (1, 1)
    assert "overt/evil.py: not a file of the release" in world.overt(*arguments).stdout


def test_nothing_of_the_examined_installation_runs(world: World, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    shout = f"open({str(mark)!r}, 'w')\n"
    (world.site / "sitecustomize.py").write_text(shout)
    (world.site / "zz.pth").write_text(f"import os; {shout}")
    init = world.site / "overt/__init__.py"
    init.write_text(init.read_text() + shout)
    python = world.venv / "bin/python"
    python.unlink()
    python.write_text(f"#!/bin/sh\ntouch {mark}\n")
    python.chmod(0o755)
    assert world.overt("--python", python, "--from", world.releases).returncode == 1
    assert not mark.exists()


def test_an_editable_installation_says_that_it_cannot_be_verified(world: World) -> None:
    (world.site / "overt-0.1.0.dist-info/direct_url.json").write_text(
        '{"url": "file:///src", "dir_info": {"editable": true}}'
    )
    answer = world.overt("--python", world.venv, "--from", world.releases)
    assert answer.returncode == 2
    assert "editable installation" in answer.stderr


@pytest.mark.parametrize("named", ["nowhere", "bin/nothing"])
def test_what_is_no_environment(world: World, named: str) -> None:
    answer = world.overt("--python", world.venv.parent / named, "--from", world.releases)
    assert answer.returncode == 2
    assert "no virtual environment" in answer.stderr


def test_it_is_quick(world: World) -> None:
    """Not a race: 10 s of a processor are 10 times what it may take, and catch what is not linear."""
    begin = time.process_time()
    assert world.check().count(Grade.PROBLEM) == 0
    assert time.process_time() - begin < 10


def test_its_own_command_checks_itself(world: World) -> None:
    """With Overt's dependencies lent through a `.pth`, which is then rightly named."""
    lent = next(path for path in sys.path if path.endswith("site-packages"))
    (world.site / "lent.pth").write_text(f"{lent}\n")
    os.environ.pop("PYTHONPATH", None)
    answer = world.overt("--from", world.releases, own=True)
    assert "(this program itself)" in answer.stdout
    assert answer.returncode == 2, answer.stdout + answer.stderr
    assert f"{SITE}/lent.pth" in answer.stdout


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"Name: examplelib\n", b"Name:\nVersion:\n"])
def test_damaged_metadata_and_records_are_no_defect(world: World, content: bytes) -> None:
    """The distribution is no longer one; what it leaves behind is named."""
    (world.site / "examplelib-1.0.dist-info/METADATA").write_bytes(content)
    assert world.found() == {("unverified", "unknown", f"{SITE}/examplelib")}
    for record in (b"\xff", b'"', b"a\n", b"a,sha256=%,x\n", b"../../../../etc/passwd,sha256=AA,1\n"):
        (world.site / "examplelib-1.0.dist-info/METADATA").write_text("Name: examplelib\nVersion: 1.0\n")
        (world.site / "examplelib-1.0.dist-info/RECORD").write_bytes(record)
        assert {grade for grade, _, _ in world.found()} >= {"problem"}


def test_startup_file_of_virtualenv(world: World) -> None:
    (world.site / "_virtualenv.pth").write_text("import _virtualenv")
    (world.site / "_virtualenv.py").write_text(EVIL)
    assert {(grade, kind) for grade, kind, _ in world.found()} == {
        ("unverified", "startup"),
        ("unverified", "unknown"),
    }


def test_command_as_uv_and_new_pip_write_it(world: World) -> None:
    path = world.venv / "bin/overt"
    first = f"#!{world.venv}/bin/python3\n"
    bodies = (
        "import sys\nfrom overt.cli.app import main\nif __name__ == '__main__':\n"
        "    sys.argv[0] = sys.argv[0].removesuffix('.exe')\n    sys.exit(main())\n",
        '# -*- coding: utf-8 -*-\nimport sys\nfrom overt.cli.app import main\nif __name__ == "__main__":\n'
        '    if sys.argv[0].endswith("-script.pyw"):\n        sys.argv[0] = sys.argv[0][:-11]\n'
        '    elif sys.argv[0].endswith(".exe"):\n        sys.argv[0] = sys.argv[0][:-4]\n    sys.exit(main())\n',
    )
    shell = f"#!/bin/sh\n'''exec' \"{world.venv}/bin/python\" \"$0\" \"$@\"\n' '''\n"
    for text in (first + bodies[0], first + bodies[1], shell + bodies[1]):
        path.write_text(text)
        assert world.found() == set()
    for text in (
        first.replace("python3", "python3 -c evil") + bodies[0],
        f"#!{world.venv}/lib/python3\n" + bodies[0],
        shell.replace("exec'", "exec' env X=1") + bodies[0],
        first + bodies[0].replace("overt.cli.app", "overt.cli.evil"),
        first + "\0",
        bodies[0],
    ):
        path.write_text(text)
        assert {kind for _, kind, _ in world.found()} == {"script"}
