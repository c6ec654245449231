"""Conditions are read as their words demand, and hold for those operations of a grant that bear all of them."""

import pytest
from rows import for_each

from dockerproxy.api.bodies.tables import CONTAINED
from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.conditions import REMOVED, read_conditions
from dockerproxy.config.document import Fields, Place, Text
from dockerproxy.config.groups import GROUPS
from dockerproxy.config.reader import Reader
from dockerproxy.policy.model import Grant, Source, values_of
from dockerproxy.policy.values import Takes
from dockerproxy.policy.vocabulary import CONSTRAINTS, find_words

EXAMPLES = {
    Takes.FLAG: "false",
    Takes.ITEMS: "[web]",
    Takes.TEXTS: "{owner: ci}",
    Takes.LABELS: "{owner: [ci, cd], stage: test}",
    Takes.YES: "true",
    Takes.LISTS: "[[sh]]",
    Takes.PORTS: "{ports: [80]}",
    "path": "[/data/**]",
    "binds": "[/srv]",
    "devices": "[/dev/dri/*]",
    "environment": "{HTTPS_PROXY: x}",
    "gpus": "all",
    "memory": "1GiB",
    "cpus": "2",
    "pids": "100",
    "subnets": "[10.9.0.0/16]",
    "add_capabilities": "[CHOWN]",
}
"""Values by the word, or by what it takes."""


def read(word: str, conditions: str, grants: tuple[Grant, ...] | None = None) -> tuple[tuple[Grant, ...], list[str]]:
    """Read conditions as they stand after a word and a colon."""
    reader = Reader("p")
    root = reader.compose(f"a: {conditions}")
    assert isinstance(root, Fields)
    if grants is None:
        grants = (Grant(GROUPS.get(word) or frozenset({word}), Source(word)),)
    found = read_conditions(reader, Text(word, plain=True, place=Place("p", 1, 1)), root.pairs[0][1], grants)
    return found, [str(problem).removeprefix("p:") for problem in reader.problems]


def granted(word: str, conditions: str, grants: tuple[Grant, ...] | None = None) -> dict[str, object]:
    """Return for each operation the values of its conditions."""
    found, problems = read(word, conditions, grants)
    assert problems == []
    return {name: values_of(grant.conditions) for grant in found for name in grant.operations}


@pytest.mark.parametrize("conditions", ["~", "null", "{}"])
def test_without_conditions_a_word_grants_what_it_grants(conditions: str) -> None:
    found, problems = read("containers:read", conditions)
    assert (problems, [grant.conditions for grant in found]) == ([], [()])
    assert found[0].operations == GROUPS["containers:read"]


@pytest.mark.parametrize("conditions", ["", " # containers: [web]"])
def test_conditions_that_are_missing_behind_a_colon_are_a_mistake(conditions: str) -> None:
    """They may have been commented out, and what is left would allow more."""
    found, problems = read("ContainerExec", conditions)
    assert found == ()
    assert "the value of ContainerExec must be a mapping, but is empty" in problems[0]


def test_an_operation_is_granted_under_its_conditions() -> None:
    assert granted("ContainerLogs", "{containers: [web, 'db-*', 007, on], follow: false}") == {
        "ContainerLogs": {"containers": ("web", "db-*", "007", "on"), "follow": False}
    }


@for_each("name", [name for name in OPERATIONS if find_words(OPERATIONS[name])])
def test_every_condition_that_an_operation_bears_can_be_written(name: str) -> None:
    words = find_words(OPERATIONS[name])
    examples = {
        word.name: word.choices[0] if word.choices else EXAMPLES.get(word.name) or EXAMPLES[word.takes]
        for word in words.values()
    }
    written = ", ".join(f"{word}: {value}" for word, value in examples.items())
    assert granted(name, f"{{{written}}}")[name].keys() == words.keys()  # type: ignore[attr-defined] # it is a mapping


# Groups


def test_a_group_is_granted_without_what_does_not_bear_the_condition() -> None:
    found = granted("containers:read", "{containers: [web]}")
    assert "ContainerInspect" in found
    assert "ContainersStatsAllLibpod" not in granted("libpod/containers:read", "{containers: [web]}")
    assert found.keys() == {name for name in GROUPS["containers:read"] if "containers" in find_words(OPERATIONS[name])}


def test_of_several_conditions_an_operation_must_bear_all() -> None:
    assert granted("containers:read", "{containers: [web], follow: false}").keys() == {"ContainerLogs"}


def test_conditions_of_a_preset_hold_besides() -> None:
    (own,), _ = read("ContainerLogs", "{follow: false}")
    grants = (own, Grant(frozenset({"ContainerInspect", "SystemInfo"}), Source("preset:x")))
    assert granted("preset:x", "{containers: [web]}", grants) == {
        "ContainerLogs": {"follow": False, "containers": ("web",)},
        "ContainerInspect": {"containers": ("web",)},
    }
    assert granted("preset:x", "{follow: false}", grants) == {"ContainerLogs": {"follow": False}}


