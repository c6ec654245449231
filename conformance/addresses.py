"""Where the engine and the proxy listen: the path of a unix socket, or a host and a port."""

import contextlib
import errno
import ipaddress
import os
import socket
from collections.abc import Iterator
from typing import NamedTuple

from conformance.sets import Mistake

_BACKLOG = 512


class Address(NamedTuple):
    """A path, or a host with a port."""

    path: str
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        return self.path or f"{self.host}:{self.port}"

    def connect(self, patience: float) -> socket.socket:
        """Return a connection to this address.

        Raises:
            OSError: It cannot connect, or not in time.
        """
        if not self.path:
            return socket.create_connection((self.host, self.port), patience)
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(patience)
            connection.connect(self.path)
        except OSError:
            connection.close()
            raise
        return connection


def read_address(text: str) -> Address:
    """Read an address, which may also be written like the value of DOCKER_HOST.

    Raises:
        Mistake: It is not an address.
    """
    scheme, separator, rest = text.partition("://")
    text = rest if separator and scheme in {"unix", "tcp"} else text
    if "/" in text:
        return Address(text)
    host, _, port = text.rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16):
        raise Mistake(f"{text!r} is neither a path with a slash in it nor a host and a port")
    return Address("", host.strip("[]"), int(port))


@contextlib.contextmanager
def listening(address: Address) -> Iterator[socket.socket]:
    """Yield a socket that listens at an address, and remove its file afterwards.

    Raises:
        Mistake: It cannot listen there, or others could connect over a network.
    """
    try:
        listener = _listen(address)
    except OSError as error:
        hint = ". Name another path, or remove the file" if error.errno == errno.EADDRINUSE and address.path else ""
        raise Mistake(f"the engine cannot listen at {address}: {error.strerror or error}{hint}") from error
    with listener:
        try:
            yield listener
        finally:
            if address.path:
                os.unlink(address.path)


def _listen(address: Address) -> socket.socket:
    if address.path:
        listener = socket.socket(socket.AF_UNIX)
        try:
            listener.bind(address.path)
            os.chmod(address.path, 0o666)  # noqa: S103 - a proxy of any user must reach this stand-in
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
        return listener
    host = "127.0.0.1" if address.host == "localhost" else address.host
    try:
        address_of_host = ipaddress.ip_address(host)
    except ValueError as error:
        raise Mistake(f"the engine listens at an IP address, not {host!r}") from error
    if not address_of_host.is_loopback:
        raise Mistake(f"the engine listens only on this machine, like 127.0.0.1:{address.port}, not {address}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, address.port), family=family, backlog=_BACKLOG)
