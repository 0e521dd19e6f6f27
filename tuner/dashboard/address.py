"""The address that the dashboard listens on, and the host names that it answers to."""

from __future__ import annotations

import errno
import ipaddress
import os
import re
import socket
from dataclasses import dataclass, replace

from tuner.errors import UsageError

_HOST_HEADER = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::\d{1,5})?")
_PORTS_TRIED = 50


@dataclass(frozen=True)
class Address:
    """The address that a dashboard listens on.

    Attributes:
        host: The host as the user gave it.
        ip: Its IP address; 0.0.0.0 and :: mean all addresses of the machine.
        port: TCP port.
        name: Fully qualified name of this machine, if known.
    """

    host: str
    ip: str
    port: int
    name: str = ""

    @property
    def loopback(self) -> bool:
        """True if only this machine can reach it."""
        return ipaddress.ip_address(self.ip).is_loopback

    @property
    def url(self) -> str:
        """The URL for a browser, with a trailing slash."""
        host = _own_name() if ipaddress.ip_address(self.ip).is_unspecified else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    def means_us(self, host_header: str) -> bool:
        """Check that the `Host` of a request names this dashboard, without DNS.

        A foreign site can point its own name at our address (DNS rebinding), so that its page talks to us as its own
        server, but then `Host` has its name.  It cannot do so with an IP address, which DNS does not resolve.  The
        port is not compared: through `ssh -L 9000:localhost:8080` it differs.
        """
        match = _HOST_HEADER.fullmatch(host_header)
        if match is None:
            return False
        name = (match["v6"] or match["name"]).lower()
        try:
            ip = ipaddress.ip_address(name)
        except ValueError:
            return name in self._names()
        if self.loopback:
            return ip.is_loopback
        return ipaddress.ip_address(self.ip).is_unspecified or str(ip) == self.ip

    def _names(self) -> set[str]:
        names = {"localhost", self.host.lower()}
        if not self.loopback:
            own = _own_name().lower()
            names |= {own, own.partition(".")[0], f"{own.partition('.')[0]}.local", self.name.lower()}
        return names - {""}


def listen(host: str, port: int) -> tuple[Address, socket.socket]:
    """Bind a listening socket; nothing is answered yet.

    Args:
        host: Name or IP address; 0.0.0.0 or :: for all addresses of the machine.
        port: TCP port; 0 for any free one.

    Raises:
        UsageError: The address is not one of this machine, or the port is in use; the message names a free one.
    """
    family, ip = _resolve(host)
    try:
        bound = _bind(family, ip, port)
    except OSError as error:
        raise UsageError(_explain(error, host, family, ip, port)) from error
    address = Address(host, ip, bound.getsockname()[1])
    # Once, not per request: the lookup may take seconds.
    return address if address.loopback else replace(address, name=socket.getfqdn()), bound


def _resolve(host: str) -> tuple[socket.AddressFamily, str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UsageError(
            f"--host takes a name or IP address of this machine, but {host!r} is not known. "
            "Use 127.0.0.1 for this machine only, or 0.0.0.0 for the network."
        ) from error
    # IPv4 first: "localhost" is ::1 as well on most machines, and browsers try both.
    family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return family, str(address[0])


def _bind(family: socket.AddressFamily, ip: str, port: int) -> socket.socket:
    taken = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere the option lets a second program take the same port
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((ip, port))
        taken.listen()
    except BaseException:
        taken.close()
        raise
    return taken


def _explain(error: OSError, host: str, family: socket.AddressFamily, ip: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        free = _next_free(family, ip, port)
        step = f"Use --port {free}, or --port 0 for any free one." if free else "Use --port 0 for any free one."
        return f"--port must be free, but another program listens on {host} port {port}. {step}"
    if error.errno == errno.EACCES:
        return f"--port {port} needs administrator rights. Use one from 1024 up."
    return (
        f"--host must be an address of this machine, but {host!r} cannot be listened on ({error.strerror}). "
        "Use 127.0.0.1 for this machine only, or 0.0.0.0 for the network."
    )


def _next_free(family: socket.AddressFamily, ip: str, port: int) -> int | None:
    for candidate in range(port + 1, min(port + _PORTS_TRIED, 65535) + 1):
        try:
            _bind(family, ip, candidate).close()
        except OSError:
            continue
        return candidate
    return None


def _own_name() -> str:
    return socket.gethostname()
