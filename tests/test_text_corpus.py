"""Text is read as Go reads it, or not at all: what Go made of some hundreds is in `tests/corpus/text`.

`tests/corpus/text/renew.py` asks Go anew.
"""

import base64
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from policy.words.looking import look

from dockerproxy.api.request import CanonicalRequest, canonicalise, read_version
from dockerproxy.policy.references import parse_reference, with_default_tag
from dockerproxy.policy.values import Pairs
from dockerproxy.policy.words.publish import normalise_address
from dockerproxy.policy.words.spellings import (
    clean_path,
    read_address,
    read_human_size,
    read_network,
    read_ports,
    read_size,
)
from dockerproxy.text import base_name, fold, lower, unquote, upper
from dockerproxy.wire.document import Json
from dockerproxy.wire.head import read_media_type

Asked = dict[str, list[tuple[list[str], Any]]]


def decode(text: str) -> str:
    return base64.b64decode(text).decode(errors="surrogateescape")


def read_corpus() -> Asked:
    """Return what Go was asked, by what to do with it, and what it answered."""
    found: Asked = defaultdict(list)
    for line in (Path(__file__).parent / "corpus" / "text" / "read.jsonl").read_text(encoding="utf-8").splitlines():
        (kind, *texts), answer = json.loads(line)
        found[kind].append(([decode(text) for text in texts], answer))
    return found


GO = read_corpus()
((_, LOWERED),) = GO["lower"]
((_, UPPERED),) = GO["upper"]
((_, FOLDED),) = GO["fold"]


def test_fold_knows_all_letters_that_go_folds_to_ascii() -> None:
    for code in range(0x110000):
        letter = chr(code)
        assert fold(letter) == FOLDED.get(letter, lower(letter))


def test_no_letter_outside_of_ascii_becomes_one_inside_though_some_do_in_go() -> None:
    assert LOWERED.keys() == {"\u0130", "\u212a"}
    assert UPPERED.keys() == {"\u0131", "\u017f"}
    for letter in LOWERED.keys() | UPPERED.keys():
        assert lower(letter) == upper(letter) == letter


@pytest.mark.parametrize("letter", [*LOWERED, *UPPERED])
def test_a_media_type_with_a_letter_that_go_makes_one_of_ascii_is_refused(letter: str) -> None:
    for name in ("multipart/form-data", "application/x-www-form-urlencoded", "application/grpc+kit"):
        for at in range(len(name)):
            assert read_media_type((name[:at] + letter + name[at + 1 :]).encode()) is None


def test_what_we_read_go_reads_as_the_same_type() -> None:
    accepted = 0
    for (text,), answer in GO["media"]:
        found = read_media_type(text.strip(" \t").encode(errors="surrogateescape"))
        if found is not None and found.name:
            accepted += 1
            assert answer == [found.name, dict(found.parameters), True]
    assert accepted > len(GO["media"]) // 10


def test_what_go_takes_for_a_form_we_do_as_well_or_refuse() -> None:
    for (text,), answer in GO["media"]:
        found = read_media_type(text.strip(" \t").encode(errors="surrogateescape"))
        assert found is None or not found.name or answer is not None
        if answer is not None and answer[0] == "multipart/form-data":
            assert found is None or found.name == answer[0]


def test_the_parameters_of_a_query_are_those_that_go_finds() -> None:
    accepted = 0
    for (text,), answer in GO["query"]:
        request = canonicalise("GET", f"/_ping?{text}")
        if isinstance(request, CanonicalRequest):
            accepted += 1
            found: dict[str, list[str]] = defaultdict(list)
            for name, value in request.query:
                found[name].append(value)
            assert found == {decode(name): [decode(value) for value in values] for name, values in answer.items()}
    assert accepted > len(GO["query"]) // 4


def test_what_is_escaped_in_a_path_is_what_go_decodes() -> None:
    for (text,), answer in GO["unescape"]:
        if answer is not None:
            assert unquote(text) == decode(answer)


