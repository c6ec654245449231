"""What is not certain, gone or broken changes no name of an image, and the client is told why."""

import json

import pytest
from policy.image_store import MINE, Store, build, complete, full, give, identify, named_by, play
from policy.policies import request_of

from dockerproxy.policy.image_marks import key_of, write_mark
from dockerproxy.policy.naming import Steps, explain, remove, tag
from dockerproxy.policy.prunes import Answer

NAMED = "docker.io/library/a:latest"
MARK = write_mark(key_of(NAMED), "mine")
FOUND = (200, Store(base=1).describe(identify(1)))
HAS = (200, json.dumps({"Id": identify(2), "RepoTags": [NAMED, MARK], "Config": {}}).encode())
ABSENT, BROKEN = (404, b""), (500, b'{"message":"out of order"}')
IN_USE = f"conflict: unable to remove {NAMED}: a container, another image, a save or a push uses it"


def end_of(steps: Steps, *answers: Answer) -> tuple[Answer, list[str]]:
    """Have an engine give these answers; return what the client gets, and what the engine was asked."""
    asked = [next(steps)]
    with pytest.raises(StopIteration) as end:  # noqa: PT012 (the steps say which answer is the last)
        for answer in answers:
            asked.append(steps.send(answer))  # noqa: PERF401 (it never comes to its end)
    return end.value.value, [f"{ask.method} {ask.target.partition('?')[0]}" for ask in asked]


@pytest.mark.parametrize(
    ("answers", "status", "last"),
    [
        ([BROKEN], 500, "GET"),
        ([(200, b"{}")], 502, "GET"),
        ([FOUND, BROKEN], 502, "GET"),
        ([FOUND, HAS, BROKEN], 500, "DELETE"),
        ([FOUND, ABSENT, BROKEN], 500, "POST"),
        ([FOUND, ABSENT, (201, b""), BROKEN], 500, "POST"),
        ([FOUND, HAS, (200, b"[]"), BROKEN, BROKEN, BROKEN], 500, "POST"),
    ],
)
def test_an_engine_that_fails_at_a_step_of_giving_a_name_is_asked_for_no_further_one(
    answers: list[Answer], status: int, last: str
) -> None:
    """It does not say what was made or whose the name is, or neither takes it away nor gives it, nor gives it back."""
    answer, asked = end_of(complete(request_of("POST", "/build?t=a"), MINE, "1"), *answers)
    assert answer[0] == status
    assert explain(answer[1])
    assert len(asked) == len(answers)
    assert asked[-1].startswith(last)


def test_why_names_are_not_given_is_said_in_any_case() -> None:
    assert explain(BROKEN[1]) == "out of order"
    assert explain(b"") == explain(b"no json") == "the engine gives no name"


def test_what_is_gone_meanwhile_is_neither_named_nor_removed() -> None:
    store = Store()
    build(store, MINE, 1, "a")
    removal = remove(request_of("DELETE", "/images/a"), MINE, named_by(store, "a"))
    store.names.clear()
    for (status, content), name in ((play(store, removal), NAMED), (give(store, MINE, 1, "b"), identify(1))):
        assert (status, explain(content)) == (404, f"No such image: {name}")


@pytest.mark.parametrize("query", ["", "?repo=", "?repo=a&repo=b", "?repo=a&Repo=b", "?repo=a:1&tag=2", "?repo=A"])
def test_a_name_that_is_not_certain_is_not_given(query: str) -> None:
    store = Store(base=1)
    status, content = play(store, tag(request_of("POST", f"/images/x/tag{query}"), MINE, identify(1)))
    assert (status, explain(content)) == (400, "the new name is missing or ambiguous")
    assert store.names.keys() == {full("base")}


@pytest.mark.parametrize(
    ("answer", "said"), [((409, b"used by container 1f"), (409, IN_USE)), (BROKEN, (500, "out of order"))]
)
def test_why_an_image_stays_is_told_without_those_who_use_it(answer: Answer, said: tuple[int, str]) -> None:
    store = Store()
    build(store, MINE, 2, "a")
    removal = remove(request_of("DELETE", "/images/a"), MINE, named_by(store, "a"))
    (status, content), _ = end_of(removal, HAS, answer)
    assert (status, explain(content)) == said


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"null", b"[" * 100_000])
def test_what_an_engine_says_that_it_removed_is_told_if_it_is_a_list(content: bytes) -> None:
    store = Store()
    build(store, MINE, 2, "a")
    removal = remove(request_of("DELETE", "/images/a"), MINE, named_by(store, "a"))
    answer, asked = end_of(removal, HAS, (200, content), (200, b'[{"Deleted":"1"}]'))
    assert answer == (200, b'[{"Deleted": "1"}]')
    assert len(asked) == 3
