"""The scratch Hub: content from a seed, digests, listings, and the server's configuration."""

import hashlib
import json
import pathlib
import re
import subprocess
import tempfile
import unittest
from unittest import mock

from hfbench import content, hub, server

TINY = {"tiny": hub.Shape((content.PIECE + 7, 5), 3)}


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        patch = mock.patch.dict(hub.SHAPES, TINY)
        patch.start()
        self.addCleanup(patch.stop)


class Content(Folder):
    def test_the_same_seed_gives_the_same_bytes(self):
        first, again, other = (b"".join(content.pieces(seed, "a", content.PIECE + 3)) for seed in (1, 1, 2))
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)
        self.assertEqual(len(first), content.PIECE + 3)

    def test_the_digests_are_those_of_the_file(self):
        for size in (0, 1, content.PIECE + 1):
            path = self.root / "folder" / f"file-{size}"
            digests = content.write(path, 1, "name", size)
            self.assertEqual(path.stat().st_size, size)
            self.assertEqual(digests.sha256, hashlib.sha256(path.read_bytes()).hexdigest())
            self.assertEqual(digests.sha256, content.sha256_of(path))
            git = subprocess.run(["git", "hash-object", path], capture_output=True, text=True, check=True)
            self.assertEqual(digests.git_blob, git.stdout.strip())

    def test_a_flip_changes_one_byte_in_each_part_and_no_size(self):
        for size, changed in ((0, 0), (1, 1), (1000, 1), (2 * content.FLIP_EVERY + 9, 2)):
            path = self.root / "file"
            path.write_bytes(b"\x05" * size)
            self.assertEqual(content.flip(path), changed)
            after = path.read_bytes()
            self.assertEqual(len(after), size)
            self.assertEqual(len(after.replace(b"\x05", b"")), changed)


class Repositories(Folder):
    def test_both_listings_tell_what_lies_on_the_disk(self):
        repo = hub.make(self.root, "tiny", 1)
        self.assertEqual(len(repo.files), 5)
        info = json.loads((self.root / "api/tiny.json").read_text())
        tree = json.loads((self.root / "api/tiny.tree.json").read_text())
        self.assertEqual(info["sha"], repo.commit)
        for file, sibling, entry in zip(repo.files, info["siblings"], tree, strict=True):
            data = (self.root / "files/tiny" / file.path).read_bytes()
            blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            self.assertEqual((sibling["rfilename"], sibling["size"], sibling["blobId"]), (file.path, len(data), blob))
            self.assertEqual((entry["path"], entry["size"], entry["oid"]), (file.path, len(data), blob))
            sha256 = hashlib.sha256(data).hexdigest()
            self.assertEqual("lfs" in entry, file.large)
            if file.large:
                self.assertEqual((sibling["lfs"]["sha256"], entry["lfs"]["oid"]), (sha256, sha256))
            self.assertEqual(file.etag, sha256 if file.large else blob)

    def test_what_is_there_stays_and_another_seed_makes_it_anew(self):
        first = hub.make(self.root, "tiny", 1)
        marker = self.root / "files/tiny/marker"
        marker.touch()
        self.assertEqual(hub.make(self.root, "tiny", 1), first)
        self.assertTrue(marker.exists())
        self.assertNotEqual(hub.make(self.root, "tiny", 2).files, first.files)
        self.assertFalse(marker.exists())

    def test_the_corrupt_copy_differs_in_every_file(self):
        repo = hub.make(self.root, "tiny", 1)
        hub.corrupt(self.root, repo)
        for file in repo.files:
            good, bad = (self.root / kind / "tiny" / file.path for kind in ("files", "corrupt"))
            self.assertEqual(good.stat().st_size, bad.stat().st_size)
            self.assertNotEqual(good.read_bytes(), bad.read_bytes())

    def test_only_a_folder_of_its_own_is_used_and_removed(self):
        theirs, ours = self.root / "theirs", self.root / "ours"
        theirs.mkdir()
        (theirs / "file").touch()
        with self.assertRaises(FileExistsError):
            hub.claim(theirs)
        hub.remove(theirs)
        self.assertTrue((theirs / "file").exists())
        for _ in range(2):
            hub.claim(ours)
            hub.make(ours, "tiny", 1)
        hub.remove(ours)
        self.assertFalse(ours.exists())

    def test_sizes_are_what_the_documentation_says(self):
        total = {repo: sum(file.size for file in hub.plan(repo, 1)) for repo in hub.SHAPES if repo != "tiny"}
        self.assertEqual(
            {repo: round(size / 1e7) for repo, size in total.items()}, {"full": 275, "mid": 67, "slow": 12, "small": 6}
        )
        self.assertEqual(len(hub.plan("small", 1)), 2000)


class Server(Folder):
    def test_the_configuration_names_every_file_and_the_corrupt_address(self):
        repo = hub.make(self.root, "tiny", 1)
        text = server.configuration(self.root, self.root / "run", [repo], "10.77.0.9")
        self.assertEqual(text.count("{"), text.count("}"))
        for file in repo.files:
            self.assertIn(f'"/tiny/{file.path}" "{file.etag}";', text)
            self.assertIn(f'"/tiny/{file.path}" "{file.size}";', text)
        self.assertEqual(re.findall(r"listen ([0-9.:]+)", text), ["8000", "8001", "10.77.0.9:8000", "10.77.0.9:8001"])
        self.assertIn(f"root {self.root}/corrupt;", text)
        self.assertNotIn("corrupt", server.configuration(self.root, self.root / "run", [repo]))

    def test_a_server_that_did_not_start_is_noticed(self):
        self.assertIn("bind()", server.failure("a\n2026/01/01 [emerg] 1#1: bind() failed\n"))
        self.assertIsNone(server.failure("2026/01/01 [crit] 1#1: disk\n"))
