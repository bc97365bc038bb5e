"""hfast beside the official Python clients: each must accept what the other wrote.

The clients run from their virtual environments (see scripts/test), the Hub is the test kit's.
"""

import json
import os
import pathlib
import re
import shlex
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HFAST = ROOT / "target/release/hfast"
TESTHUB = ROOT / "target/release/hfast-testhub"
OLD, NEW = (ROOT / f".venvs/hub-{version}/bin" for version in ("0.36.2", "2.4.0"))
REPO = "demo-org/tiny-bert"
TOKENS = ("hf_the_token_of_the_laptop", "hf_the_token_of_work")

OFFLINE_CHECK = """
import huggingface_hub as hub
path = hub.snapshot_download("%s")
assert hub.hf_hub_download("%s", "config.json").startswith(path)
scan = hub.scan_cache_dir()
assert not scan.warnings, scan.warnings
assert [repo.nb_files for repo in scan.repos] == [8], scan
print(path)
""" % (REPO, REPO)

# After these come downloads that find everything in the cache, and so take no time.
HF_LINES = f"""
download {REPO}
download {REPO} config.json
download {REPO} config.json --json
download {REPO} vocab.txt config.json -q
download {REPO} --include '*.json' --include '*.txt' --quiet
download {REPO} --include '*.json' config.json --quiet
download {REPO} --format agent
download {REPO} --dry-run
download {REPO} --dry-run --json
download {REPO} --dry-run --format agent
download {REPO} --dry-run -q
download {REPO} nope.txt
download {REPO} --revision nope
download demo-org/nope
download --nope
version
version --json
version -q
auth whoami
auth list
auth token
auth login --token {TOKENS[0]}
auth login --token {TOKENS[1]}
auth whoami
auth whoami --json
auth whoami -q
auth list
auth switch --token-name laptop
auth token
auth switch --token-name nope
auth logout --token-name laptop
auth logout
auth logout
cache ls
cache ls --json
cache ls -q
cache ls --format agent
cache ls --revisions
cache ls --revisions --json
cache ls --revisions --no-truncate
cache ls --filter 'size>1G'
cache ls --filter 'type=model' --sort size:asc --limit 1
cache ls --cache-dir /no/such/cache
nope
""".strip().splitlines()
LEGACY_LINES = f"""
download {REPO}
download {REPO} config.json
download {REPO} --include '*.json' '*.txt' --quiet
download {REPO} --exclude '*.safetensors' --resume-download --local-dir-use-symlinks False
download demo-org/nope
download
version
whoami
login --token {TOKENS[0]}
whoami
auth list
auth switch --token-name laptop
scan-cache
scan-cache -v
logout
auth list
nope
""".strip().splitlines()


