"""Which runs are made, in which order, and when a peer is not run again. Pure.

How one run is made is in runs.py.
"""

from __future__ import annotations

from collections.abc import Iterable

from . import peers
from .rows import Row

# In the quick set a peer that is so many times slower than hfast is not measured twice: its second
# figure would take minutes and decide nothing.
CLEARLY_SLOWER = 3.0


def tools_for(row: Row, tools: list[str], quick: bool) -> list[str]:
    """The tools of a row: the yardstick first, then as they were named."""
    ours = [tool for tool in tools if peers.is_hfast(tool)]
    if row.only_hfast:
        return ours
    chosen = [tool for tool in tools if not (quick and tool in row.slow)]
    chosen += [tool for tool in row.also if ours and tool not in chosen]
    return [f"{peers.RAW}{row.raw}"] * (row.raw is not None and bool(ours)) + chosen


def worth_repeating(tool: str, earlier: Iterable[dict], quick: bool) -> bool:
    """Whether a tool is run once more, after the runs that this row has already had."""
    if peers.is_hfast(tool) or peers.is_yardstick(tool):
        return True
    earlier = list(earlier)
    own = [run for run in earlier if run["tool"] == tool]
    # What was ended at the limit once will be ended again.
    if any(not run["in_time"] for run in own):
        return False
    ours = [run["wall_s"] for run in earlier if peers.is_hfast(run["tool"]) and run["complete"]]
    slower = bool(ours) and any(run["wall_s"] > CLEARLY_SLOWER * min(ours) for run in own)
    return not (quick and slower)
