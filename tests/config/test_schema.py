"""The schema accepts what the loader accepts, but for what only the loader can know."""

import json
import re
from pathlib import Path
from typing import Final

import pytest
import yaml
from config.documents import WORDS, documents, mutations
from hypothesis import given
from jsonschema import Draft202012Validator
from rows import for_each

from dockerproxy.api.bodies.tables import CONTAINED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.groups import GROUPS, PRESET
from dockerproxy.config.policy_file import KEYS, SOCKET_KEYS, read_policy
from dockerproxy.config.presets import PRESETS, read_preset_text
from dockerproxy.config.schema import make_schema
from dockerproxy.policy.compile import OWN_GRANT
from dockerproxy.policy.model import ASK, Mode
from dockerproxy.policy.objects import OWN
from dockerproxy.policy.vocabulary import UNRESTRICTED, find_words
from dockerproxy.problems import UserError
from dockerproxy.settings import Sweep

ROOT: Final = Path(__file__).parent.parent.parent
SCHEMA: Final = json.loads(json.dumps(make_schema()))
VALIDATOR: Final = Draft202012Validator(SCHEMA)

ONLY_THE_LOADER: Final = {
    "is the path of socket": "{a: {path: /a, allow: []}, b: {path: /a, allow: []}}",
    "grants nothing: .* is denied": "{a: {path: /a, allow: [ContainerList], deny: [containers:read]}}",
    "restrict nothing": "{a: {path: /a, allow: [containers:read, ContainerLogs: {follow: false}]}}",
    "no request can meet this": "{a: {path: /a, allow: [preset:portainer-read-only: {follow: true}]}}",
    "no operation of .* has all of": "{a: {path: /a, allow: [containers:read: {follow: false, path: [/data/**]}]}}",
    r"in \w+ can never match": "{a: {path: /a, allow: [ContainerLogs: {containers: [a/b]}]}}",
    "changes nothing beside": "{a: {path: /a, allow: [PutContainerArchive: {running: true, unrestricted: true}]}}",
    "longer than 107 bytes": f"{{a: {{path: /{'ä' * 60}, allow: []}}}}",
    "^'[0-9]+' is not a file mode": "{a: {path: /a, allow: [], permissions: 499}}",
    "ambiguous permissions 660": "{a: {path: /a, allow: [], permissions: 660}}",
    "ambiguous number 0100": "{a: {path: /a, allow: [], owner: 0100}}",
    "^'[0-9]{10}' is not a whole number": '{a: {path: /a, allow: [], owner: "4294967295"}}',
    "^'(?i:yes|no|on|off|true|false)' is not true or false": "{a: {path: /a, allow: [ContainerLogs: {follow: no}]}}",
    "allows nothing by itself": "{a: {path: /a, allow: [SwarmInit]}}",
    "allows any body": "{a: {path: /a, allow: [ContainerCreate: {user: any, unrestricted: true}]}}",
    "is not contained: ": "{a: {path: /a, allow: [VolumeCreate, VolumeCreate: unrestricted]}}",
    "^invalid name .* in environment": "{a: {path: /a, allow: [ContainerCreate: {environment: {a-b: c}}]}}",
    r"^invalid (memory|cpus|pids|gpus) ": "{a: {path: /a, allow: [ContainerCreate: {memory: 2GB}]}}",
    "is not (a port|an IP address)": "{a: {path: /a, allow: [ContainerCreate: {publish: {ports: [http]}}]}}",
    "it needs tags": "{a: {path: /a, allow: [ImageBuild]}}",
    "which images may be pulled": "{a: {path: /a, allow: [own, ImageCreate]}}",
    "is in line 1 already": "{a: {path: /a, allow: [VolumeCreate: {names: [a]}, VolumeCreate: {names: [b]}]}}",
    "the same own_as": (
        "{a: {path: /a, allow: [own, VolumeCreate]}, b: {path: /b, allow: [own, ConfigCreate], own_as: a}}"
    ),
    "replace the other's images": "{a: {path: /a, allow: &tags [ImageTag: {tags: [a]}]}, b: {path: /b, allow: *tags}}",
    "must be the last word": "{a: {path: /a, allow: [ContainerExec: {commands: [['**', sh]]}]}}",
}
"""Mistakes that no schema can find, each with sockets that have it."""


