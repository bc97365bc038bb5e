"""Runs one peer until it says that it succeeded, and measures it: the command inside the lab.

    python3 -m hfbench.attempts SCRIPT RESULT LIMIT

SCRIPT is the bash text of one attempt. One that fails is started again after a second, as a patient
user would, until LIMIT seconds have passed. RESULT gets one JSON object: wall clock, processor time
and peak memory of the peer alone, what it received, how many attempts, whether the last one succeeded,
and what it said. Whether the files are right is seen later, by runs.py.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from .received import Counter

# Long enough not to hammer, short enough not to count beside the downloads.
PAUSE_S = 1.0
# From Ctrl-C to SIGKILL.
GRACE_S = 2.0
# Of the last attempt's errors.
KEPT = 400


def end(group: int, within: float) -> None:
    """Interrupts a process group as Ctrl-C would, and kills what is left of it after a while."""
    for number, wait in ((signal.SIGINT, within), (signal.SIGKILL, 0.0)):
        try:
            os.killpg(group, number)
        except ProcessLookupError:
            return
        until = time.monotonic() + wait
        while time.monotonic() < until:
            if os.waitid(os.P_PID, group, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                break
            time.sleep(0.02)


def surroundings(script: Path) -> dict[str, str]:
    """The same for everybody, with no settings, tokens or proxies of the one who measures, and nothing
    that an earlier run has learnt."""
    home = script.with_suffix(".home")
    home.mkdir(parents=True, exist_ok=True)
    variables = {"HOME": home, "XDG_RUNTIME_DIR": home}
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"} | {k: str(v) for k, v in variables.items()}


def once(script: Path, deadline: float, stderr: Path) -> dict:
    """One attempt.

    GNU time stands between: a child of Python starts with Python's own peak memory, which would hide
    that of a small program, and `time` lives through the interrupt that ends an attempt.
    """
    peak = script.with_suffix(".peak")
    with stderr.open("wb") as errors:
        child = subprocess.Popen(
            ["env", "--default-signal=INT", "time", "--quiet", "-f", "%M", "-o", str(peak), "bash", str(script)],
            env=surroundings(script),
            stdin=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
        in_time = True
        try:
            signal.setitimer(signal.ITIMER_REAL, max(deadline - time.monotonic(), 0.001))
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
            signal.setitimer(signal.ITIMER_REAL, 0)
        except TimeoutError:
            in_time = False
        ended = time.monotonic()
        end(child.pid, GRACE_S)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    text = peak.read_text().split() if peak.exists() else []
    return {
        "exit": child.returncode,
        "in_time": in_time,
        "ended": ended,
        "user_s": usage.ru_utime,
        "system_s": usage.ru_stime,
        # Of the largest process; GNU time counts in KiB.
        "rss_kib": int(text[-1]) if text else 0,
    }


def until_success(script: Path, limit: float) -> dict:
    """Attempts until one succeeds or the time is over, added up."""
    stderr = script.with_suffix(".err")
    begun = time.monotonic()
    total = {"attempts": 0, "user_s": 0.0, "system_s": 0.0, "rss_kib": 0}
    while True:
        one = once(script, begun + limit, stderr)
        total["attempts"] += 1
        total["user_s"] += one["user_s"]
        total["system_s"] += one["system_s"]
        total["rss_kib"] = max(total["rss_kib"], one["rss_kib"])
        succeeded = one["in_time"] and one["exit"] == 0
        if succeeded or time.monotonic() + PAUSE_S >= begun + limit:
            break
        time.sleep(PAUSE_S)
    said = stderr.read_text(errors="replace")[-KEPT:]
    return {**total, "wall_s": one["ended"] - begun, "succeeded": succeeded, "in_time": one["in_time"], "stderr": said}


def raise_timeout(*_: object) -> None:
    raise TimeoutError


if __name__ == "__main__":
    signal.signal(signal.SIGALRM, raise_timeout)
    script, result = Path(sys.argv[1]), Path(sys.argv[2])
    with Counter(script.with_suffix(".sockets")) as counter:
        measured = until_success(script, float(sys.argv[3]))
    result.write_text(json.dumps({**measured, "received_bytes": counter.bytes}))
