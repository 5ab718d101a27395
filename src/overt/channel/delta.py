"""How a bundle travels: whole, or as a Zstandard frame (RFC 8878) that continues an older bundle ("prefix patch")."""

from __future__ import annotations

import hashlib
import sys

from overt.channel.layout import MAX_BUNDLE_BYTES
from overt.core.errors import Malformed, PeerLied

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LEVEL = 19
PATCH_LEVEL = 6
"""For patches: nearly everything is a long match into the old bundle, so that more costs time and gains little."""
MAX_WINDOW_LOG = 27
"""Memory for decoding is bounded by 2**27 bytes and the bundles themselves; no patch is made across more."""
MIN_WINDOW_LOG = 17
_PIECE = 1 << 20


def compress(data: bytes) -> bytes:
    """The frame that is served as the whole bundle."""
    return zstd.compress(data, LEVEL)


def decompress(data: bytes, sha256: str, max_bytes: int = MAX_BUNDLE_BYTES) -> bytes:
    """The bundle in `data`. Stops at `max_bytes`. Raises `Malformed` for a broken or too large frame, `PeerLied` when
    it holds something other than the bundle `sha256` (lower-case hexadecimal)."""
    window = {int(zstd.DecompressionParameter.window_log_max): MAX_WINDOW_LOG}
    return _checked(zstd.ZstdDecompressor(options=window), data, sha256, max_bytes)


def patchable(old: bytes, new: bytes) -> bool:
    """Whether both fit into the window of a patch."""
    return len(old) + len(new) <= 1 << MAX_WINDOW_LOG


def make_patch(old: bytes, new: bytes) -> bytes:
    """A frame from which whoever has `old` gets `new`. Raises `ValueError` unless they are `patchable`."""
    if not patchable(old, new):
        raise ValueError(f"{len(old) + len(new)} bytes are too many for a patch")
    parameter = zstd.CompressionParameter
    options = {
        int(parameter.compression_level): PATCH_LEVEL,
        int(parameter.window_log): max((len(old) + len(new)).bit_length(), MIN_WINDOW_LOG),
        int(parameter.enable_long_distance_matching): 1,
    }
    compressor = zstd.ZstdCompressor(options=options, zstd_dict=_prefix(old))
    return compressor.compress(new, zstd.ZstdCompressor.FLUSH_FRAME)


def apply_patch(old: bytes, patch: bytes, sha256: str, max_bytes: int = MAX_BUNDLE_BYTES) -> bytes:
    """The new bundle. Bounds and errors as `decompress` has them."""
    window = {int(zstd.DecompressionParameter.window_log_max): MAX_WINDOW_LOG + 1}
    return _checked(zstd.ZstdDecompressor(zstd_dict=_prefix(old), options=window), patch, sha256, max_bytes)


def _prefix(data: bytes) -> tuple[zstd.ZstdDict, int]:
    prefix: tuple[zstd.ZstdDict, int] = zstd.ZstdDict(data, is_raw=True).as_prefix
    return prefix


def _checked(decompressor: zstd.ZstdDecompressor, data: bytes, sha256: str, max_bytes: int) -> bytes:
    pieces: list[bytes] = []
    total = 0
    try:
        while not decompressor.eof:
            piece = decompressor.decompress(data, _PIECE)
            data = b""
            pieces.append(piece)
            total += len(piece)
            if total > max_bytes:
                raise Malformed(f"bundle: unpacks to more than {max_bytes:,} bytes")
            if not piece and decompressor.needs_input:
                raise Malformed("bundle: the compressed frame is cut off")
    except zstd.ZstdError as error:
        raise Malformed(f"bundle: {error}") from None
    if decompressor.unused_data:
        raise Malformed("bundle: something follows the compressed frame")
    whole = b"".join(pieces)
    if hashlib.sha256(whole).hexdigest() != sha256:
        raise PeerLied(f"bundle: what was unpacked is not the bundle {sha256}")
    return whole