def is_accepted(text: str) -> bool:
    """Whether the schema accepts a document."""
    return bool(VALIDATOR.is_valid(yaml.safe_load(text)))


def find_mistakes(text: str) -> list[str]:
    """Return what the loader finds wrong."""
    try:
        read_policy(text, "policy.yaml")
    except UserError as error:
        return [problem.what for problem in error.problems]
    return []


def compare(text: str) -> None:
    """Compare the two."""
    mistakes = find_mistakes(text)
    expected = not [what for what in mistakes if not any(re.search(known, what) for known in ONLY_THE_LOADER)]
    assert is_accepted(text) is expected, f"{text}\n{mistakes}"


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@given(documents())
def test_what_is_made_as_it_must_be_is_accepted(document: object) -> None:
    text = yaml.safe_dump(document)
    assert is_accepted(text)
    compare(text)


@given(mutations())
def test_what_is_nearly_a_policy_file_is_accepted_only_if_the_loader_takes_it(document: object) -> None:
    compare(yaml.safe_dump(document))


@for_each(("what", "sockets"), ONLY_THE_LOADER.items())
def test_what_only_the_loader_knows_is_accepted_by_the_schema(what: str, sockets: str) -> None:
    text = f"sockets: {sockets}"
    (mistake,) = find_mistakes(text)
    assert re.search(what, mistake)
    assert is_accepted(text)


@for_each(
    "sockets",
    [
        "",
        "{}",
        "[]",
        "{a: }",
        "{A: {path: /a, allow: []}}",
        "{a: {path: /a}}",
        "{a: {allow: []}}",
        "{a: {path: /a, mode: report}}",
        "{a: {path: /a, mode: learning}}",
        "{a: {path: a, allow: []}}",
        "{a: {path: /, allow: []}}",
        "{a: {path: /a/, allow: []}}",
        f"{{a: {{path: /{'a' * 107}, allow: []}}}}",
        "{a: {path: /a, allow: ContainerList}}",
        "{a: {path: /a, allow: [containerlist]}}",
        "{a: {path: /a, allow: [events:write]}}",
        "{a: {path: /a, allow: [preset:nothing]}}",
        "{a: {path: /a, allow: [[ContainerList]]}}",
        "{a: {path: /a, allow: [{}]}}",
        "{a: {path: /a, allow: [ContainerLogs: false]}}",
        "{a: {path: /a, allow: [ContainerLogs: {follow: []}]}}",
        "{a: {path: /a, allow: [ContainerLogs: {containers: web}]}}",
        "{a: {path: /a, allow: [ContainerLogs: {containers: []}]}}",
        "{a: {path: /a, allow: [ContainerLogs: {containers: [~]}]}}",
        "{a: {path: /a, allow: [SystemInfo: {containers: [web]}]}}",
        "{a: {path: /a, allow: [events:read: {containers: [web]}]}}",
        "{a: {path: /a, allow: [preset:ping: {containers: [web]}]}}",
        "{a: {path: /a, allow: [ImageSearch: {registries: some}]}}",
        "{a: {path: /a, allow: [], deny: [ContainerLogs: {follow: false}]}}",
        '{a: {path: /a, allow: [], permissions: "660 "}}',
        '{a: {path: /a, allow: [], permissions: "8"}}',
        '{a: {path: /a, allow: [], permissions: "432"}}',
        "{a: {path: /a, allow: [], permissions: 8}}",
        "{a: {path: /a, allow: [], permissions: 1777}}",
        "{a: {path: /a, allow: [], owner: root}}",
        "{a: {path: /a, allow: [], owner: -1}}",
        "{a: {path: /a, allow: [], group: 4294967295}}",
        "{a: {path: /a, allow: [], mode: 0660}}",
        "{a: {path: /a, allow: [], mode: }}",
        "{a: {path: /a, allow: [], limits: {body: 0}}}",
        "{a: {path: /a, allow: [], limits: {body: 1MB}}}",
        "{a: {path: /a, allow: [], limits: {rate: [1]}}}",
        "{a: {path: /a, allow: [ContainerList: unrestricted]}}",
        "{a: {path: /a, allow: [ContainerCreate: open]}}",
        "{a: {path: /a, allow: [ContainerCreate: {unrestricted: false}]}}",
        "{a: {path: /a, allow: [ContainerCreate: {unrestricted: }]}}",
        "{a: {path: /a, allow: [ContainerCreate: {user: root}]}}",
        "{a: {path: /a, allow: [ContainerCreate: {memory: [1GiB]}]}}",
        "{a: {path: /a, allow: [ContainerCreate: {labels: {}}]}}",
        "{a: {path: /a, allow: [ContainerCreate: {labels: {owner: }}]}}",
        "{a: {path: /a, allow: [ContainerCreate: {publish: {}}]}}",
        "{a: {path: /a, allow: [ContainerCreate: {publish: {ports: []}}]}}",
        "{a: {path: /a, allow: [ContainerCreate: {publish: {port: [80]}}]}}",
        "{a: {path: /a, allow: [ContainerExec: {commands: [sh]}]}}",
        "{a: {path: /a, allow: [ContainerExec: {commands: [[]]}]}}",
        "{a: {path: /a, allow: [], deny: [ContainerCreate: unrestricted]}}",
        "{a: {path: /a, allow: [], user: 0}}",
    ],
)
def test_both_refuse(sockets: str) -> None:
    text = f"sockets: {sockets}"
    assert find_mistakes(text)
    assert not is_accepted(text)


