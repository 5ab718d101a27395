#!/bin/sh
# Writes the lock files from pyproject.toml: exact versions with hashes, for every supported Python.
set -eu
cd "$(dirname "$0")/.."
compile() { uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --upgrade "$@"; }
printf 'hatchling\neditables\n' | compile pyproject.toml - -o requirements/core.txt
printf 'hatchling\neditables\n' | compile pyproject.toml - --extra conduct -c requirements/core.txt -o requirements/conduct.txt
compile pyproject.toml --group dev -c requirements/core.txt -o requirements/dev.txt
