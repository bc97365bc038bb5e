"""One measured run: a server and one peer, joined by netlab or by loopback, and the files checked.

What comes out is one dictionary, ready for a line of JSON. Which runs are made is plan.py's business.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from . import attempts, content, link, peers, server
from .hub import Repo
from .peers import Job, Tools
from .rows import LOOPBACK, SECOND_ADDRESS, SECOND_HOST, Row

# netlab's own limit is a backstop for attempts.py, which interrupts and reports.
BACKSTOP_S = 30
# From the end of a lab's processes to that of its namespaces netlab needs about 3 s.
CLEAN_UP_S = 8

PACKAGES = Path(__file__).resolve().parents[1]
# Of one run, under the scratch folder: logs and scripts; what the peer wrote.
FOLDERS = ("run", "dest")
RESULT = "result.json"

# Of a row, what a table says of it.
NETWORK = ("profile", "cc", "repo", "changes", "second", "corrupt", "limit", "only_hfast")

LOOPBACK_LAB = """\
ip link set lo up
nginx -p "$1" -c "$1/nginx.conf" -g 'daemon off;' & server=$!
for _ in $(seq 100); do [ -s "$1/nginx.pid" ] && break; sleep 0.05; done
eval "$2"
kill -QUIT $server; wait $server
times > "$1/times"
"""


@dataclass(frozen=True)
class Bench:
    """What all runs of one sitting share. `scratch` holds one run's files at a time."""

    hub: Path
    scratch: Path
    tools: Tools
    netlab: Path
    lab: str
    profiles: dict[str, str]
    repos: dict[str, Repo]


def call(command: list[str]) -> int:
    """Runs a command that must be let clean up when this program is interrupted."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.terminate()
        try:
            process.wait(CLEAN_UP_S)
        except subprocess.TimeoutExpired:
            process.kill()
        raise


def check(repo: Repo, dest: Path) -> dict[str, int]:
    """How many files are there with the right SHA-256, with a wrong one, and not at all."""
    found = {"good": 0, "bad": 0, "missing": 0}
    for file in repo.files:
        path = dest / file.path
        if not path.is_file():
            found["missing"] += 1
        elif path.stat().st_size == file.size and content.sha256_of(path) == file.sha256:
            found["good"] += 1
        else:
            found["bad"] += 1
    return found


def links(bench: Bench, row: Row) -> list[link.Link]:
    """The links that right bytes can come over; none on loopback."""
    if row.profile == LOOPBACK:
        return []
    paths = [link.parse(" ".join([bench.profiles[row.profile], *row.changes]))]
    if row.second is not None and not row.corrupt:
        paths.append(link.parse(bench.profiles[row.second]))
    return paths


def counted(report: dict) -> dict:
    """What is kept of netlab's report: traffic towards the client, and whether netlab kept up.

    `wire_bytes` is TCP payload that arrived at the client, retransmissions included.
    """
    down = report["down"]
    kept = {key: report[key] for key in ("flows", "resets", "stalls")}
    lost = sum(down[key] for key in ("lost", "queue_drops", "flow_queue_drops"))
    late = down["late"] / max(down["packets_out"], 1)
    return {
        **kept,
        "wire_bytes": down["payload_out"],
        "lost_packets": lost,
        "late_share": late,
        "overruns": down["overruns"],
    }


def worked_s(times: str) -> float:
    """Processor time of all that a shell had started and waited for, in seconds: the last line of its `times`."""
    *_, last = times.splitlines()
    minutes = [part.removesuffix("s").split("m") for part in last.split()]
    return sum(60 * int(whole) + float(rest) for whole, rest in minutes)


def lab_command(bench: Bench, row: Row, seed: int, run: Path, client: str) -> list[str]:
    """The call of netlab for one run."""
    command = [str(bench.netlab), "run", "--name", bench.lab, "--profile", row.profile, "--cc", row.cc]
    command += ["--seed", str(seed), "--time-limit", str(row.limit + BACKSTOP_S), "--quiet"]
    command += ["--json", str(run / "netlab.json"), "--wait-port", str(server.STORAGE_PORT)]
    for change in row.changes:
        command += ["--set", change]
    if row.second is not None:
        command += ["--path", f"{SECOND_ADDRESS}={row.second}"]
    nginx = shlex.join(["nginx", "-p", str(run), "-c", str(run / "nginx.conf"), "-g", "daemon off;"])
    return command + ["--server-cmd", f"exec {nginx}", "--client-cmd", f"exec {client}"]


def loopback_command(run: Path, client: str) -> list[str]:
    """The same on loopback, with namespaces of its own: no port is taken, and nothing is left."""
    isolated = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return [*isolated, "bash", "-c", LOOPBACK_LAB, "lab", str(run), client]


def prepare(bench: Bench, row: Row, tool: str) -> tuple[Path, Path, str]:
    """Empty folders for one run, its server's configuration and its peer's script: run, dest, client command."""
    repo = bench.repos[row.repo]
    run, dest = (bench.scratch / folder for folder in FOLDERS)
    for folder in (run, dest):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    corrupt_at = SECOND_ADDRESS if row.corrupt else None
    (run / "nginx.conf").write_text(server.configuration(bench.hub, run, list(bench.repos.values()), corrupt_at))
    host = "127.0.0.1" if row.profile == LOOPBACK else "server"
    second = SECOND_HOST if row.second is not None else None
    job = Job(repo.name, tuple(file.path for file in repo.files), host, dest, repo.size, second)
    script = run / "peer.sh"
    script.write_text(peers.script(tool, bench.tools, job))
    program = ["env", f"PYTHONPATH={PACKAGES}", sys.executable, "-m", attempts.__name__]
    return run, dest, shlex.join([*program, str(script), str(run / RESULT), str(row.limit)])


def one(bench: Bench, row: Row, tool: str, rep: int, seed: int) -> dict:
    """Runs a tool in a row once, checks what it made, and removes it."""
    repo, loopback = bench.repos[row.repo], row.profile == LOOPBACK
    run, dest, client = prepare(bench, row, tool)
    load = os.getloadavg()[0]
    status = call(loopback_command(run, client) if loopback else lab_command(bench, row, seed, run, client))
    errors = run / server.ERROR_LOG
    failed = server.failure(errors.read_text()) if errors.exists() else "no server"
    if failed or not (run / RESULT).exists():
        raise RuntimeError(f"{row.name}, {tool}: the lab ended with {status} and measured nothing: {failed}")
    measured = json.loads((run / RESULT).read_text())
    if loopback:
        # With its server, shared out over all processors.
        measured["busy_s"] = worked_s((run / "times").read_text()) / len(os.sched_getaffinity(0))
    else:
        measured |= counted(json.loads((run / "netlab.json").read_text()))
    files = {} if peers.is_yardstick(tool) else check(repo, dest)
    shutil.rmtree(dest)
    complete = measured["succeeded"] and files.get("bad", 0) == files.get("missing", 0) == 0
    if complete and (measured["received_bytes"] or 0) < repo.size:
        # The kernel did not tell of every socket.
        measured["received_bytes"] = None
    return {
        "kind": "run",
        "row": row.name,
        "tool": tool,
        "rep": rep,
        "seed": seed,
        "complete": complete,
        "useful_bytes": repo.size,
        "round_trip_s": links(bench, row)[0].round_trip if not loopback else None,
        "ideal_s": link.ideal_seconds(repo.size, links(bench, row)) if not loopback else None,
        "load": load,
        **measured,
        **files,
        "network": {key: getattr(row, key) for key in NETWORK},
    }
