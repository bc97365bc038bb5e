"""File content from a seed, with the digests that a Hub promises for it.

The same seed, name and size give the same bytes on every machine, so no file needs to be kept or
shipped. Not for choosing names and sizes: that is hub.py.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# Large enough that the loop costs nothing, small enough to stay in the processor's cache.
PIECE = 1 << 20
# One wrong byte in each so many: every range of this size that a client asks for holds one.
FLIP_EVERY = 4 << 20


class Digests(NamedTuple):
    """Of one file's content, in hexadecimal."""

    sha256: str
    git_blob: str


def pieces(seed: int, name: str, size: int) -> Iterator[bytes]:
    """The content of one file, in order; pieces add up to `size` bytes."""
    source = random.Random(f"{seed}/{name}")
    for at in range(0, size, PIECE):
        yield source.randbytes(min(PIECE, size - at))


def write(path: Path, seed: int, name: str, size: int) -> Digests:
    """Writes the file and says what its digests are."""
    sha256 = hashlib.sha256()
    # A git blob's name is the SHA-1 over a head with the size, then the content.
    git_blob = hashlib.sha1(b"blob %d\0" % size)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for piece in pieces(seed, name, size):
            sha256.update(piece)
            git_blob.update(piece)
            file.write(piece)
    return Digests(sha256.hexdigest(), git_blob.hexdigest())


def flip(path: Path) -> int:
    """Changes one byte in each `FLIP_EVERY`, at least one; says how many. An empty file stays."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        places = range(min(size // 2, FLIP_EVERY // 2), size, FLIP_EVERY)
        for at in places:
            file.seek(at)
            byte = file.read(1)
            file.seek(at)
            file.write(bytes([byte[0] ^ 0xFF]))
    return len(places)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file on the disk."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()
