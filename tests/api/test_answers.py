"""Every operation's answer is described, known to show certain things, or denied while anything is hidden."""

import pytest
from rows import for_each

from dockerproxy.api.answers import (
    ALL,
    ANSWERS,
    COUNTING,
    OF_EVENTS,
    PLAIN,
    REST,
    SPELLED,
    UNREAD,
    WORDS,
    Node,
    grow_answer,
    list_fields,
    plant,
    split_words,
)
from dockerproxy.api.catalog import OPERATIONS, Shape
from dockerproxy.api.rows import read_table

TABLES = sorted({*ANSWERS.values()} - {"-"})

DENIED = """
ArtifactAddLibpod ArtifactDeleteAllLibpod ArtifactDeleteLibpod ArtifactExtractLibpod ArtifactInspectLibpod
ArtifactListLibpod ArtifactLocalLibpod ArtifactPullLibpod ArtifactPushLibpod CheckpointList ContainerCheckpointLibpod
ContainerHealthcheckLibpod ContainerMountLibpod ContainerRestoreLibpod ContainerShowMountedLibpod
ContainerUnmountLibpod ContainerUpdateLibpod ExecRemoveLibpod GenerateKubeLibpod GenerateSystemdLibpod
GetPluginPrivileges Grpc ImageAttestations ImageBuild ImageBuildLibpod ImageCommitLibpod ImageDeleteAllLibpod
ImageDeleteLibpod ImageImportLibpod ImageResolveLibpod ImageScpLibpod ImageTreeLibpod KubeApplyLibpod
KubeGenerateLibpod KubePlayDownLibpod KubePlayLibpod LocalBuildLibpod LocalImagesLibpod ManifestCreateLibpod
ManifestDeleteLibpod ManifestInspectLibpod ManifestModifyLibpod ManifestPushLibpod NetworkUpdateLibpod
PlayKubeDownLibpod PlayKubeLibpod PluginCreate PluginDelete PluginDisable PluginEnable PluginInspect PluginList
PluginPull PluginPush PluginSet PluginUpgrade QuadletDeleteAllLibpod QuadletDeleteLibpod QuadletFileLibpod
QuadletInstallLibpod QuadletListLibpod SecretCreateLibpod Session SystemAuth SystemCheckLibpod SystemPruneLibpod
"""
"""Operations that are denied while anything is hidden. A new one is, too, until somebody has looked at its answer."""


def test_every_operation_is_described_known_or_denied() -> None:
    known = {name.partition("?")[0] for name in UNREAD}
    assert not known & ANSWERS.keys()
    assert {*OPERATIONS} - known - ANSWERS.keys() == set(DENIED.split())
    assert known | ANSWERS.keys() <= OPERATIONS.keys()


def test_tunnels_pass_as_they_come_or_not_at_all() -> None:
    tunnels = {name for name, operation in OPERATIONS.items() if operation.shape is Shape.TUNNEL}
    assert not tunnels & ANSWERS.keys()
    assert all(split_words(UNREAD[name]) for name in tunnels & UNREAD.keys())


def test_streams_that_are_cut_are_lines_of_json() -> None:
    streams = {name for name in ANSWERS if OPERATIONS[name].shape is Shape.STREAM}
    assert streams == {"ContainerWait", "ContainerWaitLibpod", "SystemEvents", "SystemEventsLibpod"}


@for_each("table", [*TABLES, "ERROR", "DAEMON_EVENT"])
def test_a_table_has_known_words_and_every_field_once(table: str) -> None:
    for word in WORDS:
        grow_answer(table, frozenset({word}))
    for words, _ in list_fields(table):
        assert words in {ALL, PLAIN} or split_words(words) <= {*WORDS}, words


@for_each("table", TABLES)
def test_no_table_keeps_as_one_of_all_fields_what_it_hides(table: str) -> None:
    rows = [(words, field.partition(":")[0]) for words, field in list_fields(table)]
    rest = {place.rpartition("/")[0]: split_words(words) for words, place in rows if place.endswith(REST)}
    for words, place in rows:
        kept_by = rest.get(place.rpartition("/")[0])
        assert kept_by is None or "!" in place or split_words(words) <= kept_by, place


@for_each(
    ("table", "word"),
    [*((table, "paths") for table in SPELLED.values()), *((table, "counts") for table in COUNTING.values())],
)
def test_a_table_of_what_is_written_anew_has_one_word_and_all_other_fields(table: str, word: str) -> None:
    assert {words for words, _ in list_fields(table)} <= {PLAIN, word}
    assert grow_answer(table, frozenset({word}))[REST] == ""
    assert {*SPELLED, *COUNTING} <= ANSWERS.keys()


@pytest.mark.parametrize("word", WORDS)
def test_every_word_hides_something_and_shows_it_where_it_is_not_said(word: str) -> None:
    others = frozenset(WORDS) - {word}
    assert any(grow_answer(table, others) != grow_answer(table, frozenset(WORDS)) for table in TABLES)


def test_a_field_is_not_in_a_table_twice_or_below_a_value() -> None:
    fields: dict[str, Node] = {"a": "", "b": {"c": ""}}
    plant(fields, ["b", "d"], "")
    assert fields == {"a": "", "b": {"c": "", "d": ""}}
    with pytest.raises(KeyError):
        plant(fields, ["b", "c"], "")
    with pytest.raises(TypeError):
        plant(fields, ["a", "c"], "")


def test_every_table_is_used() -> None:
    text = read_table("answers")
    named = {line.removeprefix("== ") for line in text.split("\n") if line.startswith("== ")}
    used = {part.partition(":")[2] for part in text.split()} | {
        line.removeprefix("include ") for line in text.split("\n") if line.startswith("include ")
    }
    sections = {"words", "answers", "events", "unread", "spelled", "counting"}
    used |= {*TABLES, *SPELLED.values(), *COUNTING.values(), *OF_EVENTS.values()}
    assert named - used == sections | {"ERROR", "MOUNTED"}
