"""What other proxies allow their clients passes here, with the variables that people have.

The configurations are public ones; what a client needs is in the transcript of its preset.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from rows import for_each
from test_presets import find_bases, read_transcript, verdict_of

from dockerproxy.config.environment import KNOWN, read_environment
from dockerproxy.config.foreign import find_foreign

CORPUS: Final = Path(__file__).parent / "corpus" / "configurations" / "public.txt"

ON: Final = {"EVENTS", "PING", "VERSION"}
SECTIONS: Final = (
    *("auth", "build", "commit", "configs", "containers", "distribution", "events", "exec", "grpc", "images", "info"),
    *("networks", "nodes", "_ping", "plugins", "secrets", "services", "session", "swarm", "system", "tasks", "version"),
    *("volumes",),
)
ACTIONS: Final = {
    "ALLOW_RESTARTS": ("stop", "restart", "kill"),
    **{f"ALLOW_{verb.upper()}": (verb,) for verb in ("start", "stop", "pause", "unpause")},
}


class Configuration(NamedTuple):
    """One of a line: where it was found, whose image it is, the presets of its clients, and its variables."""

    place: str
    image: str
    clients: tuple[str, ...]
    variables: Mapping[str, str]

    def allows(self, method: str, target: str) -> bool:
        """Whether that proxy lets a request through (haproxy.cfg of Tecnativa@a6fbf38 and LinuxServer@ab9f088).

        LinuxServer's parts are taken as on, as they were before August 2026.
        """
        path = re.sub(r"^/v[\d.]+", "", target.partition("?")[0])
        words = path.split("/")
        acts = any(
            self.is_on(name) for name, verbs in ACTIONS.items() if words[1] == "containers" and words[-1] in verbs
        )
        reads = method in {"GET", "HEAD"} or self.is_on("POST")
        if self.image == "linuxserver" and acts:
            return True
        on = any(path.startswith(f"/{section}") for section in SECTIONS if self.is_on(section.lstrip("_").upper()))
        return reads and (acts or on)

    def is_on(self, name: str) -> bool:
        return self.variables.get(name, "1" if name in ON else "0") == "1"


def read_configurations() -> Iterator[Configuration]:
    for line in CORPUS.read_text().splitlines():
        if line and not line.startswith("#"):
            place, image, clients, variables = line.split(" | ")
            pairs = dict(variable.split("=", 1) for variable in variables.split())
            yield Configuration(place, image, tuple(clients.replace("-swarm", "").split()), pairs)


CONFIGURATIONS: Final = tuple(read_configurations())


def list_needed(configuration: Configuration) -> Iterator[tuple[str, str, str]]:
    """Return the requests of its clients that the other proxy allows."""
    for client in configuration.clients:
        for base in find_bases(client) if client != "-" else ():
            for verdict, method, target, body in read_transcript(base):
                if verdict == "allow" and configuration.allows(method, target):
                    yield method, target, body


def test_they_are_many_and_each_says_where_it_was_found() -> None:
    assert len(CONFIGURATIONS) >= 60
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}:\S+", each.place) for each in CONFIGURATIONS)
    assert sum(1 for each in CONFIGURATIONS for _ in list_needed(each)) >= 1000


@for_each("configuration", CONFIGURATIONS)
def test_what_a_client_needs_and_got_there_passes_here(configuration: Configuration) -> None:
    (socket,) = read_environment(configuration.variables).settings.sockets
    denied = [
        (method, target)
        for method, target, body in list_needed(configuration)
        if verdict_of(socket.policy, method, target, body) != "allow"
    ]
    assert denied == []


@for_each("configuration", CONFIGURATIONS)
def test_each_variable_has_an_effect_or_a_sentence_of_its_own(configuration: Configuration) -> None:
    warnings = " ".join(map(str, read_environment(configuration.variables).warnings))
    for name, value in configuration.variables.items():
        foreign = find_foreign(name, value)
        assert name in KNOWN or (foreign is not None and (f"{name}: " in warnings or not foreign.closing)), name
