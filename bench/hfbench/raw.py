"""A client that only receives: how long do N plain connections take for so many bytes?

    python3 raw.py HOST PORT PATH CONNECTIONS BYTES

It is a yardstick, not a downloader: each connection fetches the same file again
and again, a broken one is dialled again at once, nothing is kept, no silence is noticed. It ends when
BYTES have been read.
"""

from __future__ import annotations

import selectors
import socket
import sys

BUFFER = 1 << 20


def dial(selector: selectors.BaseSelector, address: tuple[str, int]) -> None:
    """Begins a connection; that it stands, or failed, shows when it can be written to."""
    sock = socket.socket()
    sock.setblocking(False)
    sock.connect_ex(address)
    selector.register(sock, selectors.EVENT_WRITE, sock)


def receive(address: tuple[str, int], path: str, connections: int, size: int) -> int:
    """Reads `size` bytes over so many connections; the result is how many connections broke."""
    # Closed at the end of the file, so that an end and a break are dealt with alike.
    request = f"GET {path} HTTP/1.1\r\nHost: {address[0]}\r\nConnection: close\r\n\r\n".encode()
    selector, buffer = selectors.DefaultSelector(), bytearray(BUFFER)
    for _ in range(connections):
        dial(selector, address)
    received = broken = 0
    while received < size:
        for key, events in selector.select():
            sock: socket.socket = key.data
            try:
                if events & selectors.EVENT_WRITE:
                    sock.send(request)
                    selector.modify(sock, selectors.EVENT_READ, sock)
                    continue
                count = sock.recv_into(buffer)
            except OSError:
                count, broken = 0, broken + 1
            received += count
            if count == 0:
                selector.unregister(sock)
                sock.close()
                dial(selector, address)
    return broken


if __name__ == "__main__":
    host, port, file, number, total = sys.argv[1:]
    print(receive((socket.gethostbyname(host), int(port)), file, int(number), int(total)), "broken")
