"""The commands that an installer writes, which no wheel holds: they are compared with what installers write.

Forms known: pip (distlib's, and the one since pip 25) and uv. Compared as syntax trees, so that quotes and comments
don't matter.
"""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterator
from pathlib import Path

from overt.channel.install.finding import Finding, Kind, problem
from overt.channel.install.place import Place

_SHELL = re.compile(r"""#!/bin/sh\n'''exec' "?(?P<python>[^"\n]+?)"? "\$0" "\$@"\n' '''\n""")
_DIRECT = re.compile(r"#!(?P<python>[^\n ]+)\n")
_FORMS = (
    "import re\nimport sys\nfrom {module} import {call}\nif __name__ == '__main__':\n"
    "    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])\n    sys.exit({call}())\n",
    "import sys\nfrom {module} import {call}\nif __name__ == '__main__':\n"
    "    sys.argv[0] = sys.argv[0].removesuffix('.exe')\n    sys.exit({call}())\n",
    "import sys\nfrom {module} import {call}\nif __name__ == '__main__':\n"
    "    if sys.argv[0].endswith('-script.pyw'):\n        sys.argv[0] = sys.argv[0][:-11]\n"
    "    elif sys.argv[0].endswith('.exe'):\n        sys.argv[0] = sys.argv[0][:-4]\n    sys.exit({call}())\n",
)


def commands(entry_points: str) -> dict[str, str]:
    """Name → `module:function` of the console scripts in an `entry_points.txt`."""
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[method-assign, assignment]
    parser.read_string(entry_points)
    return dict(parser["console_scripts"]) if parser.has_section("console_scripts") else {}


def check(place: Place, entry_points: str) -> Iterator[Finding]:
    """Every command of the release is there, starts this environment's Python, and calls what it should."""
    for name, target in commands(entry_points).items():
        path = place.scripts / name
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            yield problem(Kind.MISSING, path, "the release has this command, the installation has not")
            continue
        except (OSError, UnicodeDecodeError):
            yield problem(Kind.SCRIPT, path, "is not what an installer writes")
            continue
        if reason := _wrong(text, target, place):
            yield problem(Kind.SCRIPT, path, reason)


def _wrong(text: str, target: str, place: Place) -> str:
    """What is wrong with a command's text; empty when nothing is."""
    found = _SHELL.match(text) or _DIRECT.match(text)
    if found is None:
        return "does not begin as an installer makes it"
    if not _is_python(Path(found["python"]), place):
        return f"starts {found['python']}, which is not this environment's Python"
    module, _, call = target.partition(":")
    try:
        tree = ast.dump(ast.parse(text[found.end() :]))
    except (SyntaxError, ValueError, RecursionError):
        return "is no Python program"
    if tree not in {ast.dump(ast.parse(form.format(module=module, call=call))) for form in _FORMS}:
        return f"does something else than calling {target}"
    return ""


def _is_python(named: Path, place: Place) -> bool:
    """By the folder, whatever links lead to it."""
    return named.name.startswith("python") and named.parent.resolve() == place.scripts.resolve()