def test_against_a_preset_no_condition_can_hold() -> None:
    grants, _ = read("ContainerLogs", "{follow: false}")
    assert read("preset:x", "{follow: true}", grants) == (
        (),
        [
            (
                "1:5: no request can meet this: preset:x itself requires that follow is false\n"
                "    remove one of them, or grant the operation by its name"
            )
        ],
    )


def test_a_list_beside_one_of_the_preset_would_read_like_one_list_and_is_a_mistake() -> None:
    grants, _ = read("ContainerKill", "{signal: [HUP]}")
    _, (problem,) = read("preset:x", "{signal: [KILL]}", grants)
    assert problem.startswith("1:5: preset:x itself requires that signal is HUP\n")


# What is opened


@pytest.mark.parametrize("conditions", ["unrestricted", "'unrestricted'", "{unrestricted: true}"])
def test_unrestricted_opens_what_is_contained_without_it(conditions: str) -> None:
    assert granted("ContainerCreate", conditions) == {"ContainerCreate": {"unrestricted": True}}


def test_unrestricted_stands_beside_what_is_not_about_bodies() -> None:
    assert granted("ContainerExec", "{containers: [web], unrestricted: true}") == {
        "ContainerExec": {"containers": ("web",), "unrestricted": True}
    }


def test_of_a_group_only_what_is_contained_is_opened() -> None:
    for name, values in granted("containers:write", "unrestricted").items():
        assert values == ({"unrestricted": True} if name in CONTAINED else {})
    opened = granted("containers:write", "{containers: [web], unrestricted: true}")
    assert "ContainerCreate" not in opened
    for name, values in opened.items():
        assert values == {"containers": ("web",), **({"unrestricted": True} if name in CONTAINED else {})}


def test_to_open_a_preset_takes_away_what_it_says_of_bodies() -> None:
    (own,), _ = read("ContainerExec", "{containers: [web], commands: [[sh]]}")
    (other,), _ = read("ContainerLogs", "{follow: false}")
    assert granted("preset:x", "unrestricted", (own, other)) == {
        "ContainerExec": {"containers": ("web",), "unrestricted": True},
        "ContainerLogs": {"follow": False},
    }


def test_a_preset_that_opens_something_bears_no_condition_on_its_body() -> None:
    grants, _ = read("ContainerExec", "unrestricted")
    assert granted("preset:x", "{containers: [web]}", grants) == {
        "ContainerExec": {"unrestricted": True, "containers": ("web",)}
    }
    assert read("preset:x", "{commands: [[sh]]}", grants) == (
        (),
        [("1:5: preset:x itself allows any body, so commands restricts nothing\n    grant the operation by its name")],
    )


# Mistakes


