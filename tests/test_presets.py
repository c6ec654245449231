"""The presets that come with the program: each allows what its program asks for, and nothing else.

Beside each there is a transcript in `corpus/presets`: requests that the program sends and the preset must allow, and
some that it must not. The operations of the allowed ones are all that a preset may open, so that none is widened
without a line there.

    python tests/test_presets.py

writes the tables of the page of presets.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import pytest
import yaml
from parts import fill_in, write_code, write_table
from policy.judging import finish
from policy.ordinary import body_of
from rows import for_each

from dockerproxy.advice.denials import Adviser
from dockerproxy.api.catalog import OPERATIONS, UNKNOWN, Access
from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.config.advice import PROGRAMS
from dockerproxy.config.policy_file import read_policy_file
from dockerproxy.config.presets import PRESETS, find_preset, read_preset_text
from dockerproxy.policy.compile import OWN_GRANT, CompiledPolicy, compile_policy
from dockerproxy.policy.judge import judge
from dockerproxy.policy.model import CREATED_BY, Policy
from dockerproxy.policy.objects import OWN, missing
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.vocabulary import UNRESTRICTED
from dockerproxy.tenancy.own import Own
from dockerproxy.wire.document import write_json
from dockerproxy.workbench.exposure import EXPOSURES, find_exposures

CORPUS: Final = Path(__file__).parent / "corpus" / "presets"
PAGE: Final = Path(__file__).parent.parent / "docs" / "presets.md"

READERS: Final = (
    *("ping", "read-only", "traefik", "traefik-swarm", "homepage", "homepage-swarm", "uptime-kuma", "dozzle"),
    *("diun", "diun-swarm", "wud", "beszel", "glances", "netdata", "crowdsec", "crowdsec-swarm", "caddy-docker-proxy"),
    *("caddy-docker-proxy-swarm", "docker-gen", "cadvisor", "telegraf", "telegraf-swarm", "telegraf-logs"),
    *("prometheus", "prometheus-swarm", "alloy", "newt", "tinyauth", "tsdproxy", "loggifly", "homarr"),
    *("monitor-docker", "podman-exporter", "portainer-read-only", "zabbix-agent2", "vector"),
    *("fluent-bit", "datadog-agent"),
)
"""Those of programs that only look."""

ACTORS: Final = (
    *("autoheal", "sablier", "acme-companion", "dozzle-actions", "dozzle-shell", "docker-gen-notify"),
    *("loggifly-actions", "homarr-actions", "monitor-docker-switches", "ofelia", "docker-volume-backup"),
    *("docker-volume-backup-exec", "watchtower-monitor"),
)
"""Those of programs that change what exists, and create no containers."""

CREATORS: Final = ("compose", "ofelia-run", "woodpecker", "authentik", "dockerspawner")
"""Those of programs that create containers, contained ones."""

OWNERS: Final = (
    *("ci", "ai-agent", "testcontainers", "devcontainers", "gitlab-runner"),
    *("jenkins", "openhands", "own-compose"),
)
"""Those of programs that create contained containers and reach no others."""

ROOTS: Final = (
    *("swarm-cronjob", "docker-volume-backup-swarm", "wud-update", "watchtower", "portainer", "dockge"),
    *("github-runner", "ansible", "arcane", "dockhand", "llm-sandbox", "forgejo-runner"),
)
"""Those of programs that create containers of any kind, change services, or copy files of running containers."""

KINDS: Final = {
    "Programs that only read": READERS,
    "Programs that start, stop and run commands": ACTORS,
    "Programs that create contained containers": CREATORS,
    "Programs that create contained containers, and reach nothing else": OWNERS,
    "Programs that are root on the host": ROOTS,
}
NO_CLIENT: Final = ("ping", "read-only")
"""Those of no single program."""

MOST_NAMED: Final = 12

REPEATED: Final = re.compile(
    r",( it \w+ \w+ and)? so( it)? is root on .+"
    r"|,( each)? with .+ and nothing else|, and reaches no others|, contained ones"
)
"""Ends of what presets are for, which the headings of their tables say."""

CONTENTS: Final = frozenset(
    {
        *("ContainerArchive", "ContainerArchiveInfo", "ContainerExport", "ImageGet", "ImageGetAll", "CheckpointList"),
        *("ContainerArchiveLibpod", "ContainerArchiveInfoLibpod", "ContainerExportLibpod", "ImageGetLibpod"),
        *("ImageExportLibpod", "VolumeExportLibpod", "ArtifactExtractLibpod", "QuadletFileLibpod"),
        *("SwarmInspect", "SwarmUnlockkey"),
    }
)
"""Reads that hand out files or keys."""


def policy_of(name: str) -> CompiledPolicy:
    grants = find_preset(name).grants
    return compile_policy(
        Policy(grants=grants, denials=(), advice=Adviser(lambda *_: "nothing would"), tenancy=Own("team"))
    )


def opened_by(name: str) -> set[str]:
    """Return the operations that some request is allowed for."""
    policy = policy_of(name)
    return {operation for operation in OPERATIONS if policy.allows(operation)}


def opened_as_own(name: str) -> frozenset[str]:
    """Return the operations on what the program created, of which each is as harmless as the others."""
    allow = yaml.safe_load(read_preset_text(name))["allow"]
    named = {word for line in allow if isinstance(line, dict) for word, those in line.items() if those and OWN in those}
    creates = {operation for grant in find_preset(name).grants for operation in grant.operations}
    unbound = {change for change, create in CREATED_BY.items() if create not in creates}
    return ((OWN_GRANT.operations if OWN in allow else frozenset()) | named) - unbound


def find_bases(name: str) -> Iterator[str]:
    """Return the preset and those that it builds on."""
    yield name
    for item in yaml.safe_load(read_preset_text(name))["allow"]:
        if isinstance(item, str) and item.startswith("preset:"):
            yield from find_bases(item.removeprefix("preset:"))


Line = tuple[str, str, str, str]
"""A verdict, a method, a target, and a body, which is an ordinary one where none is written."""


def read_transcript(name: str) -> list[Line]:
    """Return the lines of a preset's own transcript."""
    lines = [line.split(maxsplit=3) for line in (CORPUS / f"{name}.txt").read_text().splitlines() if line[:1] != "#"]
    return [(verdict, method, target, "".join(body)) for verdict, method, target, *body in lines]


