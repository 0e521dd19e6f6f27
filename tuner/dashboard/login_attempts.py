"""Rate limit of wrong tokens, per address: a token bucket."""

from __future__ import annotations

import ipaddress
import logging
import math
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

AT_ONCE = 10
"""Wrong tokens of an address before it has to wait."""
EVERY_S = 2.0
"""Seconds per attempt after that."""

_ADDRESSES = 10_000
"""Addresses to remember; each takes some hundred bytes."""

_log = logging.getLogger(__name__)


@dataclass
class _Tries:
    left: float
    at: float
    wrong: int = 0


class Attempts:
    """Counts of the wrong tokens of each address.

    No thread waits: after too many attempts a request is refused at once, with the time to wait.  So is the right
    token, or guessing would not be slowed down; therefore requests that are signed in are not counted.
    """

    def __init__(self) -> None:
        self._tries: OrderedDict[str, _Tries] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, address: str) -> int:
        """Return the whole seconds until the address may try again; 0 if it may now."""
        with self._lock:
            tries = self._tries.get(_network(address))
            if tries is None:
                return 0
            _refill(tries)
            return 0 if tries.left >= 1.0 else math.ceil((1.0 - tries.left) * EVERY_S)

    def wrong(self, address: str) -> None:
        """Count a wrong token, and log the 1st, 10th, 100th … of an address."""
        network = _network(address)
        with self._lock:
            tries = self._tries.setdefault(network, _Tries(float(AT_ONCE), time.monotonic()))
            self._tries.move_to_end(network)
            while len(self._tries) > _ADDRESSES:
                self._tries.popitem(last=False)
            _refill(tries)
            tries.left, tries.wrong = max(0.0, tries.left - 1.0), tries.wrong + 1
            count = tries.wrong
        if 10 ** (len(str(count)) - 1) == count:
            _log.warning("Wrong token from %s (%d so far).", network, count)


def _refill(tries: _Tries) -> None:
    now = time.monotonic()
    tries.left, tries.at = min(AT_ONCE, tries.left + (now - tries.at) / EVERY_S), now


def _network(address: str) -> str:
    """Return an IPv4 address, or the /64 network of an IPv6 one, all of which belongs to one visitor."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    return str(ip) if ip.version == 4 or ip.is_loopback else str(ipaddress.ip_network((ip, 64), strict=False))
