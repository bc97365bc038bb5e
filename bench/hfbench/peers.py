"""How each peer is called: the shell text of one attempt at downloading a repository. Pure.

A peer keeps its own defaults, unless its name says otherwise. Attempts are repeated by attempts.py,
so a script must go on where the last one ended, as far as its program can.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from . import raw
from .hub import OWNER
from .server import HUB_PORT, STORAGE_PORT

HFAST = "hfast"
RAW = "raw-"
# The flag by which hfast is told of a second server for the same files.
SECOND_SOURCE = "--source"
# The peer that does about the work of hfast, where only the processors are the limit.
CURL_THEN_SHA256 = "curl-then-sha256"

# Two peers that are quick where they work, the official client, and hfast.
QUICK = (HFAST, "aria2-x16", "curl-parallel", "hf-2.4")


@dataclass(frozen=True)
class Job:
    """One download: which repository (its name and files), from where, to where."""

    repo: str
    paths: tuple[str, ...]
    host: str
    dest: Path
    size: int
    second_host: str | None = None

    @property
    def endpoint(self) -> str:
        return f"http://{self.host}:{HUB_PORT}"

    def url(self, path: str) -> str:
        """The address of one file."""
        return f"{self.endpoint}/{OWNER}/{self.repo}/resolve/main/{path}"

    def files(self) -> Iterable[tuple[str, str, str]]:
        """Address, file and folder of each file, quoted for a shell."""
        for path in self.paths:
            target = self.dest / path
            yield self.url(path), shlex.quote(str(target)), shlex.quote(str(target.parent))


@dataclass(frozen=True)
class Tools:
    """Where the programs are that do not come with the system."""

    hfast: Path
    installed: Path


def hfast(command: list[str], job: Job) -> str:
    program, *flags = command
    words = [program, "download", f"{OWNER}/{job.repo}", "--endpoint", job.endpoint, "--local-dir", str(job.dest), "-q"]
    if job.second_host is not None:
        words += [SECOND_SOURCE, f"http://{job.second_host}:{HUB_PORT}"]
    return f"exec {shlex.join(words + flags)} >/dev/null\n"


def official(version: str, settings: str = "") -> Callable[[Tools, Job], str]:
    def script(tools: Tools, job: Job) -> str:
        program = shlex.quote(str(tools.installed / f"hf-{version}/bin/hf"))
        return (
            f"export HF_ENDPOINT={job.endpoint} HF_HUB_DISABLE_TELEMETRY=1 HF_HUB_DISABLE_PROGRESS_BARS=1\n"
            f"export HF_HUB_DISABLE_UPDATE_CHECK=1 HF_HUB_DISABLE_XET=1 {settings}\n"
            f"exec {program} download {OWNER}/{job.repo} --local-dir {shlex.quote(str(job.dest))} >/dev/null\n"
        )

    return script


def aria2(connections: int) -> Callable[[Tools, Job], str]:
    def script(tools: Tools, job: Job) -> str:
        files = "".join(f"{job.url(path)}\n dir={job.dest}\n out={path}\n" for path in job.paths)
        return (
            "exec aria2c --no-conf --console-log-level=error --summary-interval=0 --download-result=hide "
            f"--file-allocation=none -x{connections} -s{connections} -k1M -j5 -c -i - >/dev/null <<'END'\n{files}END\n"
        )

    return script


def one_by_one(each: str) -> Callable[[Tools, Job], str]:
    """A program that takes one address: `each` is run with $url and $file."""

    def script(tools: Tools, job: Job) -> str:
        lines = [f"one {url} {file} {folder}" for url, file, folder in job.files()]
        head = f'failed=0\none() {{ url=$1 file=$2; mkdir -p "$3"; {each} || failed=1; }}\n'
        return head + "\n".join(lines) + "\nexit $failed\n"

    return script


def curl_parallel(tools: Tools, job: Job) -> str:
    files = "".join(f'url = "{job.url(path)}"\noutput = "{job.dest / path}"\n' for path in job.paths)
    return f"exec curl -sS -f -L --create-dirs --parallel --parallel-max 16 --retry 3 -C - -K - <<'END'\n{files}END\n"


def curl_then_sha256(tools: Tools, job: Job) -> str:
    """What it takes to have the bytes and their digests: a pass of SHA-256 over the files afterwards."""
    files = " ".join(file for _, file, _ in job.files())
    return f"( {curl_parallel(tools, job)}) && exec openssl dgst -sha256 {files} >/dev/null\n"


def hf_hub(tools: Tools, job: Job) -> str:
    program = tools.installed / "bin/bench-hf-hub"
    return f"exec {shlex.join([str(program), job.endpoint, OWNER, job.repo, str(job.dest)])}\n"


PEERS: dict[str, Callable[[Tools, Job], str]] = {
    "hf-2.4": official("2.4"),
    "hf-0.36": official("0.36"),
    "hf_transfer": official("0.36", "HF_HUB_ENABLE_HF_TRANSFER=1"),
    "aria2-x16": aria2(16),
    "aria2-x4": aria2(4),
    # A whole file is answered 416 to `-C -`, so what is done must be remembered.
    "curl": one_by_one(
        '{ [ -e "$file.done" ] || { curl -sS -f -L -C - --retry 3 -o "$file" "$url" && : > "$file.done"; }; }'
    ),
    "curl-parallel": curl_parallel,
    "wget": one_by_one('wget -q -c -O "$file" "$url"'),
    # A file without its state beside it is whole.
    "axel": one_by_one('{ { [ -e "$file" ] && [ ! -e "$file.st" ]; } || axel -q -n 16 -o "$file" "$url" </dev/null; }'),
    "hf-hub-1.0": hf_hub,
}


# Of no use in other rows, and so not among those that are run in all of them.
ON_LOOPBACK = {CURL_THEN_SHA256: curl_then_sha256}


def is_hfast(tool: str) -> bool:
    """`hfast`, or another build or setting of it under a name of its own: `NAME=PROGRAM FLAGS`."""
    return tool == HFAST or "=" in tool


def is_yardstick(tool: str) -> bool:
    """`raw-N` is a client that only receives, over N connections; it is no peer."""
    return tool.startswith(RAW) and tool.removeprefix(RAW).isdecimal()


def label(tool: str) -> str:
    """What a tool is called in tables."""
    return tool.split("=", 1)[0]


def script(tool: str, tools: Tools, job: Job) -> str:
    """The text of one attempt, for bash; it exits with 0 where the peer says that it succeeded."""
    if is_yardstick(tool):
        largest = job.paths[0]
        words = ["python3", raw.__file__, job.host, str(STORAGE_PORT), f"/{job.repo}/{largest}"]
        return f"exec {shlex.join([*words, tool.removeprefix(RAW), str(job.size)])} >/dev/null\n"
    if is_hfast(tool):
        command = shlex.split(tool.split("=", 1)[1]) if "=" in tool else [str(tools.hfast)]
        return hfast(command, job)
    return (PEERS | ON_LOOPBACK)[tool](tools, job)


def program(tool: str, tools: Tools) -> str:
    """The program that a tool cannot do without."""
    if is_yardstick(tool):
        return "python3"
    if is_hfast(tool):
        return shlex.split(tool.split("=", 1)[1])[0] if "=" in tool else str(tools.hfast)
    if tool in ("hf-2.4", "hf-0.36", "hf_transfer"):
        return str(tools.installed / f"hf-{'2.4' if tool == 'hf-2.4' else '0.36'}/bin/hf")
    if tool == "hf-hub-1.0":
        return str(tools.installed / "bin/bench-hf-hub")
    programs = {"aria2-x16": "aria2c", "aria2-x4": "aria2c", "curl-parallel": "curl", CURL_THEN_SHA256: "openssl"}
    return programs.get(tool, tool)