def operation_of(method: str, target: str) -> str:
    request = canonicalise(method, target)
    assert isinstance(request, CanonicalRequest), f"{method} {target}: {request}"
    assert request.operation is not UNKNOWN, f"{method} {target}"
    return request.operation.name


def verdict_of(policy: CompiledPolicy, method: str, target: str, body: str) -> str:
    """Judge a request whose names mean what they say."""
    name = operation_of(method, target)
    content = body.encode() or write_json(body_of(name))
    fields = (
        f"content-type: application/json\r\ncontent-length: {len(content)}\r\n" if body_of(name) is not None else ""
    )
    judged = judge(policy, f"{method} {target} HTTP/1.1\r\nHost: docker\r\n{fields}\r\n".encode())
    verdict = finish(judged, content, missing)
    assert isinstance(verdict, Verdict), f"{method} {target}: {verdict}"
    return "allow" if verdict.decision.allowed else "deny"


def test_every_preset_is_of_one_kind_and_has_a_transcript() -> None:
    assert sorted((*READERS, *ACTORS, *CREATORS, *OWNERS, *ROOTS)) == sorted(PRESETS)
    assert sorted(path.stem for path in CORPUS.iterdir()) == sorted(PRESETS)


@for_each("name", PRESETS)
def test_what_becomes_of_each_request_is_as_the_transcript_says(name: str) -> None:
    policy = policy_of(name)
    lines = read_transcript(name)
    assert [(verdict_of(policy, *request), *request) for _, *request in lines] == lines


