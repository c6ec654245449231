"""A variable of another proxy gets a sentence of its own, and one that closes is never told how to open more."""

import re

from rows import for_each

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.environment import KNOWN, read_environment
from dockerproxy.config.foreign import FOREIGN, Foreign
from dockerproxy.config.switches import SWITCHES, WORDS


def warnings_of(**variables: str) -> list[str]:
    return [str(warning) for warning in read_environment(variables).warnings]


def opened(**variables: str) -> set[str]:
    (socket,) = read_environment(variables).settings.sockets
    return {name for name in OPERATIONS if socket.policy.allows(name)}


def settings_in(sentence: str) -> list[tuple[str, str]]:
    """Return the settings that a sentence names with a value."""
    return re.findall(r"\b([A-Z_]+)=(\w+(?:,\w+)*)", sentence)


@for_each(("name", "row"), FOREIGN.items())
def test_each_name_of_another_proxy_is_answered_by_its_value(name: str, row: Foreign) -> None:
    name = name.replace("*", "X")
    for word, value in WORDS.items():
        says = row.other if value else row.closing
        expected = [f"environment variable {name}: unknown setting\n    {says}"] if says else []
        assert warnings_of(**{name: word}) == expected
    assert warnings_of(**{name: "of another program"}) == (
        [] if row.is_switch else [f"environment variable {name}: unknown setting\n    {row.other}"]
    )


@for_each(("name", "row"), FOREIGN.items())
def test_a_value_that_closes_is_not_told_how_to_open_more(name: str, row: Foreign) -> None:
    assert row.other, name
    told = "POST=1 allows it;"  # Who believes that DELETE=0 closes something beside POST=1 must know.
    settings = settings_in(row.closing.replace(told, ""))
    assert [each for each in settings if each[0] == "ALLOW" or each[1] == "1"] in ([], [("CONTAINED", "1")])


@for_each(("name", "row"), FOREIGN.items())
def test_what_a_sentence_tells_to_write_is_a_setting_that_does_it(name: str, row: Foreign) -> None:
    assert name not in KNOWN
    for setting, value in (*settings_in(row.closing), *settings_in(row.other)):
        assert setting in KNOWN
        if setting == "ALLOW":
            assert opened(ALLOW=value) >= set(value.split(","))
        if setting == "DENY":
            everything = dict.fromkeys(SWITCHES, "1")
            assert opened(**everything) - opened(**everything, DENY=value) == set(value.split(","))


def test_the_upstream_default_of_a_variable_without_effect_is_no_warning() -> None:
    assert warnings_of(DISABLE_IPV6="0") == []
    assert warnings_of(DISABLE_IPV6="1") != []
