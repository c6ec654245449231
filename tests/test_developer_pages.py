"""The pages for developers say which objects change, and what can be made.

    python tests/test_developer_pages.py

writes these tables anew.
"""

import inspect
import re
from pathlib import Path
from typing import Final

import pytest
from parts import fill_in, write_table

from dockerproxy.cli.summary import Summary
from dockerproxy.control import ControlSocket
from dockerproxy.exporter import Exporter
from dockerproxy.host.learned import Learned
from dockerproxy.observe.journal import Journal
from dockerproxy.observe.log import Log
from dockerproxy.policy.steps import Fills
from dockerproxy.proxy.accounting import Accounting
from dockerproxy.proxy.answering import Answering
from dockerproxy.proxy.client import Client
from dockerproxy.proxy.connections import Connections
from dockerproxy.proxy.control import Control
from dockerproxy.proxy.engine import Engine
from dockerproxy.proxy.exchange import Exchange
from dockerproxy.proxy.holding import Holding
from dockerproxy.proxy.resolver import Resolver
from dockerproxy.proxy.scheduling import Line, Tasks, Turns, Worker
from dockerproxy.proxy.sockets import SocketState
from dockerproxy.proxy.tunnel import TunnelEnd
from dockerproxy.proxy.usage import Usage
from dockerproxy.server import Server
from dockerproxy.sweeper import Sweeper

ROOT: Final = Path(__file__).parent.parent

STATE: Final[dict[str, tuple[type, ...]]] = {
    "process": (
        *(Server, Tasks, Turns, Worker, Log, Exporter, ControlSocket, Control, Summary, Learned, Holding),
        *(Fills, Resolver, Sweeper),
    ),
    "socket": (SocketState, Connections, Usage, Line, Journal),
    "connection": (Client, Engine, Accounting, Exchange, Answering, TunnelEnd),
}
"""What lives long and changes, by what there is one for each of."""


def render_state() -> str:
    """Write the objects that change, each with the first paragraph of its docstring."""
    kinds = [(kind, per) for per, kinds in STATE.items() for kind in kinds]
    ideas = [" ".join((inspect.getdoc(kind) or "").partition("\n\n")[0].split()) for kind, _ in kinds]
    rows = zip(kinds, ideas, strict=True)
    return write_table(
        "object | one per | what it is", ((f"`{kind.__name__}`", per, idea) for (kind, per), idea in rows)
    )


def render_targets() -> str:
    """Write what `make help` says."""
    targets = re.findall(r"^([a-z]+):.*## (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return write_table("target | does", ((f"`make {target}`", says) for target, says in targets))


PARTS: Final = {"CONTRIBUTING.md": {"state": render_state(), "targets": render_targets()}}


@pytest.mark.parametrize("page", PARTS)
def test_the_page_says_what_the_code_says(page: str) -> None:
    written = fill_in(ROOT / page, PARTS[page])
    assert (ROOT / page).read_text() == written, "write it anew: python tests/test_developer_pages.py"


if __name__ == "__main__":
    for page, parts in PARTS.items():
        (ROOT / page).write_text(fill_in(ROOT / page, parts))
