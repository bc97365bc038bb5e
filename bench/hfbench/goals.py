"""What hfast must reach in a row, and whether it does. Pure.

Figures come from summary.py; which row has which goal is in rows.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .summary import Figures, Results

SHARE = "share of the link"
RAW = "share of raw connections"
ASKED = "share of raw connections that begin four round trips later"
IDEAL = "time / ideal time"
TIME = "time / time of another row"
FASTER = "times as fast as another row"
BEST_PEER = "time / time of the fastest peer"
PEER = "times as fast as a peer"
TRAFFIC = "bytes received / useful byte"
ONE_RUN = "complete, in one run each time"
PROCESSORS = "time / time of the fastest peer, or that in which the processors can do the work of a peer"
CPU = "processor time / that of a peer"
MEMORY = "peak memory in MiB"

AT_LEAST = {SHARE, RAW, ASKED, FASTER, PEER}


@dataclass(frozen=True)
class Goal:
    """A kind and its bound; `against` is another row, `peer` a tool of the same row."""

    kind: str
    bound: float = 0.0
    against: str | None = None
    peer: str | None = None

    def __str__(self) -> str:
        if self.kind == ONE_RUN:
            return self.kind
        subject = self.kind.replace("another row", f"“{self.against}”").replace("a peer", str(self.peer))
        return f"{subject} {'≥' if self.kind in AT_LEAST else '≤'} {self.bound:g}"


def printed(value: float) -> str:
    """With three digits."""
    return f"{value:.3g}"


@dataclass(frozen=True)
class Verdict:
    """What was found; `met` is None where something is missing that was needed to judge."""

    goal: Goal
    value: float | None
    met: bool | None

    def __str__(self) -> str:
        said = {None: "not measured", True: "met", False: "**NOT MET**"}[self.met]
        return said if self.value is None else f"{printed(self.value)}: {said}"


def quotient(above: float | None, below: float | None) -> float | None:
    """None where either is missing."""
    return None if above is None or not below else above / below


def measured(goal: Goal, row: str, results: Results) -> float | None:
    """The figure that the goal is about, or None."""
    own = results.hfast(row)
    if own is None:
        return None
    other = results.hfast(goal.against) if goal.against else None
    other_s = other.wall_s if other else None
    kinds: dict[str, Callable[[Figures], float | None]] = {
        SHARE: lambda own: quotient(results.ideal_s(row), own.wall_s),
        RAW: lambda own: quotient(results.raw_s(row), own.wall_s),
        ASKED: lambda own: quotient(results.raw_after_questions_s(row), own.wall_s),
        IDEAL: lambda own: quotient(own.wall_s, results.ideal_s(row)),
        TIME: lambda own: quotient(own.wall_s, other_s),
        FASTER: lambda own: quotient(other_s, own.wall_s),
        BEST_PEER: lambda own: quotient(own.wall_s, results.best_peer_s(row)),
        # A peer that was ended at the limit took at least that long.
        PEER: lambda own: quotient(results.at_least_s(row, goal.peer), own.wall_s),
        PROCESSORS: lambda own: quotient(own.wall_s, results.least_s(row, goal.peer)),
        CPU: lambda own: quotient(own.cpu_s_per_gb, results.cpu_s_per_gb(row, goal.peer)),
        TRAFFIC: lambda own: own.traffic,
        MEMORY: lambda own: own.rss_mib,
    }
    return kinds[goal.kind](own)


def judge(goal: Goal, row: str, results: Results) -> Verdict:
    """Whether a goal is met; a run of hfast that is not complete meets none."""
    own = results.hfast(row)
    if own is None:
        return Verdict(goal, None, None)
    if goal.kind == ONE_RUN:
        return Verdict(goal, None, own.all_complete and own.attempts == 1)
    value = measured(goal, row, results)
    if not own.all_complete:
        return Verdict(goal, value, False)
    if value is None:
        return Verdict(goal, None, None)
    # As it is printed: a difference that no table shows decides nothing.
    shown = float(printed(value))
    return Verdict(goal, value, shown >= goal.bound if goal.kind in AT_LEAST else shown <= goal.bound)
