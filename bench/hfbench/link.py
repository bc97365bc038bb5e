"""What an emulated link can carry: netlab's profiles read, and the arithmetic of their limits. Pure.

Not for what N connections do carry on a lossy link: that is measured, by raw.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MTU = 1500
# IPv4 20, TCP 20, timestamps 12: what is left of a packet for the program is its payload.
HEADERS = 52
PAYLOAD_SHARE = (MTU - HEADERS) / MTU

TIME_UNITS = {"": 1.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "m": 60.0}
RATE_UNITS = {"": 0.125, "kbit": 125.0, "mbit": 125e3, "gbit": 125e6, "B/s": 1.0, "kB/s": 1e3, "MB/s": 1e6}


@dataclass(frozen=True)
class Link:
    """Of one direction, towards the client: bytes per second, share of packets lost, and seconds."""

    rate: float = 0.0
    loss: float = 0.0
    delay: float = 0.0
    down_every: float = 0.0
    down_for: float = 0.0
    down_after: float = 0.0

    @property
    def round_trip(self) -> float:
        """In seconds, where both directions are delayed alike, as in all profiles."""
        return 2 * self.delay

    @property
    def goodput(self) -> float:
        """The most payload in bytes per second; packets are lost after they have used the link."""
        return self.rate * PAYLOAD_SHARE * (1 - self.loss)


def quantity(text: str, units: dict[str, float]) -> float:
    """`200mbit`, `7s`: a number in the unit that `units` counts in."""
    found = re.fullmatch(r"([0-9.]+)(.*)", text)
    if found is None or found[2] not in units:
        raise ValueError(f"{text}: not a number with a unit of {list(units)}")
    return float(found[1]) * units[found[2]]


def parse(settings: str) -> Link:
    """The link that netlab makes of `key=value` words; later words win."""
    found = {}
    for word in settings.split():
        key, value = word.split("=", 1)
        if not key.startswith("up."):
            found[key.removeprefix("down.")] = value
    times = ("delay", "down_every", "down_for", "down_after")
    seconds = {key: quantity(found.get(key, "0"), TIME_UNITS) for key in times}
    enter, leave = float(found.get("burst_enter", "0")), float(found.get("burst_leave", "0.2"))
    # Gilbert-Elliott: the share of packets that find the link in its bad state.
    bursts = enter / (enter + leave) * float(found.get("burst_loss", "1")) if enter else 0.0
    loss = 1 - (1 - float(found.get("loss", "0"))) * (1 - bursts)
    return Link(quantity(found.get("rate", "0"), RATE_UNITS), loss, **seconds)


def profiles(listing: str) -> dict[str, str]:
    """Name to settings, out of what `netlab profiles` prints: two lines for each."""
    lines = listing.splitlines()
    return {name.split()[0]: settings.strip() for name, settings in zip(lines[::2], lines[1::2], strict=True)}


def ideal_seconds(size: int, links: list[Link]) -> float | None:
    """The least time for `size` bytes over these links at once; None where nothing limits them.

    Where a link has outages the first link's are meant, and they begin when the download does.
    """
    if any(link.rate == 0 for link in links):
        return None
    busy = size / sum(link.goodput for link in links)
    first = links[0]
    if first.down_every == 0:
        return busy
    wall, left = 0.0, busy
    alive = first.down_after
    while left > alive:
        left -= alive
        wall += alive + first.down_for
        alive = first.down_every - first.down_for
    return wall + left