@for_each("name", PRESETS)
def test_a_preset_opens_no_operation_that_its_program_does_not_ask_for(name: str) -> None:
    requests = [line for base in find_bases(name) for line in read_transcript(base)]
    asked = {operation_of(method, target) for verdict, method, target, _ in requests if verdict == "allow"}
    assert opened_by(name) == asked | opened_as_own(name)


@for_each("name", PRESETS)
def test_each_condition_refuses_something(name: str) -> None:
    requests = [line for base in find_bases(name) for line in read_transcript(base)]
    refused = {operation_of(method, target) for verdict, method, target, _ in requests if verdict == "deny"}
    cases = policy_of(name).cases
    conditioned = {
        operation
        for operation in opened_by(name) - opened_as_own(name)
        if all(set(case.conditions) - {UNRESTRICTED} for case in cases[operation])
    }
    assert conditioned <= refused


@for_each("name", READERS)
def test_a_reader_opens_nothing_that_writes_or_hands_out_files_or_keys(name: str) -> None:
    opened = opened_by(name)
    assert {operation for operation in opened if OPERATIONS[operation].access is Access.WRITE} == set()
    assert opened & CONTENTS == set()


@for_each("name", PRESETS)
def test_who_would_be_root_is_told_so(name: str) -> None:
    is_root = any(exposure.says.startswith("is root on") for exposure in find_exposures(policy_of(name)))
    assert is_root is (name in ROOTS)
    assert ("root on" in find_preset(name).about) is is_root
    assert bool(re.search(r"^# ROOT: ", read_preset_text(name), re.MULTILINE)) is is_root


@for_each("name", PRESETS)
def test_the_head_says_where_the_need_was_read_and_what_is_left_out(name: str) -> None:
    head = re.match(r"(#.*\n)+about: ", read_preset_text(name))
    assert head is not None
    assert "\n# Read in: " in head[0]
    assert "\n# Left out on purpose: " in head[0] or "\n# Left out on purpose:\n# - " in head[0]


@for_each("name", PRESETS)
def test_what_a_comment_tells_to_add_or_deny_exists_and_is_not_there(name: str) -> None:
    head = " ".join(read_preset_text(name).partition("\nabout: ")[0].replace("\n# ", " ").split())
    opened = opened_by(name)
    for verb, words in re.findall(r"\b(add|deny) ((?:[A-Z]\w+|preset:\S+|, | and )+)", head):
        for word in re.findall(r"[A-Z]\w+", words):
            assert word in OPERATIONS, f"{word}?"
            assert (word in opened) is (verb == "deny"), word
        for base in re.findall(r"preset:([\w-]+)", words):
            assert base in PRESETS


def test_every_preset_that_a_comment_points_to_exists() -> None:
    for name in PRESETS:
        assert set(re.findall(r"\bsee ([a-z][\w-]*)(?=[,;.)])", read_preset_text(name))) <= {*PRESETS, "docs"}, name


def find_words() -> dict[str, str]:
    """Return what presets and switches expose, each with the page's words for it, the gravest first."""
    words = {says: word for word, says in re.findall(r"^\| (.+) \| (.+) \|$", PAGE.read_text(), re.MULTILINE)}
    return {exposure.says: words[exposure.says] for exposure in EXPOSURES if exposure.says in words}


def render_table(names: Iterable[str]) -> str:
    """Write what presets are for, which operations they open beside those of another preset, and what that exposes."""
    words = find_words()
    rows = []
    for name in sorted(names):
        base = next((base for base in find_bases(name) if name.startswith(f"{base}-")), "ping")
        more = opened_by(name) - opened_by(base)
        opened = [operation for operation in OPERATIONS if operation in more]
        operations = write_code(opened) if len(opened) <= MOST_NAMED else f"{len(opened)} operations"
        if base != "ping":
            operations = f"as `{base}`; {operations}"
        exposes = ", ".join(words[exposure.says] for exposure in find_exposures(policy_of(name)))
        rows.append((f"`{name}`", REPEATED.sub("", find_preset(name).about), operations or "-", exposes or "-"))
    return write_table("preset | for | operations | exposes", rows)


