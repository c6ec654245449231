"""Do without TLS: the proxy uses unix sockets only.

asyncio and uvloop import `ssl` all the same, and `hashlib` the hashes of OpenSSL. Without both, OpenSSL is not loaded,
which often needs security updates and takes 5.6 MB of memory. What stands in for `ssl` has the names that are looked up
when asyncio and uvloop are imported; whatever would use one fails.
"""

import sys
from importlib.util import find_spec

SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE, SSL_ERROR_SYSCALL = 2, 3, 5

# One class for all, since there is nothing to tell apart.
SSLContext = MemoryBIO = type("NoTLS", (), {"__slots__": ()})
SSLError = SSLWantReadError = SSLSyscallError = SSLZeroReturnError = CertificateError = type(
    "NoTLSError", (OSError,), {}
)


def __getattr__(name: str) -> object:
    """Have every other name too, which a later release may look up."""
    if name.startswith("__"):
        raise AttributeError(name)
    return SSLError


def create_default_context(*_: object, **__: object) -> object:
    """Fail: there is no TLS.

    Raises:
        SSLError: always.
    """
    raise SSLError("this program has no TLS")


def forgo_tls() -> None:
    """Let no import load OpenSSL from now on. To be called before any imports `ssl` or `hashlib`."""
    sys.modules["ssl"] = sys.modules[__name__]
    if any(map(find_spec, ("_sha2", "_sha256"))):  # Some distributions build Python with OpenSSL's hashes only.
        sys.modules["_hashlib"] = None  # type: ignore[assignment] # Its import fails, and hashlib has its own.
