"""The program has no TLS: it loads no OpenSSL, and whoever asks for it fails."""

import subprocess
import sys

import pytest
from cli.programs import serving
from folders import short_folder

ASKING = """
import sys
from dockerproxy.no_tls import forgo_tls
forgo_tls()
import asyncio, hashlib, ssl, uvloop
assert hashlib.sha256(b"").hexdigest().startswith("e3b0c442")
try:
    {use}
except ssl.SSLError:
    print("refused")
"""


def run_alone(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


def test_serving_loads_no_openssl() -> None:
    """The loader tells of each library: a proxy that hides its memory shows them to no other process but root's."""
    with short_folder() as folder, serving(folder, LD_DEBUG="files") as proxy:
        assert "uvloop" in proxy.printed
        assert not [name for name in ("_ssl", "_hashlib", "libssl", "libcrypto") if name in proxy.printed]


@pytest.mark.parametrize("use", ["ssl.create_default_context()", "raise ssl.SSLError", "raise ssl.ANewError"])
def test_whoever_uses_tls_fails(use: str) -> None:
    assert run_alone(ASKING.format(use=use)) == "refused\n"


def test_what_no_module_has_is_not_there() -> None:
    assert run_alone(ASKING.format(use="assert not hasattr(ssl, '__path__'); raise ssl.SSLError")) == "refused\n"
