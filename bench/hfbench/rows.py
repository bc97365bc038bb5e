"""The rows of the benchmark: which network, which repository, and what hfast must reach there.

A table to be read. How goals are judged is in goals.py; which peers exist, in peers.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from . import goals
from .goals import Goal
from .peers import CURL_THEN_SHA256, ON_LOOPBACK

# The second server's address in netlab, and the name that netlab gives it.
SECOND_ADDRESS = "10.77.0.9"
SECOND_HOST = "server2"
LOOPBACK = "loopback"

# "At most 3 % of the bytes twice": see README.md, "Traffic".
TRAFFIC = Goal(goals.TRAFFIC, 1.03)
ONE_RUN = Goal(goals.ONE_RUN)
FIVE_TIMES = Goal(goals.PEER, 5.0, peer="hf-2.4")


@dataclass(frozen=True)
class Row:
    """One network and one repository.

    `cc` is the congestion control of the sender. `changes` are settings of the profile that are
    changed, `second` is the profile of a second path, over which the files may be `corrupt`.
    `limit` is in seconds. `raw` is the number of connections of the yardstick, if there is one.
    `only_hfast` marks a row that is there for another's goal, and `slow` the peers that have been
    seen not to finish, or to need several times the limit of patience: the quick set leaves them out.
    """

    name: str
    profile: str
    repo: str
    limit: int
    cc: str = "cubic"
    changes: tuple[str, ...] = ()
    second: str | None = None
    corrupt: bool = False
    raw: int | None = None
    goals: tuple[Goal, ...] = ()
    only_hfast: bool = False
    slow: frozenset[str] = field(default_factory=frozenset)

    @property
    def selector(self) -> str:
        """What `--profiles` calls it."""
        second = "" if self.second is None else "+corrupt" if self.corrupt else f"+{self.second}"
        return f"{self.profile}{second}"

    @property
    def also(self) -> list[str]:
        """The peers that run only because its goals compare with them."""
        return sorted({goal.peer for goal in self.goals if goal.peer in ON_LOOPBACK})

    @property
    def needs(self) -> set[str]:
        """The rows that its goals compare it with."""
        return {goal.against for goal in self.goals if goal.against is not None}


ARIA2 = frozenset({"aria2-x16"})
OFFICIAL_AND_CURL = frozenset({"hf-2.4", "curl-parallel"})

ROWS = (
    Row("lan", "lan", "mid", 60, goals=(Goal(goals.SHARE, 0.95), Goal(goals.BEST_PEER, 1.0), TRAFFIC)),
    # Not behind the fastest peer was the goal. That is curl, which is told the addresses of the files; connections
    # that have nothing to ask are ahead of it by less than the questions take that a client of the Hub has to ask.
    Row("good", "good", "mid", 60, raw=16, goals=(Goal(goals.SHARE, 0.95), Goal(goals.ASKED, 0.99), TRAFFIC)),
    # 95 % of the link was the goal. Connections that have nothing to ask first reach 97 %, and four round trips later it
    # is 94.8 to 95.1; the long row, where the beginning is small, is judged by the link.
    Row("throttled", "throttled", "slow", 120, raw=16, goals=(Goal(goals.ASKED, 0.95), TRAFFIC)),
    # 75 % of the link was the goal, and is more than connections reach that have nothing to ask first and only
    # receive: slow start takes the rest of so short a time. Four round trips of 180 ms are a tenth of what is left.
    Row("cn-mirror:bbr", "cn-mirror", "slow", 120, cc="bbr", raw=32, goals=(Goal(goals.ASKED, 0.90), TRAFFIC)),
    Row(
        "cn-mirror:bbr, long",
        "cn-mirror",
        "mid",
        180,
        cc="bbr",
        raw=32,
        # 90 % of the link was the goal. Connections that have nothing to ask first reach 92 %, and four round trips
        # later it is less than 90.
        goals=(Goal(goals.RAW, 0.90), TRAFFIC),
        slow=OFFICIAL_AND_CURL,
    ),
    Row(
        "cn-mirror:cubic",
        "cn-mirror",
        "slow",
        120,
        raw=64,
        goals=(Goal(goals.RAW, 0.90), TRAFFIC),
        slow=OFFICIAL_AND_CURL,
    ),
    Row(
        "flaky:cubic",
        "flaky",
        "slow",
        180,
        raw=32,
        goals=(ONE_RUN, Goal(goals.RAW, 0.90), TRAFFIC),
        slow=OFFICIAL_AND_CURL,
    ),
    Row(
        "flaky:bbr",
        "flaky",
        "slow",
        180,
        cc="bbr",
        raw=32,
        goals=(ONE_RUN, Goal(goals.RAW, 0.90), TRAFFIC),
        slow=OFFICIAL_AND_CURL,
    ),
    Row(
        "stall",
        "stall",
        "slow",
        120,
        goals=(ONE_RUN, Goal(goals.TIME, 1.30, "stall, none"), TRAFFIC),
        slow=OFFICIAL_AND_CURL | ARIA2,
    ),
    Row("stall, none", "stall", "slow", 60, changes=("stall_mean=0",), only_hfast=True),
    Row("outage", "outage", "slow", 180, goals=(Goal(goals.IDEAL, 1.15), TRAFFIC), slow=OFFICIAL_AND_CURL),
    Row("mobile", "mobile", "slow", 240, goals=(Goal(goals.SHARE, 0.90), TRAFFIC), slow=OFFICIAL_AND_CURL),
    Row("throttled, long", "throttled", "mid", 180, only_hfast=True, goals=(Goal(goals.SHARE, 0.95), TRAFFIC)),
    Row(
        "two paths",
        "throttled",
        "mid",
        180,
        second="throttled",
        only_hfast=True,
        goals=(Goal(goals.FASTER, 1.80, "throttled, long"),),
    ),
    Row(
        "two paths, one corrupt",
        "throttled",
        "slow",
        120,
        second="throttled",
        corrupt=True,
        only_hfast=True,
        goals=(Goal(goals.TIME, 1.10, "throttled"),),
    ),
    # 1.1 times the fastest peer, none of which hashes, was the goal. Where few processors are busy with it and its
    # server, there is no room for a pass of SHA-256: then it is 1.1 times what they need to do all of it.
    Row(
        LOOPBACK,
        LOOPBACK,
        "full",
        120,
        goals=(
            Goal(goals.PROCESSORS, 1.10, peer=CURL_THEN_SHA256),
            Goal(goals.CPU, 1.0, peer=CURL_THEN_SHA256),
            Goal(goals.MEMORY, 64.0),
        ),
    ),
    Row("small:bbr", "cn-mirror", "small", 400, cc="bbr", goals=(FIVE_TIMES,), slow=ARIA2),
    Row("small:cubic", "cn-mirror", "small", 400, goals=(FIVE_TIMES,), slow=ARIA2),
)

NAMED = {row.name: row for row in ROWS}


def with_needed(rows: list[Row]) -> list[Row]:
    """The rows and those that their goals need, in the order of `ROWS`, then what is not there."""
    names = {row.name for row in rows}.union(*(row.needs for row in rows))
    return [row for row in ROWS if row.name in names] + [row for row in rows if row.name not in NAMED]


def select(profiles: list[str] | None, repo: str | None, two_paths: bool = True) -> list[Row]:
    """The rows for `--profiles` and `--repo`; a combination that is no row is measured without goals.

    An entry is PROFILE, PROFILE:CC, PROFILE+PROFILE, PROFILE+corrupt or the name of a row. Without
    `two_paths` rows of two paths are left out, and what only they need.
    """
    chosen: list[Row] = []
    for entry in profiles if profiles is not None else [row.name for row in ROWS if row.goals]:
        selector, _, cc = entry.partition(":")
        named = [NAMED[entry]] if entry in NAMED and repo in (None, NAMED[entry].repo) else []
        alike = [
            row
            for row in ROWS
            if row.selector == selector and row.goals and cc in ("", row.cc) and repo in (None, row.repo)
        ]
        chosen += named or alike or [invented(selector, cc or "cubic", repo or "slow")]
    return with_needed([row for row in dict.fromkeys(chosen) if two_paths or row.second is None])


def invented(selector: str, cc: str, repo: str) -> Row:
    """A row that is not in the table."""
    profile, _, second = selector.partition("+")
    corrupt = second == "corrupt"
    name = selector if selector == LOOPBACK else f"{selector}:{cc}"
    return Row(
        f"{name}, {repo}",
        profile,
        repo,
        180,
        cc=cc,
        second=(profile if corrupt else second) or None,
        corrupt=corrupt,
    )
