"""Do without TLS: the proxy uses unix sockets only.

asyncio and uvloop still import `ssl`, and `hashlib` imports the hashes of OpenSSL. Without both, OpenSSL is not loaded,
which often needs security updates and takes 5.6 MB of memory. The stand-in for `ssl` has the names that asyncio and
uvloop look up on import; any use of one fails.
"""

import sys
from importlib.util import find_spec

SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE, SSL_ERROR_SYSCALL = 2, 3, 5

# One class for all names, because none is used.
SSLContext = MemoryBIO = type("NoTLS", (), {"__slots__": ()})
SSLError = SSLWantReadError = SSLSyscallError = SSLZeroReturnError = CertificateError = type(
    "NoTLSError", (OSError,), {}
)


def __getattr__(name: str) -> object:
    """Return a class for any other name, which a later release may look up."""
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
    """Prevent imports from loading OpenSSL. Call it before any import of `ssl` or `hashlib`."""
    sys.modules["ssl"] = sys.modules[__name__]
    if any(map(find_spec, ("_sha2", "_sha256"))):  # Some distributions build Python with only OpenSSL's hashes.
        sys.modules["_hashlib"] = None  # type: ignore[assignment] # The import fails, and hashlib falls back to its own.
