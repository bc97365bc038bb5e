"""Many runs to one set of figures for each row and tool. Pure.

It reads what runs.py wrote, one JSON object for each run; tables.py prints it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

from .peers import ON_LOOPBACK, is_hfast, is_yardstick, label

GB = 1e9
MIB_KIB = 1024
# Round trips; see `Results.raw_after_questions_s`.
QUESTIONS = 4


@dataclass(frozen=True)
class Figures:
    """Medians over the complete runs of one tool in one row, over all where none is complete.

    `wall_s` is None where no run is complete. `traffic` is what TCP brought in order for each useful byte,
    `wire` what the link carried, `busy_s` how long all processors together need for the tool and its
    server; None where nothing counted it.
    """

    tool: str
    wall_s: float | None
    walls: tuple[tuple[float, bool], ...]
    cpu_s_per_gb: float
    rss_mib: float
    traffic: float | None
    wire: float | None
    attempts: float
    late_share: float
    busy_s: float | None

    @property
    def all_complete(self) -> bool:
        return all(complete for _, complete in self.walls)

    @property
    def complete(self) -> int:
        return sum(complete for _, complete in self.walls)

    @property
    def longest_s(self) -> float:
        return max(wall for wall, _ in self.walls)


def figures(tool: str, runs: list[dict]) -> Figures:
    """The figures of one tool's runs in one row."""
    complete = [run for run in runs if run["complete"]]
    used = complete or runs

    def middle(value: Callable[[dict], float]) -> float:
        return median(value(run) for run in used)

    def counted(key: str, value: Callable[[dict], float]) -> float | None:
        found = [value(run) for run in used if run.get(key) is not None]
        return median(found) if found else None

    def per_useful_byte(key: str) -> float | None:
        return counted(key, lambda run: run[key] / run["useful_bytes"])

    return Figures(
        tool=tool,
        wall_s=middle(lambda run: run["wall_s"]) if complete else None,
        walls=tuple((run["wall_s"], run["complete"]) for run in runs),
        cpu_s_per_gb=middle(lambda run: (run["user_s"] + run["system_s"]) / run["useful_bytes"] * GB),
        rss_mib=middle(lambda run: run["rss_kib"] / MIB_KIB),
        traffic=per_useful_byte("received_bytes"),
        wire=per_useful_byte("wire_bytes"),
        attempts=middle(lambda run: run["attempts"]),
        busy_s=counted("busy_s", lambda run: run["busy_s"]),
        late_share=max(run.get("late_share", 0.0) for run in runs),
    )


class Results:
    """All rows of one sitting."""

    def __init__(self, runs: Iterable[dict]):
        grouped: dict[str, dict[str, list[dict]]] = {}
        for run in runs:
            grouped.setdefault(run["row"], {}).setdefault(label(run["tool"]), []).append(run)
        self.runs = grouped
        self.rows = {
            row: {tool: figures(runs[0]["tool"], runs) for tool, runs in tools.items()}
            for row, tools in grouped.items()
        }

    def first(self, row: str) -> dict:
        """A run of this row, for what all its runs have in common."""
        return next(iter(self.runs[row].values()))[0]

    def hfast(self, row: str) -> Figures | None:
        """Of hfast itself, or else of the first build of it that has a name of its own."""
        ours = [own for own in self.rows.get(row, {}).values() if is_hfast(own.tool)]
        return min(ours, key=lambda own: "=" in own.tool, default=None)

    def peers(self, row: str) -> list[Figures]:
        """Of a goal's own peer a row is not won or lost."""
        ours = (own for own in self.rows[row].values() if not is_hfast(own.tool))
        return [own for own in ours if not is_yardstick(own.tool) and own.tool not in ON_LOOPBACK]

    def ideal_s(self, row: str) -> float | None:
        """The least time that the link allows."""
        return self.first(row)["ideal_s"]

    def raw_s(self, row: str) -> float | None:
        """The time that connections took that only receive as many bytes."""
        found = [own.wall_s for own in self.rows[row].values() if is_yardstick(own.tool)]
        return found[0] if found else None

    def raw_after_questions_s(self, row: str) -> float | None:
        """The same, if they waited as a client of the Hub does before it may ask for bytes: for the commit, the listing,
        the address of the bytes, and a connection to their host."""
        raw, round_trip = self.raw_s(row), self.first(row).get("round_trip_s")
        return None if raw is None or round_trip is None else raw + QUESTIONS * round_trip

    def best_peer_s(self, row: str) -> float | None:
        return min((own.wall_s for own in self.peers(row) if own.wall_s is not None), default=None)

    def least_s(self, row: str, tool: str | None) -> float | None:
        """The time of the fastest peer, but not less than all processors together need for the work of `tool` and
        of its server."""
        own, best = self.rows[row].get(tool or ""), self.best_peer_s(row)
        if own is None or own.wall_s is None or own.busy_s is None or best is None:
            return None
        return max(own.busy_s, best)

    def cpu_s_per_gb(self, row: str, tool: str | None) -> float | None:
        own = self.rows[row].get(tool or "")
        return None if own is None or own.wall_s is None else own.cpu_s_per_gb

    def at_least_s(self, row: str, tool: str | None) -> float | None:
        """The time of a peer, or the longest that it was waited for in vain."""
        own = self.rows[row].get(tool or "")
        return None if own is None else own.longest_s if own.wall_s is None else own.wall_s
