"""Presets pass the requests of their programs, as the client libraries send them.

Each file in `corpus/replays` is of one program. It says where that was read, which client it has and what its socket
allows, and lists each request with the status that the client gets. In these, `{1}` is the id of what was created first
and `{0}` that of the network bridge, RUN a name of its own, IMAGE the id of the image that was pulled last, and SOCKET
the path of the socket. A create of a container gets all fields that the library writes, from the file with its name.
"""

import json
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import yaml
from cli.programs import Running, engine_of
from folders import short_folder
from replaying import CLIENTS, Engine, make_handler, send

from dockerproxy.config.presets import PRESETS, read_preset_text

CORPUS: Final = Path(__file__).parent / "corpus" / "replays"
_LINE: Final = re.compile(r"(\d{3}) ([A-Z]+) (\S+) ?(.*)")


class Replay(NamedTuple):
    """A file: what is said of the program, its client, lines of `allow`, and its requests."""

    said: str
    client: str
    allow: str
    requests: list[tuple[int, str, str, str]]


def read_replay(name: str) -> Replay:
    said, _, rest = (CORPUS / f"{name}.txt").read_text().partition("\nclient: ")
    head, _, lines = rest.partition("\n\n")
    client, _, allow = head.partition("\nallow: ")
    found = [_LINE.fullmatch(line) for line in lines.splitlines() if line and not line.startswith("#")]
    requests = [(int(each[1]), each[2], each[3], each[4]) for each in found if each is not None]
    assert len(requests) == len(found), name
    return Replay(said, client, allow, requests)


RUN_FOR_REAL: Final = {
    **dict.fromkeys(("ai-agent", "ansible", "devcontainers", "llm-sandbox"), "test_own_programs.py"),
    **dict.fromkeys(("compose", "dockge", "github-runner", "glances"), "test_presets.py"),
    "own-compose": "test_run.py",
    **dict.fromkeys(("podman-exporter", "read-only", "zabbix-agent2"), "test_presets.py"),
}
"""Presets that have no replay, with the file in `e2e` that runs their programs."""

NAMES: Final = sorted(path.stem for path in CORPUS.glob("*.txt"))


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Path, Engine]]:
    """Run a proxy before an engine, with two sockets for each program."""
    engine = Engine()
    with short_folder() as folder, engine_of(folder / "engine.sock", make_handler(engine)):
        sockets = {
            path.stem: {"path": f"{path}", "own_socket": f"{path}", "allow": yaml.safe_load(read_replay(name).allow)}
            for name in NAMES
            for path in sockets_of(folder, name)
        }
        policy = folder / "policy.yaml"
        policy.write_text(yaml.safe_dump({"sockets": sockets}))
        variables = {"POLICY_FILE": str(policy), "DOCKER_SOCKET_PATH": f"{folder}/engine.sock"}
        with Running("serve", **variables) as proxy:
            proxy.wait_for(f"{NAMES[-1]}-two.sock")
            yield folder, engine


def sockets_of(folder: Path, name: str) -> list[Path]:
    return [folder / f"{name}-{number}.sock" for number in ("one", "two")]


def merge(template: Any, written: Any) -> Any:
    """Add the program's values to all fields that its library writes."""
    if not (isinstance(template, dict) and isinstance(written, dict)):
        return written
    return {**template, **{name: merge(template.get(name), value) for name, value in written.items()}}


def fill(text: str, words: Mapping[str, str]) -> str:
    """Replace words by values that are known only when the request is sent."""
    return re.sub(r"\{\d+\}|RUN|SOCKET|IMAGE", lambda found: words[found[0]], text)


def play(socket: Path, replay: Replay, engine: Engine) -> None:
    """Send the requests; each must get the status of its line."""
    words = {"{0}": engine.things["networks"]["bridge"]["Id"], "RUN": socket.stem, "SOCKET": str(socket)}
    template, made = CORPUS / f"{replay.client}.json", 0
    for status, method, target, body in replay.requests:
        words["IMAGE"] = engine.last_image()
        content = fill(body, words)
        if "/containers/create" in target and template.exists():
            content = json.dumps(merge(json.loads(template.read_text()), json.loads(content)))
        got, text = send(socket, replay.client, method, fill(target, words), content)
        assert (got, method, target) == (status, method, target), text
        if got == HTTPStatus.CREATED and (found := re.search(r'"Id": ?"(\w+)"', text)):
            made += 1
            words[f"{{{made}}}"] = found[1]


@pytest.mark.parametrize("name", NAMES)
def test_a_program_gets_what_its_library_expects_beside_another_of_its_kind(
    name: str, served: tuple[Path, Engine]
) -> None:
    folder, engine = served
    engine.start_anew()
    for socket in sockets_of(folder, name):
        engine.things["images"].clear()
        play(socket, read_replay(name), engine)
    assert "theirs" in engine.things["containers"]


def test_every_preset_has_a_replay_or_its_program_is_run_for_real() -> None:
    named = {name for replay in map(read_replay, NAMES) for name in re.findall(r"preset:([\w-]+)", replay.allow)}
    replayed = {base for name in named for base in find_bases(name)}
    assert {*PRESETS} - replayed - RUN_FOR_REAL.keys() == set()
    assert RUN_FOR_REAL.keys() & named == set()
    for name, file in RUN_FOR_REAL.items():
        assert f'"{name}"' in (CORPUS.parent.parent / "e2e" / file).read_text(), name


def find_bases(name: str) -> Iterator[str]:
    """Return a preset and those that it builds on."""
    yield name
    for base in re.findall(r"^  - preset:(\S+)$", read_preset_text(name), re.MULTILINE):
        yield from find_bases(base)


def test_each_says_which_version_of_the_program_was_read_and_names_its_preset() -> None:
    for replay in map(read_replay, NAMES):
        assert re.search(r"@[0-9a-f]{7} \(.+\)", replay.said), replay.said
        assert replay.client in CLIENTS
        assert {*re.findall(r"preset:([\w-]+)", replay.allow)} <= {*PRESETS}
