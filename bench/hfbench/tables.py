"""Figures to Markdown: what was measured where, a summary with the goals, one table for each row. Pure."""

from __future__ import annotations

from .goals import Verdict, judge
from .peers import is_hfast, is_yardstick, label
from .rows import LOOPBACK, NAMED
from .summary import Figures, Results

BEGIN = "<!-- bench/report begin -->"
END = "<!-- bench/report end -->"
# More late packets than this, and a row says more about a busy machine than about the tools.
BUSY = 0.05
# Times within this share of each other are told apart by no table.
SAME = 0.005


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; a cell may not break it."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n" for cells in lines)


def number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def loses(own: Figures, best: float | None) -> str | None:
    """How a tool of ours loses a row, in words; None where it does not."""
    if own.wall_s is None:
        return "not complete"
    if not own.all_complete:
        return "not always complete"
    if best is not None and own.wall_s > best * (1 + SAME):
        return f"{own.wall_s / best:.2f} × the best peer"
    return None


def conditions(sitting: dict) -> str:
    """Command, machine, commit and seeds, to stand above all tables."""
    machine = sitting["machine"]
    versions = ", ".join(" ".join(pair) for pair in machine["versions"].items())
    return (
        f"`{sitting['command']}`\n\n"
        f"{sitting['started']}; commit {machine['commit']}; {machine['cores']} processors ({machine['processor']}), "
        f"{machine['memory_gb']} GB, Linux {machine['kernel']}; seeds {sitting['seed']} to "
        f"{sitting['seed'] + sitting['reps'] - 1}, the same for all tools of a repetition.\n\n"
        f"Versions: {versions}.\n"
    )


def title(row: str, network: dict, size: int) -> str:
    """What a row was measured on, in one line."""
    if network["profile"] == LOOPBACK:
        where = "loopback"
    else:
        where = " ".join([f"`{network['profile']}`", *(f"`{change}`" for change in network["changes"])])
        if network["second"] is not None:
            where += f" and `{network['second']}`" + (", where the files are corrupt" if network["corrupt"] else "")
        where += f", {network['cc']} sender"
    return f"### {row}\n\n{where}; `{network['repo']}`, {size / 1e6:.0f} MB; limit {network['limit']} s\n"


def walls(own: Figures) -> str:
    """Every run's time; one that was not complete is marked."""
    return ", ".join(f"{wall:.1f}{'' if complete else '!'}" for wall, complete in own.walls)


def row_table(row: str, results: Results) -> str:
    """All tools of a row, the fastest first; the yardstick has no rank."""
    tools = results.rows[row].values()
    ranked = [own.wall_s for own in tools if own.wall_s is not None and not is_yardstick(own.tool)]
    best, best_peer = min(ranked, default=None), results.best_peer_s(row)
    ideal = results.raw_s(row) or results.ideal_s(row)
    lines = []
    for own in sorted(tools, key=lambda own: (own.wall_s is None, own.wall_s or own.longest_s)):
        name = label(own.tool)
        if is_hfast(own.tool):
            lost = loses(own, best_peer)
            name = f"**{name}**" + (f" – **LOSES**: {lost}" if lost else "")
        elif is_yardstick(own.tool):
            name = f"*{name}, only receives*"
        complete = "–" if is_yardstick(own.tool) else f"{own.complete}/{len(own.walls)}"
        wall = f"> {own.longest_s:.1f}" if own.wall_s is None else f"{own.wall_s:.2f}"
        ratio = None if own.wall_s is None or best is None or is_yardstick(own.tool) else own.wall_s / best
        share = None if own.wall_s is None or ideal is None else ideal / own.wall_s
        lines.append(
            [
                name,
                complete,
                wall,
                walls(own),
                number(ratio, 2),
                "–" if share is None else f"{share:.0%}",
                number(own.cpu_s_per_gb, 2),
                number(own.rss_mib, 0),
                number(own.traffic, 3),
                number(own.wire, 3),
                f"{own.attempts:g}",
            ]
        )
    limit = "of raw connections" if results.raw_s(row) else "of the link"
    head = [
        "",
        "complete",
        "wall s",
        "all",
        "ratio to best",
        limit,
        "CPU s / GB",
        "peak MiB",
        "received / useful byte",
        "wire / useful byte",
        "attempts",
    ]
    return table(head, lines)


def verdicts(row: str, results: Results) -> list[Verdict]:
    """Of the row's goals; a row that is not in the table has none."""
    return [judge(goal, row, results) for goal in NAMED[row].goals] if row in NAMED else []


def summary(results: Results) -> str:
    """hfast beside the fastest peer, and every goal, on one page."""
    lines = []
    for row in results.rows:
        own, best = results.hfast(row), results.best_peer_s(row)
        peer = next((peer for peer in results.peers(row) if best is not None and peer.wall_s == best), None)
        lost = "–" if own is None or not results.peers(row) else loses(own, best) or "no"
        judged = verdicts(row, results)
        lines.append(
            [
                row,
                "–" if own is None else number(own.wall_s, 2),
                "–" if peer is None else f"{peer.tool} {number(best, 2)}",
                lost if lost in ("–", "no") else f"**{lost}**",
                "<br>".join(f"{verdict.goal}: {verdict}" for verdict in judged) or "–",
            ]
        )
    met = [verdict.met for row in results.rows for verdict in verdicts(row, results)]
    counted = f"Goals: {met.count(True)} met, {met.count(False)} not met, {met.count(None)} not measured.\n"
    return counted + "\n" + table(["row", "hfast, s", "fastest peer, s", "hfast loses", "goals"], lines)


def report(sitting: dict, runs: list[dict]) -> str:
    """The whole of one sitting."""
    results = Results(runs)
    parts = [conditions(sitting), summary(results)]
    for row in results.rows:
        first = results.first(row)
        parts += [title(row, first["network"], first["useful_bytes"]), row_table(row, results)]
        parts += [
            f"{label(own.tool)} and its server: {own.busy_s:.2f} s, had all processors worked all the time.\n"
            for own in results.rows[row].values()
            if own.busy_s is not None
        ]
        late = max(own.late_share for own in results.rows[row].values())
        if late > BUSY:
            parts.append(f"The machine was busy: up to {late:.0%} of the packets were more than 2 ms late.\n")
    return "\n".join(parts)


def insert(document: str, text: str) -> str:
    """The document with `text` between the two markers, in place of what was there."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the markers {BEGIN} and {END} are not there")
    return f"{before}{BEGIN}\n\n{text}\n{END}{after}"
