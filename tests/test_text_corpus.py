"""Text is read as Go reads it, or not at all: what Go made of some hundreds is in `tests/corpus/text`.

`tests/corpus/text/renew.py` asks Go anew.
"""

import base64
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from dockerproxy.api.request import CanonicalRequest, canonicalise
from dockerproxy.api.versions import read_version
from dockerproxy.policy.conditions import clean_path
from dockerproxy.text import base_name, fold, lower, unquote, upper
from dockerproxy.wire.media import read_media_type

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