def test_the_base_name_of_a_path_is_gos() -> None:
    for (path,), answer in GO["base"]:
        assert base_name(path) == decode(answer)


def test_a_path_that_is_clean_to_us_is_clean_to_go() -> None:
    cleaned = [(clean_path(path), decode(answer)) for (path,), answer in GO["clean"]]
    assert all(ours in {"", gos} for ours, gos in cleaned)
    assert any(ours for ours, _ in cleaned)


def test_versions_are_in_the_order_in_which_dockers_engine_has_them() -> None:
    for (one, other), is_older in GO["older"]:
        ours, others = read_version(f"v{one}"), read_version(f"v{other}")
        assert ours is not None
        assert others is not None
        assert (ours < others) is is_older


def test_the_ports_that_we_read_are_those_that_docker_and_podman_open() -> None:
    accepted = 0
    for (text,), (docker, podman) in GO["ports"]:
        ours = read_ports(text)
        if ours is not None:
            accepted += 1
            assert docker == [ours[0], ours[-1]]
            assert podman in {None, ours[0]}
    assert accepted > len(GO["ports"]) // 10


def test_no_port_of_the_host_is_opened_by_another_spelling() -> None:
    for (text,), (docker, podman) in GO["ports"]:
        body: Json = {"HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": text}]}}}
        if not look("ContainerCreate", content=body, bounds={"publish": Pairs((("ports", ("8000-8010",)),))}).faults:
            assert 8000 <= docker[0] <= docker[1] <= 8010
            assert podman in {None, docker[0]}


def test_what_a_key_says_of_the_container_is_passed_on_and_opens_nothing_else() -> None:
    ports = Pairs((("ports", ("8000-8010",)),))
    for (key,), _ in GO["key"]:
        text = key.encode(errors="surrogateescape").decode(errors="replace")
        for port, passes in (("8000", True), ("80", False), ("", False)):
            body: Json = {"HostConfig": {"PortBindings": {text: [{"HostPort": port}]}}, "ExposedPorts": {text: {}}}
            seen = look("ContainerCreate", content=body, bounds={"publish": ports})
            assert (not seen.faults) is passes
            assert seen.faults or seen.content == body


def test_an_address_that_we_read_is_the_same_to_go() -> None:
    accepted = 0
    for (text,), answer in GO["address"]:
        if read_address(text) is not None:
            accepted += 1
            assert answer == [normalise_address(text)] * 2
    assert accepted > len(GO["address"]) // 10


def test_a_network_that_we_read_is_the_same_to_go() -> None:
    accepted = 0
    for (text,), answer in GO["network"]:
        ours = read_network(text)
        if ours is not None:
            accepted += 1
            assert answer == [str(ours)] * 2
    assert accepted > len(GO["network"]) // 10


def test_a_size_of_a_client_is_what_go_makes_of_it() -> None:
    accepted = 0
    for (text,), answer in GO["size"]:
        ours = read_human_size(text)
        if ours is not None:
            accepted += 1
            assert answer is not None
            assert ours == answer[0]
            assert (ours > 0) is (answer[1] > 0)
    assert accepted > len(GO["size"]) // 10


def test_an_amount_of_a_policy_is_what_go_makes_of_it() -> None:
    amounts = [(ours, answer) for (text,), answer in GO["size"] if (ours := read_size(text)) is not None]
    assert amounts
    assert all(answer is not None and answer[1] == ours for ours, answer in amounts)


def test_a_reference_with_letters_and_digits_of_others_is_read_as_docker_reads_it() -> None:
    accepted = 0
    for (text,), answer in GO["reference"]:
        ours = parse_reference(text)
        assert (ours is None) is (answer is None)
        if ours is not None:
            accepted += 1
            read, meant = answer
            assert str(with_default_tag(ours)) == meant
            assert str(ours) == (meant if "@" in read else read)
    assert accepted > len(GO["reference"]) // 20
