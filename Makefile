# Every recipe but test works in the virtual environment that ./run test makes complete: run that once before.
PYTHON ?= .venv/bin/python

.PHONY: test lint types contracts check bench engines fuzz false-positives man conduct-scheme wheel sbom release
test:
	./run test

lint:
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check

types:
	$(PYTHON) -m mypy

contracts:
	$(dir $(PYTHON))lint-imports

check: lint types contracts

bench:
	$(PYTHON) -m bench.run

engines:
	$(PYTHON) -m bench.engines

fuzz:
	$(PYTHON) -m scripts.fuzz

false-positives:
	$(PYTHON) -m scripts.false_positives --fetch 400 /usr

man:
	$(PYTHON) -m scripts.manpage

conduct-scheme:
	$(PYTHON) -m scripts.conduct_scheme

wheel:
	$(PYTHON) -m scripts.release wheel

sbom release:
	$(PYTHON) -m scripts.release build
