"""Try the proxy with this machine's engine, or with a stand-in.

The demo sends six requests through the proxy and shows each decision with its reason. Then it serves until Ctrl-C.
Without switches in the environment, it assumes CONTAINERS=1.
"""

import argparse
import asyncio
import signal
import tempfile
from collections.abc import Mapping
from typing import Final

import uvloop

from dockerproxy.cli.request import ask
from dockerproxy.cli.standin import start_standin
from dockerproxy.cli.terminal import Style, paint, say
from dockerproxy.config.environment import read_environment
from dockerproxy.config.switches import SWITCHES
from dockerproxy.errors import Refusal
from dockerproxy.observe.log import Log
from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.process_settings import LogFormat, Settings
from dockerproxy.proxy.failures import choose_engine
from dockerproxy.proxy.probing import find_trouble
from dockerproxy.server import Server
from dockerproxy.settings import Level
from dockerproxy.workbench.trying import try_request

_REQUESTS: Final = (
    ("GET", "/_ping"),
    ("GET", "/containers/json"),
    ("POST", "/containers/create"),
    ("GET", "/containers/web/attach/ws?stdin=1"),
    ("GET", "/debug/vars"),
    ("GET", "/containers/../secrets"),
)


def run(_options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Send the requests, and serve until Ctrl-C."""
    with tempfile.TemporaryDirectory(prefix="dockerproxy-") as directory:
        chosen = {"PROXIED_SOCKET_PATH": f"{directory}/docker.sock", **environment}
        if not any(environment.get(name) for name in (*SWITCHES, "ALLOW")):
            chosen["CONTAINERS"] = "1"
        trouble = find_trouble(read_environment(chosen).settings.engines)
        if trouble:
            print(
                f"No engine is available: {trouble}\nA stand-in answers instead, with one made-up container.",
                flush=True,
            )
            chosen |= {"DOCKER_SOCKET_PATH": f"{directory}/engine.sock", "SOCKET_PATH": ""}
        uvloop.run(_demonstrate(read_environment(chosen).settings, stand_in=bool(trouble)))
    return 0


async def _demonstrate(settings: Settings, *, stand_in: bool) -> None:
    loop = asyncio.get_running_loop()
    log = Log(Level.ERR, LogFormat.TEXT, 2)
    server = Server(settings, log)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    engine = await start_standin(settings.engines[0]) if stand_in else None
    serving = asyncio.ensure_future(server.run())
    await server.wait_ready(serving)
    if serving.done():
        await serving  # Raises the reason if no socket could be opened.
    await loop.run_in_executor(None, _try, settings)
    log.show_from(Level.WARNING)  # The demo itself shows why its requests were denied.
    _invite(settings)
    await serving
    if engine is not None:
        engine.close()
    log.close()


def _try(settings: Settings) -> None:
    served = settings.sockets[0]
    print(f"\nThe proxy listens on {served.path} for the engine at {choose_engine(settings.engines)}.\n")
    for method, target in _REQUESTS:
        status, _ = ask(served.path, method, target)
        decision, reason = _explain(served.policy, method, target)
        shown = paint(f"{decision:<8}", Style.GOOD if decision == "allowed" else Style.BAD)
        say(f"  {shown} {status}  {method:<4} {target}", f"{'':<16}{reason}")


def _invite(settings: Settings) -> None:
    path = settings.sockets[0].path
    print(f"\nTry it in another terminal; Ctrl-C ends the demo.\n\n  docker -H unix://{path} ps")
    print(f"  curl --unix-socket {path} http://docker/containers/json\n", flush=True)


def _explain(policy: CompiledPolicy, method: str, target: str) -> tuple[str, str]:
    tried = try_request(policy, method, target)
    if isinstance(tried, Refusal):
        return "refused", tried.reason
    if not tried.decision.allowed:
        return "denied", tried.decision.message
    return "allowed", f"{tried.request.operation.name}, by {tried.decision.source}"
