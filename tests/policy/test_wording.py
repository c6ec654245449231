"""What is written is read again as it was, and without quotes where none are needed."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS, SECTIONS
from dockerproxy.policy.values import Pairs, Value, is_literal, list_names, say_value, write_grant, write_value
from dockerproxy.policy.vocabulary import CONSTRAINTS

NAMES = (
    *OPERATIONS,
    *(f"{section}:{access}" for section in SECTIONS for access in ("read", "write")),
    *("preset:traefik", "preset:read-only", "preset:zabbix-agent2"),
)
# What YAML would take for something else than a string, or for two things.
ODD = (
    *("yes", "No", "ON", "off", "true", "False", "null", "Null", "y", "N", "~", "", " ", "1", "1.5", "1e3", "0x1f"),
    *("12:30", "2026-01-01", ".inf", "-", "- a", "a: b", "a:", ":a", "a #b", "#a", "a,b", "[a]", "{a}", "*a", "&a"),
    *("!a", "|", ">", "%a", "@a", "`a", "'a'", '"a"', "\\", "a\nb", "\t", "\x00", "\x7f", "\x85", "\u2028", "\ufeff"),
    *("é", "😀", "db-*", "?eb", "/data/**", "nginx:1", "a.b:5000/x:1", "<<", "=", "a'b", "_", "---", "..."),
)
TEXTS = st.sampled_from(ODD) | st.text(max_size=8)
LISTS = st.lists(TEXTS, min_size=1, max_size=4).map(tuple)
PAIRS = st.dictionaries(TEXTS, TEXTS | LISTS, max_size=3).map(lambda found: Pairs(tuple(found.items())))
VALUES = st.booleans() | TEXTS | LISTS | st.lists(LISTS, min_size=1, max_size=3).map(tuple) | PAIRS


def plain(value: Value) -> object:
    """Return a value as YAML has it."""
    if isinstance(value, Pairs):
        return {name: plain(item) for name, item in value.items}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value


@given(VALUES)
def test_a_value_is_read_as_it_was_written(value: Value) -> None:
    assert yaml.safe_load(f"- {write_value(value)}") == [plain(value)]
    assert yaml.safe_load(f"[{write_value(value)}, {write_value(value)}]") == [plain(value)] * 2


@for_each("text", ODD)
def test_a_string_stays_a_string(text: str) -> None:
    assert yaml.safe_load(write_value(text)) == text
    assert yaml.safe_load(f"- {{x: [{write_value(text)}]}}") == [{"x": [text]}]


@for_each("code", [*range(0x100), 0xD800, 0xDFFF, 0xFFFE, 0xFFFF, 0x10000, 0x10FFFF])
def test_every_character_can_be_written(code: int) -> None:
    written = write_value(f"a{chr(code)}b")
    assert written.isascii()
    assert written.isprintable()
    assert yaml.safe_load(written) == f"a{chr(code)}b"


@given(
    st.sampled_from(NAMES) | st.sampled_from(ODD),
    st.dictionaries(st.sampled_from(sorted(CONSTRAINTS.keys() - {"unrestricted"})), VALUES, max_size=3),
)
def test_a_grant_is_read_as_it_was_written(name: str, conditions: dict[str, Value]) -> None:
    written = write_grant(name, conditions)
    values = {word: plain(value) for word, value in conditions.items()}
    assert yaml.safe_load(f"allow:\n  - {written}\n") == {"allow": [{name: values} if values else name]}


@for_each("name", NAMES)
def test_the_words_of_a_policy_need_no_quotes(name: str) -> None:
    assert write_grant(name, {}) == name
    assert write_grant(name, {"follow": False}) == f"{name}: {{follow: false}}"


def test_a_grant_looks_as_a_person_would_write_it() -> None:
    conditions: dict[str, Value] = {"containers": ("web", "db-*"), "follow": False}
    assert write_grant("ContainerLogs", conditions) == 'ContainerLogs: {containers: [web, "db-*"], follow: false}'
    assert write_grant("ImageSearch", {"registries": "default"}) == "ImageSearch: {registries: default}"
    assert write_value(("nginx:1", "a.b:5000/x", "/data/x", "off")) == '[nginx:1, a.b:5000/x, /data/x, "off"]'


def test_what_is_unrestricted_looks_so() -> None:
    assert write_grant("ContainerCreate", {"unrestricted": True}) == "ContainerCreate: unrestricted"
    assert write_grant("ContainerExec", {"containers": ("web",), "unrestricted": True}) == (
        "ContainerExec: {containers: [web], unrestricted: true}"
    )
    publish = Pairs((("ports", ("8000-8999",)), ("addresses", ("127.0.0.1",))))
    assert write_grant("ContainerCreate", {"memory": "2GiB", "publish": publish, "labels": Pairs((("a", "b"),))}) == (
        'ContainerCreate: {memory: "2GiB", publish: {ports: ["8000-8999"], addresses: ["127.0.0.1"]}, labels: {a: b}}'
    )


@for_each(
    ("value", "said"),
    [
        (True, "true"),
        (False, "false"),
        ("2GiB", "2GiB"),
        (("web", "db-*"), "web or db-*"),
        ((("sh",), ("ls", "-l")), "sh or ls -l"),
        (Pairs((("ports", ("80", "90")), ("addresses", ("::1",)))), "ports 80 or 90 and addresses ::1"),
        (Pairs((("owner", "ci"), ("a", "b"))), "owner=ci and a=b"),
        ((), "none"),
    ],
)
def test_a_value_is_said_as_in_a_sentence(value: Value, said: str) -> None:
    assert say_value(value) == said


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (("web", "db"), True),
        (("web", "db-*"), False),
        ((("ls", "a?"),), False),
        (Pairs((("a*", ("b",)),)), False),
        (Pairs((("a", ("b",)),)), True),
        ("a*", False),
        (True, True),
    ],
)
def test_a_value_is_literal_if_nothing_in_it_would_be_a_pattern(value: Value, *, literal: bool) -> None:
    assert is_literal(value) is literal


@pytest.mark.parametrize(("names", "expected"), [(["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")])
def test_names_are_listed_as_in_a_sentence(names: list[str], expected: str) -> None:
    assert list_names(names) == expected
    assert list_names(names, "and") == expected.replace("or", "and")
