"""Say who can do what: for each socket whether its clients can become root, run commands, read files and more.

  dockerproxy can --policy policy.yaml
  dockerproxy can --policy policy.yaml --json

Below the table stands the shortest chain of grants for each answer. It joins grants that are harmless alone, like to
create a container and to start it. Root on the host is the user who runs the engine, as `dockerproxy verify` shows.

exit status: 0 done, 2 something to mend
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import Final

from dockerproxy.cli.arguments import add_policy_argument, add_socket_argument, choose_sockets
from dockerproxy.cli.terminal import Style, paint, say
from dockerproxy.config.configuration import read_configuration
from dockerproxy.settings import SocketSettings
from dockerproxy.workbench.chains import Chain, find_chains
from dockerproxy.workbench.consequences import AS_ROOT, CONSEQUENCES, MEANINGS, MOODS, Extent

_LONGEST: Final = 20
"""Characters of a socket's name in the table."""

_STYLES: Final = {extent: Style[mood.upper()] for extent, mood in MOODS.items()}

_Chains = Mapping[str, Chain]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the policy file."""
    add_policy_argument(parser)
    add_socket_argument(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the table, then the chains."""
    sockets = read_configuration(environment, options.policy).settings.sockets
    found = [(socket, find_chains(socket.policy)) for socket in choose_sockets(sockets, options.socket)]
    if options.json:
        print(json.dumps({"sockets": [_as_json(*each) for each in found]}, indent=2))
        return 0
    say(*_list_table(found))
    for socket, chains in found:
        lines = list(_list_chains(chains))
        if lines:
            say("", paint(f"socket {socket.name}", Style.STRONG), *lines)
        if socket.policy.policy.asks:
            say("", paint(f"socket {socket.name} asks: a person may allow more than this", Style.DOUBTFUL))
    return 0


def _list_table(found: list[tuple[SocketSettings, _Chains]]) -> Iterator[str]:
    names = [_shorten(socket.name) for socket, _ in found]
    width = max(len("socket"), *map(len, names))
    yield paint("  ".join((f"{'socket':{width}}", *(f"{word:<8}" for word in CONSEQUENCES))).rstrip(), Style.STRONG)
    shown: set[Extent] = set()
    for name, (_, chains) in zip(names, found, strict=True):
        cells = [
            paint(str(extent), _STYLES[extent]) + " " * (8 - len(str(extent)))
            for extent in (chains[word].extent for word in CONSEQUENCES)
        ]
        shown |= {chain.extent for chain in chains.values()}
        yield "  ".join((f"{name:{width}}", *cells)).rstrip(" ")
    yield ""
    yield from (f"{extent!s:<4}  {MEANINGS[extent]}" for extent in sorted(shown))


def _shorten(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}..."


def _list_chains(chains: _Chains) -> Iterator[str]:
    for word, says in CONSEQUENCES.items():
        chain = chains[word]
        if chain.extent is Extent.NO:
            continue
        yield f"  {word:<8}  {paint(f'{chain.extent!s:<4}', _STYLES[chain.extent])}  {says}"
        lead = " " * len(f"  {word:<8}  {'':4}  ")
        if AS_ROOT in chain.reasons:
            yield f"{lead}as root"
            continue
        yield from (f"{lead}{link}" for link in chain.links)
        yield from (paint(f"{lead}{reason}", Style.FAINT) for reason in chain.reasons)


def _as_json(socket: SocketSettings, chains: _Chains) -> Mapping[str, object]:
    return {
        "socket": socket.name,
        "path": socket.path,
        "mode": socket.policy.policy.mode_word,
        "can": {
            word: {
                "extent": str(chain.extent),
                "chain": [
                    {"operation": link.operation, "source": link.source, "says": link.says} for link in chain.links
                ],
                "reasons": list(chain.reasons),
            }
            for word, chain in chains.items()
        },
    }