def render_tables() -> str:
    """Write a table of what presets expose, and one for each kind of presets."""
    exposed = write_table("exposes | a client …", ((word, says) for says, word in find_words().items()))
    return exposed + "".join(f"### {kind}\n{render_table(names)}" for kind, names in KINDS.items())


def test_every_word_for_an_exposure_is_in_a_table() -> None:
    lines = [line for path in (PAGE, PAGE.with_name("switches.md")) for line in path.read_text().splitlines()]
    told = Counter(word.strip() for line in lines for word in re.split(r"[|,]", line))
    assert [word for word in find_words().values() if told[word] < 2] == []  # Once, where it is explained.


def find_socket_lines() -> dict[str, list[str]]:
    """Return what tells a client where its socket is, each with the presets of such clients."""
    found: dict[str, list[str]] = {}
    for name in sorted(PRESETS):
        for line in re.findall(r"^# Socket: (.+) \(.+\)$", read_preset_text(name), re.MULTILINE):
            found.setdefault(line, []).append(name)
    return found


def render_socket_lines() -> str:
    """Write a table of them, the one that most take last, without their names."""
    *lines, (most, _) = sorted(find_socket_lines().items(), key=lambda item: len(item[1]))
    rows = [*((f"`{line}`", write_code(names)) for line, names in lines), (f"`{most}`", "all others")]
    return write_table("setting | presets", rows)


def render_programs() -> str:
    """Write a table of programs that have no preset of their name, with what to write instead."""
    instead: dict[str, list[str]] = {}
    for name, hint in PROGRAMS.items():
        instead.setdefault(re.sub(r"preset:[\w-]+|\[[^\]]+\]", lambda found: f"`{found[0]}`", hint), []).append(name)
    rows = ((write_code(names), hint.removeprefix("it has ").removeprefix("write ")) for hint, names in instead.items())
    return write_table("program | instead", rows)


def render_page() -> str:
    blocks = {"presets": render_tables(), "sockets": render_socket_lines(), "programs": render_programs()}
    return fill_in(PAGE, blocks)


def test_every_client_has_a_line_that_names_the_socket_and_where_it_was_read() -> None:
    heads = [line for name in PRESETS for line in re.findall("^# Socket: .*$", read_preset_text(name), re.MULTILINE)]
    assert len(heads) == sum(map(len, find_socket_lines().values()))
    assert [line for line in find_socket_lines() if "/proxied/docker.sock" not in line] == []
    assert {name for names in find_socket_lines().values() for name in names} == {*PRESETS} - {*NO_CLIENT}


def test_the_page_has_every_preset_with_what_it_opens_and_every_line_for_a_client() -> None:
    assert PAGE.read_text() == render_page(), "write it anew: python tests/test_presets.py"


def find_policies() -> list[str]:
    """Return the policy files that the page shows."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return [block for block in blocks if "sockets" in yaml.safe_load(block)]


@pytest.mark.parametrize("policy", find_policies())
def test_a_policy_that_the_page_shows_has_no_mistake(policy: str, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(policy)
    assert len(read_policy_file(str(file)).sockets) == policy.count("path: ")


def test_commands_run_in_the_named_container_alone(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(next(policy for policy in find_policies() if "acme" in policy))
    (socket,) = read_policy_file(str(file)).sockets
    for operation in ("ContainerExec", "ExecStart", "ContainerKill", "ContainerRestart"):
        (case,) = socket.policy.cases[operation]
        assert "the container is nginx-proxy" in map(str, case.conditions)


if __name__ == "__main__":
    PAGE.write_text(render_page())
