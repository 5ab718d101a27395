"""The container's encoding: what is written is read, and the format does not drift."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.core.errors import VaultError
from overt.core.model import Finding, PatternMatch, Severity
from overt.vault.cipher import BLOCK_BYTES, Stream, mask
from overt.vault.container import HEADER, MAGIC, load
from overt.vault.record import Attribute, Exhibit, Extent, decode, encode

KEY = bytes(range(32))
NAMES = st.binary(max_size=40).map(os.fsdecode)
NUMBERS = st.integers(min_value=-(2**63), max_value=2**63 - 1)


@given(st.binary(max_size=3 * BLOCK_BYTES), st.integers(0, 2**40), st.sampled_from(Stream))
def test_mask_is_its_own_inverse(data: bytes, block: int, stream: Stream) -> None:
    masked = mask(KEY, stream, block * BLOCK_BYTES, data)
    assert len(masked) == len(data)
    assert mask(KEY, stream, block * BLOCK_BYTES, masked) == data


def test_mask_does_not_depend_on_how_it_is_cut() -> None:
    data = os.urandom(5 * BLOCK_BYTES + 7)
    parts = [mask(KEY, Stream.CONTENT, at, data[at : at + 2 * BLOCK_BYTES]) for at in (0, 32768, 65536)]
    assert b"".join(parts) == mask(KEY, Stream.CONTENT, 0, data)
    with pytest.raises(ValueError, match="multiple"):
        mask(KEY, Stream.CONTENT, 1, data)


def test_keystream_is_the_documented_one() -> None:
    """The vault must still open what an older version sealed."""
    pad = hashlib.shake_256(KEY + b"\0" + (1).to_bytes(8, "little")).digest(3)
    assert mask(KEY, Stream.CONTENT, BLOCK_BYTES, bytes(3)) == pad
    assert mask(KEY, Stream.METADATA, 0, b"overt").hex() == "e650267879"


@given(
    NAMES,
    st.lists(st.tuples(NAMES, st.binary(max_size=9))),
    st.lists(
        st.builds(
            Finding,
            NAMES,
            NAMES,
            st.just(Severity.LOW),
            inside=st.tuples(NAMES),
            matches=st.tuples(st.builds(PatternMatch, NAMES, NUMBERS, NUMBERS, st.binary(max_size=64))),
        )
    ),
    NUMBERS,
)
def test_records_come_back(
    path: str, attributes: list[tuple[str, bytes]], findings: list[Finding], number: int
) -> None:
    exhibit = Exhibit(
        id="0123456789ab",
        path=path,
        sha256="00",
        size=1,
        sealed_at_ns=2,
        mode=0o644,
        uid=0,
        gid=0,
        atime_ns=number,
        mtime_ns=number,
        ctime_ns=3,
        device=4,
        inode=5,
        links=1,
        extents=(Extent(0, 1),),
        attributes=tuple(Attribute(*pair) for pair in attributes),
        findings=tuple(findings),
        lacks=(path,),
    )
    assert decode(encode(exhibit), Exhibit) == exhibit


@given(st.binary(max_size=400), st.booleans())
def test_garbage_is_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes, magic: bool) -> None:
    path = Path(tmp_path_factory.getbasetemp()) / "garbage"
    path.write_bytes(MAGIC + data if magic else data)
    with path.open("rb") as stream, pytest.raises(VaultError):
        load(stream.fileno())


@given(st.binary(max_size=300))
def test_hostile_metadata_is_refused(tmp_path_factory: pytest.TempPathFactory, metadata: bytes) -> None:
    """Whoever can write into the vault can make a container with right sums; its record is still checked."""
    path = Path(tmp_path_factory.getbasetemp()) / "hostile"
    header = HEADER.pack(MAGIC, KEY, 0, len(metadata), hashlib.sha256(metadata).digest())
    path.write_bytes(header + mask(KEY, Stream.METADATA, 0, metadata))
    with path.open("rb") as stream, pytest.raises(VaultError):
        load(stream.fileno())
