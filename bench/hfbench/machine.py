"""What the figures depend on besides the programs: machine, kernel, commit, versions.

Host names and paths are left out; they tell a reader nothing.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path

from . import peers
from .peers import Tools

HASH = re.compile(r"[0-9a-f]{4,64}")
VERSION_FLAGS = {"nginx": "-v", "hf": "version"}


def said(command: list[str]) -> str:
    """What a command prints, wherever it prints it; nothing if it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return ""
    return (done.stdout + done.stderr).strip()


def version(text: str) -> str:
    """The first number with a dot in it."""
    found = re.search(r"\d+(\.\d+)+", text)
    return found.group(0) if found else "unknown"


def processor(cpuinfo: str) -> str:
    """The model, out of /proc/cpuinfo."""
    found = re.search(r"^model name\s*:\s*(.*)$", cpuinfo, re.MULTILINE)
    return found.group(1) if found else platform.machine()


def describe(root: Path, tools: Tools, used: list[str]) -> dict:
    """Machine, commit of the checkout, and the version of each program that is used."""
    programs = {peers.label(tool): peers.program(tool, tools) for tool in used if not peers.is_yardstick(tool)}
    versions = {}
    for name, program in {"nginx": "nginx", **programs}.items():
        flag = VERSION_FLAGS.get(Path(program).name, "--version")
        # A library: its name has its version, its program does not say it.
        if name != "hf-hub-1.0":
            versions[name] = version(said([program, flag]))
    commit = said(["git", "-C", str(root), "rev-parse", "--short", "HEAD"])
    changed = said(["git", "-C", str(root), "status", "--porcelain", "--untracked-files=no"])
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": processor(Path("/proc/cpuinfo").read_text()),
        "kernel": platform.release(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "commit": commit + (" with changes" if changed else "") if HASH.fullmatch(commit) else "unknown",
        "versions": versions,
    }