class Hub:
    """A Hub on loopback for as long as the block runs."""

    def __enter__(self):
        command = [TESTHUB, "--bert", "tiny", "--no-cdn"]
        command += ["--token", f"{TOKENS[0]}=laptop", "--token", f"{TOKENS[1]}=a [work] #2"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.endpoint = self.process.stdout.readline().strip()
        described = self.process.stdout.readline()
        self.commit = described.split(" at ")[1].split(":")[0]
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class OfficialClients(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_with(self, command, endpoint="http://127.0.0.1:9", **variables):
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "HF_ENDPOINT": endpoint,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
            **variables,
        }
        done = subprocess.run(
            [str(part) for part in command], env=environment, capture_output=True, text=True, timeout=120
        )
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}\n{done.stderr}")
        return done.stdout.strip()

    def test_the_cache_that_hfast_writes_is_accepted(self):
        with Hub() as hub:
            home = self.folder / "home"
            path = self.run_with([HFAST, "download", REPO], hub.endpoint, HF_HOME=str(home))
            self.run_with([NEW / "hf", "cache", "verify", REPO], hub.endpoint, HF_HOME=str(home))
        for client in (OLD, NEW):
            found = self.run_with(
                [client / "python", "-c", OFFLINE_CHECK], HF_HOME=str(home), HF_HUB_OFFLINE="1"
            )
            self.assertEqual(found, path)

    def test_the_folder_that_hfast_writes_is_accepted(self):
        target = self.folder / "target"
        with Hub() as hub:
            self.run_with([HFAST, "download", REPO, "--local-dir", target], hub.endpoint)
            verify = [NEW / "hf", "cache", "verify", REPO, "--local-dir", target]
            self.run_with(verify, hub.endpoint)
            before = {path: path.stat().st_mtime_ns for path in target.glob("*") if path.is_file()}
            for client in (OLD, NEW):
                self.run_with([client / "hf", "download", REPO, "--local-dir", target], hub.endpoint)
            after = {path: path.stat().st_mtime_ns for path in before}
            self.assertEqual(before, after, "the official clients fetched a file again")

    def test_what_the_official_clients_wrote_costs_nothing(self):
        for name, client in (("old", OLD), ("new", NEW)):
            home, target = self.folder / name / "home", self.folder / name / "target"
            with Hub() as hub:
                self.run_with([client / "hf", "download", REPO], hub.endpoint, HF_HOME=str(home))
                self.run_with([client / "hf", "download", REPO, "--local-dir", target], hub.endpoint)
                for place in (["--cache-dir", home / "hub"], ["--local-dir", target]):
                    command = [HFAST, "download", REPO, "--format", "json", *place]
                    report = json.loads(self.run_with(command, hub.endpoint))
                    self.assertEqual((report["files"], report["received"]), (8, 0), (name, report))
            pinned = [HFAST, "download", REPO, "config.json", "--revision", hub.commit]
            self.run_with([*pinned, "--cache-dir", home / "hub"])
        # The new client keeps listings, and so a pinned repository needs no request at all.
        whole = [HFAST, "download", REPO, "--revision", hub.commit]
        self.run_with([*whole, "--cache-dir", home / "hub"])
        self.run_with([*whole, "--local-dir", target])

    def test_tokens_are_kept_for_all_of_them(self):
        tools = {"hfast": [HFAST], "old": [OLD / "hf"], "new": [NEW / "hf"]}
        variables = {"HF_HOME": str(self.folder / "home")}
        show = [OLD / "python", "-c", "from huggingface_hub import get_token; print(get_token())"]
        with Hub() as hub:
            for keeper in tools.values():
                for token in TOKENS:
                    self.run_with([*keeper, "auth", "login", "--token", token], hub.endpoint, **variables)
                for reader in tools.values():
                    listed = self.run_with([*reader, "auth", "list"], hub.endpoint, **variables)
                    self.assertIn("laptop", listed)
                    self.assertIn("a [work] #2", listed)
                    whoami = self.run_with([*reader, "auth", "whoami"], hub.endpoint, **variables)
                    self.assertIn("tester", whoami)
                for switcher in tools.values():
                    for name, token in (("laptop", TOKENS[0]), ("a [work] #2", TOKENS[1])):
                        switch = [*switcher, "auth", "switch", "--token-name", name]
                        self.run_with(switch, hub.endpoint, **variables)
                        self.assertEqual(self.run_with(show, **variables), token)
                        self.assertEqual(self.run_with([HFAST, "auth", "token"], **variables), token)
                self.run_with([*keeper, "auth", "logout", "--token-name", "laptop"], hub.endpoint, **variables)
                for reader in tools.values():
                    listed = self.run_with([*reader, "auth", "list"], hub.endpoint, **variables)
                    self.assertNotIn("laptop", listed)
                    self.assertIn("a [work] #2", listed)
                self.run_with([*keeper, "auth", "logout"], hub.endpoint, **variables)
                self.assertEqual(list((self.folder / "home").glob("*token*[!k]")), [])

    def test_their_command_lines_are_spoken(self):
        names = self.folder / "bin"
        names.mkdir()
        for name in ("hf", "huggingface-cli"):
            (names / name).symlink_to(HFAST)
        with Hub() as hub:
            for name, client, lines in (("hf", NEW, HF_LINES), ("huggingface-cli", OLD, LEGACY_LINES)):
                home = {"HF_HOME": str(self.folder / name), "NO_COLOR": "", "COLUMNS": "80"}
                for line in lines:
                    self.age(self.folder / name)
                    with self.subTest(f"{name} {line}"):
                        theirs, ours = (
                            self.outcome([tool, *shlex.split(line)], hub.endpoint, **home)
                            for tool in (client / name, names / name)
                        )
                        self.assertEqual(ours, theirs)

    def age(self, home):
        """What came just now is called differently from one second to the next."""
        days_ago = time.time() - 3 * 86400 - 3600
        for blob in home.glob("hub/*/blobs/*"):
            os.utime(blob, (days_ago, days_ago))

    def outcome(self, command, endpoint, **variables):
        """Exit code and stdout, but for how long a scan took."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "HF_ENDPOINT": endpoint}
        environment |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_UPDATE_CHECK": "1", **variables}
        done = subprocess.run([str(part) for part in command], env=environment, capture_output=True, timeout=120)
        return done.returncode, re.sub(r"Done in \d+\.\ds", "Done in 0.0s", done.stdout.decode())


if __name__ == "__main__":
    unittest.main()
