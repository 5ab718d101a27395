"""The examples printed in the specifications, and the published tree of RFC 6962 implementations."""

from __future__ import annotations

import pytest

from overt.core.errors import PeerLied
from overt.tlog import checkpoint, note, proof, signing, witness
from overt.tlog.keys import MemorySigner, SignatureType, parse_key
from overt.tlog.merkle import EMPTY_ROOT, TreeHead
from overt.tlog.tiles import Tile, parse_path, tile_at, tiles_between
from overt.tlog.writer import append
from tests.tlog.reference import NOW

SIGNED_NOTE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SIGNED_NOTE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""
POEM = """Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
"""  # noqa: E501
SOFA = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
"""
COSIGNED = f"""{SOFA}
— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""  # noqa: E501
REQUEST = f"""old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

{COSIGNED}"""

RFC_6962_LEAVES = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
RFC_6962_ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def test_signed_note_example() -> None:
    key = parse_key(SIGNED_NOTE_KEY)
    found = signing.verify_any(note.parse(SIGNED_NOTE.encode()), [key])
    assert [one.key for one in found] == [key]
    assert key.encode() == SIGNED_NOTE_KEY
    changed = note.parse(SIGNED_NOTE.replace("message.", "message!").encode())
    with pytest.raises(PeerLied):
        signing.verify(changed, [key])


def test_text_with_blank_lines() -> None:
    parsed = note.parse(POEM.encode())
    assert parsed.text.endswith("ed è subito sera.\n") and "\n\n" in parsed.text
    assert parsed.signatures[0].key_id.hex() == "367ba04b"
    assert parsed.encode() == POEM.encode()


def test_checkpoint_example() -> None:
    parsed = checkpoint.parse_text(note.parse(COSIGNED.encode()).text)
    assert (parsed.origin, parsed.head.size) == ("example.com/behind-the-sofa", 20852163)
    assert parsed.text == SOFA


def test_cosigned_message_examples() -> None:
    stated = checkpoint.parse_text(SOFA)
    ed25519 = MemorySigner("w1", SignatureType.ED25519_COSIGNATURE, bytes(32)).key
    assert (
        signing.cosigned_message(ed25519, stated, 1679315147).decode()
        == f"cosignature/v1\ntime 1679315147\n{SOFA}"
    )
    mldsa = MemorySigner("w1", SignatureType.ML_DSA_44_COSIGNATURE, bytes(32)).key
    expected = b"subtree/v1\n\0\x02w1" + (1679315147).to_bytes(8, "big") + b"\x1bexample.com/behind-the-sofa"
    expected += bytes(8) + (20852163).to_bytes(8, "big") + stated.head.root
    assert signing.cosigned_message(mldsa, stated, 1679315147) == expected


def test_cosignature_lines_are_timestamped() -> None:
    line = note.parse(COSIGNED.encode()).signatures[1]
    assert int.from_bytes(line.blob[:8], "big") == 1679315147 and len(line.blob) == 8 + 64


def test_add_checkpoint_example() -> None:
    request = witness.parse_request(REQUEST.encode())
    assert (request.old_size, len(request.proof)) == (20852014, 4)
    assert request.encode() == REQUEST.encode()
    refusal = witness.respond(REQUEST.encode(), {}, lambda origin: None, [], NOW)
    assert isinstance(refusal, witness.Refused) and refusal.status == 404


def test_log_proof_layout() -> None:
    line = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
    text = f"c2sp.org/tlog-proof@v1\nextra YWdl\nindex 73894\n{line}\n{line}\n\n{COSIGNED}"
    parsed = proof.parse(text.encode())
    assert (parsed.extra, parsed.index, len(parsed.hashes)) == (b"age", 73894, 2)
    assert parsed.encode() == text.encode()


def test_tile_path_example() -> None:
    assert Tile(0, 1234067).path == "tile/0/x001/x234/067"
    assert parse_path("tile/0/x001/x234/067.p/8") == Tile(0, 1234067, 8)


def test_partial_tiles_example() -> None:
    """A tree of 70,000: 273 full level 0 tiles, one of width 112, one full level 1 tile, widths 17 and 1."""
    tiles = [tile for tile in tiles_between(0, 70_000) if tile.level >= 0]
    assert sum(tile.full for tile in tiles if tile.level == 0) == 273
    partial = [(tile.level, tile.index, tile.width) for tile in tiles if not tile.full]
    assert partial == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    assert [tile.index for tile in tiles if tile.level == 1 and tile.full] == [0]
    assert [tile_at(0, 0, 256), tile_at(1, 0, 256)] == [Tile(0, 0, 256), Tile(1, 0, 1)]


@pytest.mark.parametrize("size", RFC_6962_ROOTS)
def test_rfc_6962_roots(size: int) -> None:
    leaves = [bytes.fromhex(leaf) for leaf in RFC_6962_LEAVES[:size]]
    made = append(TreeHead(0, EMPTY_ROOT), leaves, {}.__getitem__)
    assert made.head.root.hex() == RFC_6962_ROOTS[size]
