"""How many bytes TCP has brought to this network namespace from the Hub, in order, over all connections.

The kernel tells of each socket when it is gone (`ss --events`), with what it has received. That is the
same for every program, and leaves out what the network cost: what was on its way when a connection was
reset, and what TCP sent twice. Not for what is done with the bytes.
"""

from __future__ import annotations

import re
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType

from .server import HUB_PORT, STORAGE_PORT

PORTS = (HUB_PORT, STORAGE_PORT)
OPTIONS = ["--tcp", "--info", "--numeric", "--oneline"]
# Far more than `ss` needs to begin, and than the sockets of a program need to end after it.
PATIENCE_S = 2.0
# Where the sockets of our own go, in vain.
PROBE = "127.0.0.2"
SOCKET = re.compile(r"^\S+ +\d+ +\d+ +\S+:\d+ +\S+:(\d+)\b.*\bbytes_received:(\d+)", re.MULTILINE)


def total(listing: str) -> int:
    """The bytes of all sockets in a listing of `ss` whose other end is the Hub."""
    return sum(int(count) for port, count in SOCKET.findall(listing) if int(port) in PORTS)


class Counter:
    """Counts for as long as the block runs; `bytes` is there afterwards, None if the kernel tells nothing."""

    def __init__(self, log: Path):
        self.log = log
        self.bytes: int | None = None

    def __enter__(self) -> Counter:
        with self.log.open("wb") as out:
            self.events = subprocess.Popen(["ss", "--events", *OPTIONS], stdout=out, stderr=subprocess.DEVNULL)
        self.listening = self.is_up_to_date()
        return self

    def __exit__(self, kind: type | None, value: BaseException | None, trace: TracebackType | None) -> None:
        until = time.monotonic() + PATIENCE_S
        while (alive := total(still_there())) and time.monotonic() < until:
            time.sleep(0.1)
        up_to_date = self.listening and self.is_up_to_date()
        self.events.terminate()
        self.events.wait()
        if up_to_date:
            self.bytes = total(self.log.read_text()) + alive

    def is_up_to_date(self) -> bool:
        """Waits until the end of a socket of our own is in the log: so is all that ended before."""
        before, until = self.log.read_text().count(PROBE), time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            with socket.socket() as probe:
                probe.connect_ex((PROBE, 9))
            time.sleep(0.02)
            if self.log.read_text().count(PROBE) > before:
                return True
        return False


def still_there() -> str:
    """The sockets that have not ended."""
    return subprocess.run(["ss", *OPTIONS], capture_output=True, text=True, check=True).stdout
