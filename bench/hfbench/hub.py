"""The scratch Hub's repositories: what is in them, their files on disk, and what its API says of them.

Everything follows from a seed. How they are served is server.py's business.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from . import content

MIB = 1 << 20
OWNER = "lab"
# Written last: files without it, or with another seed in it, is made anew.
MANIFEST = "manifest/{repo}.json"
# In each folder that may be removed.
MARKER = "made-by-hfast-bench"
# What the Hub calls small is between a line of JSON and a tokenizer's configuration.
SMALL = (500, 64_000)


@dataclass(frozen=True)
class Shape:
    """Sizes of the large files in bytes, and how many small ones lie beside them."""

    large: tuple[int, ...]
    small: int


SHAPES = {
    # Loopback: long enough that starting a process does not count.
    "full": Shape((2048 * MIB, 200_000_000, 200_000_000, 200_000_000), 200),
    # Fast links and long runs.
    "mid": Shape((512 * MIB, 64 * MIB, 64 * MIB), 100),
    # Bad networks: ten seconds at 100 Mbit/s.
    "slow": Shape((64 * MIB, 16 * MIB, 16 * MIB, 16 * MIB), 20),
    # Round trips and nothing else.
    "small": Shape((), 2000),
}


@dataclass(frozen=True)
class File:
    """One file of a repository; a large one is kept in LFS, as the Hub does."""

    path: str
    size: int
    large: bool
    sha256: str = ""
    git_blob: str = ""

    @property
    def etag(self) -> str:
        """What the Hub names this content by."""
        return self.sha256 if self.large else self.git_blob


@dataclass(frozen=True)
class Repo:
    """A repository as it lies on the disk."""

    name: str
    commit: str
    files: tuple[File, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def plan(repo: str, seed: int) -> list[File]:
    """The names and sizes of a repository's files, without digests."""
    shape = SHAPES[repo]
    sizes = random.Random(f"{seed}/{repo}/sizes")
    count = len(shape.large)
    files = [File(f"model-{i:05}-of-{count:05}.safetensors", size, large=True) for i, size in enumerate(shape.large, 1)]
    for i in range(shape.small):
        path = "config.json" if i == 0 else f"data/part-{i:04}.json"
        files.append(File(path, sizes.randint(*SMALL), large=False))
    return files


def make(root: Path, repo: str, seed: int) -> Repo:
    """The repository under `root`, made if it is not there; what is there is taken as it is."""
    manifest = root / MANIFEST.format(repo=repo)
    if manifest.exists():
        found = json.loads(manifest.read_text())
        if found["seed"] == seed:
            return Repo(repo, found["commit"], tuple(File(**file) for file in found["files"]))
        manifest.unlink()
    folder = root / "files" / repo
    shutil.rmtree(folder, ignore_errors=True)
    files = []
    for file in plan(repo, seed):
        digests = content.write(folder / file.path, seed, f"{repo}/{file.path}", file.size)
        files.append(File(file.path, file.size, file.large, *digests))
    made = Repo(repo, hashlib.sha1(f"{seed}/{repo}".encode()).hexdigest(), tuple(files))
    (root / "api").mkdir(exist_ok=True)
    (root / f"api/{repo}.json").write_text(json.dumps(info(made)))
    (root / f"api/{repo}.tree.json").write_text(json.dumps(tree(made)))
    shutil.rmtree(root / "corrupt" / repo, ignore_errors=True)
    manifest.parent.mkdir(exist_ok=True)
    described = {"seed": seed, "commit": made.commit, "files": [asdict(file) for file in files]}
    manifest.write_text(json.dumps(described))
    return made


def corrupt(root: Path, repo: Repo) -> None:
    """A second copy of the files under `root`/corrupt, in which each has wrong bytes."""
    folder, partly = root / "corrupt" / repo.name, root / "corrupt" / f"{repo.name}.new"
    if folder.exists():
        return
    shutil.rmtree(partly, ignore_errors=True)
    shutil.copytree(root / "files" / repo.name, partly)
    for file in repo.files:
        content.flip(partly / file.path)
    partly.rename(folder)


def claim(root: Path) -> None:
    """Makes `root` the benchmark's own; a folder that holds something else is refused."""
    root.mkdir(parents=True, exist_ok=True)
    if not (root / MARKER).exists() and any(root.iterdir()):
        raise FileExistsError(f"{root} holds something else; name a folder that is empty or not there")
    (root / MARKER).touch()


def remove(root: Path) -> None:
    """Removes a folder that was claimed, with all that is in it."""
    if (root / MARKER).exists():
        shutil.rmtree(root)


def lfs(file: File, key: str) -> dict:
    """What a listing adds to a large file; the digest's key is another in each listing."""
    if not file.large:
        return {}
    return {"lfs": {key: file.sha256, "size": file.size, "pointerSize": 134}}


def info(repo: Repo) -> dict:
    """The answer of `GET /api/models/OWNER/REPO?blobs=true`."""
    siblings = [
        {"rfilename": file.path, "size": file.size, "blobId": file.git_blob, **lfs(file, "sha256")}
        for file in repo.files
    ]
    return {
        "_id": "0" * 24,
        "id": f"{OWNER}/{repo.name}",
        "modelId": f"{OWNER}/{repo.name}",
        "author": OWNER,
        "sha": repo.commit,
        "private": False,
        "gated": False,
        "disabled": False,
        "tags": [],
        "downloads": 0,
        "likes": 0,
        "lastModified": "2026-01-01T00:00:00.000Z",
        "createdAt": "2026-01-01T00:00:00.000Z",
        "usedStorage": repo.size,
        "siblings": siblings,
    }


def tree(repo: Repo) -> list[dict]:
    """The answer of `GET /api/models/OWNER/REPO/tree/REVISION?recursive=true`, on one page."""
    return [
        {"type": "file", "oid": file.git_blob, "size": file.size, "path": file.path, **lfs(file, "oid")}
        for file in repo.files
    ]