@for_each("name", PRESETS)
def test_every_preset_is_accepted(name: str) -> None:
    preset = yaml.safe_load(read_preset_text(name))
    assert VALIDATOR.is_valid({"sockets": {name: {"path": "/proxied/x.sock", "allow": preset["allow"]}}})


def test_every_policy_file_among_the_examples_is_accepted() -> None:
    texts = [path.read_text() for path in sorted((ROOT / "examples").rglob("*.yaml"))]
    page = (ROOT / "docs" / "policies.md").read_text()
    texts += re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    policies = [text for text in texts if re.search(r"^sockets:", text, re.MULTILINE)]
    assert policies
    for text in policies:
        assert is_accepted(text), text


def test_every_key_has_a_description() -> None:
    socket = SCHEMA["$defs"]["socket"]["properties"]
    assert (tuple(SCHEMA["properties"]), tuple(socket)) == (KEYS, SOCKET_KEYS)
    assert all(key["description"] for key in (*SCHEMA["properties"].values(), *socket.values()))


@pytest.mark.parametrize(("key", "words"), [("mode", {ASK, *Mode}), ("sweep", {*Sweep})])
def test_every_mode_is_offered(key: str, words: set[str]) -> None:
    assert {each["const"] for each in SCHEMA["$defs"]["socket"]["properties"][key]["anyOf"]} == words


def test_every_word_is_offered_with_what_it_says() -> None:
    _, own, mapping = SCHEMA["$defs"]["grant"]["anyOf"]
    offered = {word["const"]: word["description"] for word in SCHEMA["$defs"]["word"]["anyOf"]}
    grants = mapping["properties"]
    assert sorted([*offered, own["const"]]) == sorted(grants) == sorted(WORDS)
    for name, operation in OPERATIONS.items():
        assert offered[name] == grants[name]["description"] == operation.says


def test_a_word_is_offered_the_conditions_that_its_operations_bear() -> None:
    grants = SCHEMA["$defs"]["grant"]["anyOf"][2]["properties"]
    sets = {word: SCHEMA["$defs"][grant["$ref"].removeprefix("#/$defs/")] for word, grant in grants.items()}
    for word in WORDS:
        if not word.startswith(PRESET):
            names = OWN_GRANT.operations if word == OWN else GROUPS.get(word, {word})
            borne = [find_words(OPERATIONS[name]) for name in names]
            *opened, conditions = sets[word].get("anyOf", [sets[word]])
            offered = {name: part["description"] for name, part in conditions["properties"].items()}
            assert bool(opened) is bool(CONTAINED & names)
            assert [each["const"] for each in opened] == [UNRESTRICTED.word for _ in opened]
            assert bool(opened) is (offered.pop(UNRESTRICTED.word, None) is not None)
            assert offered.keys() == {name for words in borne for name in words}
            assert all(
                any(name in words and words[name].summary == summary for words in borne)
                for name, summary in offered.items()
            )


def test_no_set_of_conditions_is_there_twice() -> None:
    sets = [json.dumps(part) for name, part in SCHEMA["$defs"].items() if name.startswith("conditions-")]
    assert len(sets) == len(set(sets))