@for_each(
    ("word", "conditions", "problem"),
    [
        ("ContainerLogs", "{container: [web]}", "5: 'container' is not a condition\n    did you mean containers?"),
        ("ContainerLogs", "{xyzzy: 1}", "5: 'xyzzy' is not a condition\n    it has containers, follow, labelled, own"),
        ("SystemInfo", "{containers: [web]}", "5: SystemInfo has no condition containers\n    it has none"),
        (
            "ContainerStart",
            "{follow: false}",
            "5: ContainerStart has no condition follow\n    it has containers, labelled, own",
        ),
        (
            "containers:read",
            "{path: [/data], follow: false}",
            "1: no operation of containers:read has all of path and follow\n    make two grants of it",
        ),
        (
            "ContainerLogs",
            "{containers: []}",
            (
                "17: containers is an empty list, which no request can meet\n"
                "    add an item, or remove the condition to allow all"
            ),
        ),
        (
            "ContainerLogs",
            "{containers: web}",
            "17: containers must be a list, but is a single value\n    containers: [web]",
        ),
        ("ContainerLogs", "{containers: [a, [b]]}", "21: an item of containers must be a single value, but is a list"),
        (
            "ContainerLogs",
            "{containers: [a, /b]}",
            (
                "21: '/b' in containers can never match\n"
                "    no object can have this name: names have letters, digits and _ . -, patterns also * and ?"
            ),
        ),
        (
            "ContainerLogs",
            "{follow: no}",
            "13: 'no' is not true or false\n    write true or false, in lower case and without quotes",
        ),
        (
            "ContainerCreate",
            "{buildx_builders: none}",
            (
                "5: ContainerCreate no longer has the condition buildx_builders\n"
                "    remove it: a contained ContainerCreate starts no privileged builder"
            ),
        ),
        (
            "ImageBuild",
            "{instructions: [FROM]}",
            (
                "5: ImageBuild no longer has the condition instructions\n"
                "    remove it: Dockerfiles pass unread, and imports have no changes"
            ),
        ),
        (
            "ImageBuild",
            "{networks: [none]}",
            (
                "5: ImageBuild no longer has the condition networks\n"
                "    remove it: a contained build is on the engine's default network, or on none"
            ),
        ),
        (
            "PutContainerArchive",
            "{path: [/data]}",
            (
                "5: PutContainerArchive no longer has the condition path\n"
                "    remove it: the archive passes with any names, and its links lead anywhere"
            ),
        ),
        (
            "PutContainerArchive",
            "{own: true, running: true, unrestricted: true}",
            "1: PutContainerArchive: running changes nothing beside unrestricted\n    remove running",
        ),
        ("ContainerExport", "{own: true, running: false}", "25: running can only be true\n    remove it"),
        (
            "ImageLoad",
            "{tagged: required}",
            (
                "5: ImageLoad no longer has the condition tagged\n"
                "    only ImageLoad: unrestricted allows this, and lets clients replace images that others use"
            ),
        ),
        (
            "ImageLoad",
            "{tags: [ci]}",
            (
                "5: ImageLoad has no condition tags\n"
                "    only ImageLoad: unrestricted allows this, and lets clients replace images that others use"
            ),
        ),
        (
            "ContainerLogs",
            "[follow]",
            (
                "4: the value of ContainerLogs must be a mapping, but is a list\n"
                "    ContainerLogs, or ContainerLogs: {CONDITION: VALUE}"
            ),
        ),
        (
            "ContainerLogs",
            "{follow: true, follow: false}",
            "19: duplicate key 'follow'\n    remove one; the first is in line 1",
        ),
        (
            "ContainerList",
            "unrestricted",
            "4: unrestricted has no effect on ContainerList, which is not contained\n    remove it",
        ),
        (
            "containers:read",
            "{follow: false, unrestricted: true}",
            "20: unrestricted has no effect on containers:read, which is not contained\n    remove it",
        ),
        ("ContainerCreate", "{unrestricted: false}", "5: unrestricted can only be true\n    remove it"),
        (
            "ContainerCreate",
            "{unrestricted: 1}",
            "19: '1' is not true or false\n    write true or false, in lower case and without quotes",
        ),
        (
            "ContainerCreate",
            "Unrestricted",
            (
                "4: the value of ContainerCreate must be a mapping, but is a single value\n"
                "    did you mean ContainerCreate: unrestricted?"
            ),
        ),
        (
            "ContainerCreate",
            "{binds: [/srv], unrestricted: true}",
            "5: unrestricted allows any body, so binds restricts nothing\n    remove one of them",
        ),
        (
            "containers:write",
            "{unrestricted: true, user: not-root}",
            "25: unrestricted allows any body, so user restricts nothing\n    remove one of them",
        ),
        ("ContainerCreate", "{mounts: [/srv]}", "5: 'mounts' is not a condition\n    did you mean binds or volumes?"),
        ("ContainerCreate", "{volume: [a]}", "5: 'volume' is not a condition\n    did you mean volumes?"),
        (
            "ContainerCreate",
            "{Capabilities: [a]}",
            "5: 'Capabilities' is not a condition\n    did you mean add_capabilities?",
        ),
        (
            "ContainerExec",
            "{mounts: [a]}",
            "5: 'mounts' is not a condition\n    it has commands, containers, environment, labelled, own, user",
        ),
        (
            "ContainerCreate",
            "{sysctls: [net.core]}",
            (
                "5: 'sysctls' is not a condition\n    only ContainerCreate: unrestricted allows this,"
                " and lets clients become root on the host"
            ),
        ),
        (
            "ContainerLogs",
            "{devices: [a]}",
            "5: ContainerLogs has no condition devices\n    it has containers, follow, labelled, own",
        ),
    ],
)
def test_a_mistake_grants_nothing_and_is_told(word: str, conditions: str, problem: str) -> None:
    found, problems = read(word, conditions)
    assert problems == [f"1:{problem}"]
    assert found == () or "duplicate" in problem


def test_every_mistake_in_conditions_is_told() -> None:
    assert len(read("ContainerLogs", "{containers: [/a, b, /c], follow: 1, colour: blue}")[1]) == 4


# Conditions that are no more


@for_each("word", REMOVED)
def test_of_a_condition_that_is_no_more_it_is_said_what_to_write(word: str) -> None:
    found, problems = read("ContainerCreate", f"{{{word}: [x]}}")
    assert found == ()
    assert problems == [f"1:5: ContainerCreate no longer has the condition {word}\n    {REMOVED[word]}"]
    assert word not in CONSTRAINTS or CONSTRAINTS[word].is_private


@pytest.mark.parametrize("word", [name for name, each in CONSTRAINTS.items() if each.is_private])
def test_no_policy_file_can_name_a_private_condition(word: str) -> None:
    for name in OPERATIONS:
        assert read(name, f"{{{word}: true}}")[0] == ()
