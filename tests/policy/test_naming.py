"""A name of an image is given, moved and removed by its owner, and by nobody else."""

import json
from contextlib import suppress
from functools import partial
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.image_store import MINE, OTHER, Store, build, complete, full, give, identify, named_by, play
from policy.policies import request_of
from policy.stamping import send

from dockerproxy.api.request import RESERVED
from dockerproxy.config.policy_file import read_policy
from dockerproxy.policy.descriptions import read_object
from dockerproxy.policy.image_marks import ImageOwner, fresh_key, write_mark
from dockerproxy.policy.judge import attach_nonce, judge
from dockerproxy.policy.naming import Steps, finish, list_made, makes_image, remove, with_all_steps, with_mark
from dockerproxy.policy.objects import Lookup, ResolvedObject, find_object
from dockerproxy.policy.phases import Verdict
from dockerproxy.policy.prunes import Answer


def take(store: Store, owner: ImageOwner, name: str) -> Answer:
    return play(store, remove(request_of("DELETE", f"/images/{name}"), owner, named_by(store, name)))


def marks(store: Store) -> list[str]:
    return [name for name in store.names if name.startswith(RESERVED)]


STEP = st.tuples(st.sampled_from(["build", "tag", "untag", "remove"]), st.integers(1, 2), st.sampled_from("ab"))


@given(st.lists(st.tuples(st.booleans(), STEP), max_size=8))
def test_nothing_that_one_does_changes_a_name_of_another(steps: list[tuple[bool, tuple[str, int, str]]]) -> None:
    store, owned = Store(base=1), dict[str, str]()
    for is_mine, (verb, number, name) in steps:
        owner, before = (MINE if is_mine else OTHER), dict(store.names)
        if verb in {"build", "tag"} and (verb == "build" or identify(number) in store.names.values()):
            status, _ = (build if verb == "build" else give)(store, owner, number, name)
            if status in {200, 201}:
                owned[full(name)] = owner.name
        elif verb in {"untag", "remove"}:
            named = name if verb == "untag" else identify(number)
            if full(named) in store.names or named in store.names.values():
                take(store, owner, named)
        for each, holder in list(owned.items()):
            if holder != owner.name:
                assert store.names[each] == before[each]
            elif each not in store.names:
                del owned[each]
        assert store.names[full("base")] == identify(1)
    for name, holder in owned.items():
        found = read_object(named_lookup(), store.describe(store.names[name]), "")
        assert isinstance(found, ResolvedObject)
        assert name in ImageOwner(holder).names(found)


def named_lookup() -> Lookup:
    lookup = find_object(request_of("GET", "/images/x/json"))
    assert isinstance(lookup, Lookup)
    return lookup


def test_what_is_built_has_its_names_with_a_mark_for_each() -> None:
    store = Store(base=1)
    assert build(store, MINE, 2, "a", "b:1") == (200, identify(2).encode())
    assert {name for name, image in store.names.items() if image == identify(2)} >= {full("a"), full("b:1")}
    assert len(marks(store)) == 2
    assert not any("/new/" in mark for mark in marks(store))


def test_what_a_name_moves_away_from_stays_its_owner_s() -> None:
    """So that its client's prune removes it; if it has a name left, that says whose it is."""
    store = Store(base=3)
    assert give(store, MINE, 3, "a")[0] == 201
    for number in (1, 2):
        build(store, MINE, number, "a")
    assert {store.names[mark] for mark in marks(store)} == {identify(1), identify(2)}
    assert take(store, OTHER, identify(1))[0] == 404
    assert take(store, MINE, identify(1))[0] == 200
    assert set(store.names.values()) == {identify(2), identify(3)}


@pytest.mark.parametrize("number", [1, 2])
def test_a_name_that_cannot_move_stays_where_it_was(number: int) -> None:
    store = Store(b=2)
    build(store, MINE, 1, "a", "c")
    before = dict(store.names)
    store.failing = store.given + number
    assert give(store, MINE, 2, "a")[0] == 500
    assert store.names == before


def test_a_name_of_nobody_s_is_taken_only_where_the_grant_lists_it() -> None:
    """As one that was pulled, or made before the policy was enforced; one of another client's never is."""
    listed = MINE._replace(takes=("docker.io/library/base:*", "docker.io/library/theirs:latest"))
    store = Store(base=1)
    build(store, OTHER, 3, "theirs")
    assert build(store, MINE, 2, "base")[0] == 409
    assert store.names[full("base")] == identify(1)
    assert build(store, listed, 2, "base") == (200, identify(2).encode())
    assert store.names[full("base")] == identify(2)
    assert build(store, listed, 2, "theirs")[0] == 409
    assert store.names[full("theirs")] == identify(3)


def test_what_is_built_again_without_a_name_has_one_mark() -> None:
    store = Store()
    build(store, MINE, 1)
    store.names[write_mark(fresh_key("2"), "mine")] = identify(1)
    assert play(store, complete(request_of("POST", "/build"), MINE, "2")) == (200, identify(1).encode())
    assert len(marks(store)) == 1


def test_a_name_that_is_taken_meanwhile_is_not_replaced() -> None:
    store = Store(base=1)
    request = request_of("POST", "/build?t=a")
    store.names[write_mark(fresh_key("1"), "mine")] = identify(2)
    assert give(store, OTHER, 1, "a")[0] == 201
    status, content = play(store, complete(request, MINE, "1"))
    assert (status, b"is taken by somebody else" in content) == (409, True)
    assert store.names[full("a")] == identify(1)
    assert [name for name, image in store.names.items() if image == identify(2)] == [write_mark(fresh_key("1"), "mine")]


def test_two_builds_of_the_same_at_once_each_give_their_name() -> None:
    store = Store()
    store.names[write_mark(fresh_key("2"), "mine")] = identify(1)
    assert build(store, MINE, 1, "a")[0] == 200
    assert play(store, complete(request_of("POST", "/build?t=b"), MINE, "2")) == (200, identify(1).encode())
    assert store.names.keys() == {full("a"), full("b"), *marks(store)}
    assert not any("/new/" in mark for mark in marks(store))


def test_a_build_that_made_nothing_is_no_failure() -> None:
    assert play(Store(), complete(request_of("POST", "/build?t=a"), MINE, "1")) == (200, b"")


def test_what_the_engine_refuses_changes_nothing() -> None:
    store = Store()
    build(store, MINE, 1, "a")
    store.used.add(identify(1))
    before = dict(store.names)
    assert take(store, MINE, "a")[0] == take(store, MINE, identify(1))[0] == 409
    assert store.names == before


def test_no_answer_tells_of_marks() -> None:
    store = Store()
    build(store, MINE, 1, "a")
    assert take(store, MINE, "a") == (200, json.dumps([{"Untagged": full("a")}]).encode())
    assert store.names == {}


def test_an_id_means_all_own_names_of_an_image() -> None:
    store = Store()
    build(store, MINE, 1, "a", "b")
    assert give(store, OTHER, 1, "c")[0] == 201
    assert take(store, MINE, identify(1))[0] == 200
    assert store.names.keys() == {full("c"), *marks(store)}
    store.used.add(identify(1))
    assert build(store, MINE, 1, "a", "b")[0] == 200
    assert take(store, OTHER, identify(1))[0] == 200
    before = dict(store.names)
    assert take(store, MINE, identify(1))[0] == 409
    assert store.names == before


def test_a_name_that_was_taken_away_leaves_an_image_that_can_be_removed() -> None:
    """An operator removes the name on the engine's own socket."""
    store = Store()
    build(store, MINE, 1, "a")
    del store.names[full("a")]
    assert take(store, OTHER, identify(1))[0] == 404
    assert take(store, MINE, identify(1))[0] == 200
    assert store.names == {}


def test_a_name_that_was_taken_away_is_nobodys_when_another_gets_it() -> None:
    store = Store(base=1)
    give(store, MINE, 1, "a")
    del store.names[full("a")]
    assert give(store, OTHER, 1, "a")[0] == 201
    assert take(store, MINE, "a")[0] == 404
    assert take(store, OTHER, "a")[0] == 200


@pytest.mark.parametrize(
    ("target", "names"),
    [
        ("/build?t=a&t=b:1&t=a:latest&t=", ("a", "b:1")),
        ("/images/create?fromSrc=-&repo=a&tag=1", ("a:1",)),
        ("/images/create?fromSrc=-&repo=ghcr.io/a/b", ("ghcr.io/a/b",)),
        ("/images/create?fromSrc=-&repo=a:2", ("a:2",)),
        ("/images/create?fromSrc=-&tag=1", ()),
        ("/images/create?fromSrc=-&repo=&tag=1", ()),
    ],
)
def test_what_is_made_gets_the_names_that_were_asked_for(target: str, names: tuple[str, ...]) -> None:
    made = list_made(request_of("POST", target), MINE, "1")
    assert made == {write_mark(fresh_key("1"), "mine"): tuple(map(full, names))}


@pytest.mark.parametrize(
    ("target", "is_made"),
    [
        ("/build", True),
        ("/commit?container=x", False),
        ("/images/create?fromSrc=-&repo=a", True),
        ("/images/create?fromImage=a", False),
        ("/images/x/tag?repo=a", False),
        ("/images/load", False),
    ],
)
def test_only_what_makes_an_image_gets_a_fresh_mark(target: str, is_made: bool) -> None:  # noqa: FBT001 (of the table)
    request = request_of("POST", target)
    assert makes_image(request) is is_made
    if is_made:
        marked = with_mark(request, "mine", "1").target
        assert "repo=a" not in marked
        assert marked.count("mine") == 1


@pytest.mark.parametrize("said", ["", "?nocache=0", "?NoCache=false&noCACHE=0&t=a", "?nocache=1"])
def test_a_build_takes_no_step_from_images_of_others(said: str) -> None:
    query = with_all_steps(request_of("POST", f"/build{said}")).query
    assert [pair for pair in query if pair[0].lower() == "nocache"] == [("nocache", "1")]


@pytest.mark.parametrize("said", ["?pull=1", "?t=a&pull=true&PULL=always", "?pull=0"])
def test_a_build_pulls_nothing_in_place_of_what_is_there(said: str) -> None:
    assert "pull" not in with_mark(request_of("POST", f"/build{said}"), "mine", "1").target.lower()


@pytest.mark.parametrize("said", ["", "?rm=0&forcerm=0", "?RM=false&ForceRm=false&rm=1"])
def test_a_build_leaves_no_containers(said: str) -> None:
    query = with_all_steps(request_of("POST", f"/build{said}")).query
    assert [pair for pair in query if "rm" in pair[0].lower()] == [("rm", "1"), ("forcerm", "1")]


def test_what_else_is_put_in_place_of_parameters_goes_on_with_the_mark() -> None:
    allow = "[own, {ImageBuild: {tags: [a]}}]"
    policy = read_policy(f"sockets: {{mine: {{path: /a.sock, allow: {allow}}}}}", "policy.yaml").sockets[0].policy
    head = b"POST /v1.41/build?t=a&cachefrom=x&buildid=x HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"
    verdict = judge(policy, head)
    assert isinstance(verdict, Verdict)
    query = parse_qs(attach_nonce(verdict, "1").to_engine.split(b" ")[1].decode().partition("?")[2])
    steps = {"nocache": ["1"], "rm": ["1"], "forcerm": ["1"]}
    assert query == {"buildid": ["x"], "t": [write_mark(fresh_key("1"), "mine")], **steps}


def test_whoever_may_remove_others_removes_its_own_with_their_marks() -> None:
    store, anybody = Store(base=1), ImageOwner("mine", is_bound=False)
    build(store, MINE, 2, "a")
    assert take(store, anybody, "a")[0] == take(store, anybody, "base")[0] == 200
    assert store.names == {}


def test_what_is_own_is_not_removed_by_force() -> None:
    """An engine would remove what a container of another client uses, and that container would be nobody's."""
    for owner, sent in ((MINE, {}), (MINE._replace(is_bound=False), {"force": ["1"]})):
        store = Store()
        build(store, MINE, 1, "a")
        steps = remove(request_of("DELETE", "/images/a?force=1"), owner, named_by(store, "a"))
        asked = [ask := next(steps)]
        with suppress(StopIteration):
            while True:
                asked.append(ask := steps.send(store.answer(ask)))
        assert parse_qs(asked[-1].target.partition("?")[2]) == sent


def watch(store: Store, steps: Steps, name: str) -> Answer:
    """Play steps, and look after each whether another client, that sees all of nobody's, sees a name."""
    anybody, ask = OTHER._replace(granted=("**",)), next(steps)
    try:
        while True:
            answer = store.answer(ask)
            if full(name) in store.names:
                found = read_object(named_lookup(), store.describe(store.names[full(name)]), "")
                assert isinstance(found, ResolvedObject)
                assert full(name) not in anybody.shown(found), ask
            ask = steps.send(answer)
    except StopIteration as end:
        said: Answer = end.value
        return said


@pytest.mark.parametrize("used", [False, True])
def test_at_no_moment_is_a_name_without_its_mark(used: bool) -> None:  # noqa: FBT001 (of the table)
    """It moves to another image, and goes; or stays, where the engine refuses that."""
    store = Store()
    build(store, MINE, 1, "a")
    store.names[write_mark(fresh_key("2"), "mine")] = identify(2)
    made = list_made(request_of("POST", "/build?t=a"), MINE, "2")
    given = [watch(store, finish(MINE, mark, names), "a") for mark, names in made.items()]
    assert given == [(200, identify(2).encode())]
    store.used |= {identify(2)} if used else set()
    for name in ("a", identify(2)):
        removal = remove(request_of("DELETE", f"/images/{name}"), MINE, named_by(store, name))
        status, _ = watch(store, removal, "a")
        assert status == (409 if used else 200)
        if not used:
            break
    assert (full("a") in store.names) is used


@pytest.mark.parametrize(("image", "runs"), [("a", ("a",)), (full("b"), ("b",)), (identify(2), ())])
def test_a_create_has_the_own_name_by_which_it_goes_on_for_itself(image: str, runs: tuple[str, ...]) -> None:
    store, allow = Store(), "[own, {ContainerCreate: {images: [base]}}]"
    policy = read_policy(f"sockets: {{mine: {{path: /a.sock, allow: {allow}}}}}", "policy.yaml").sockets[0].policy
    build(store, MINE, 2, "a", "b")
    find = partial(read_object, content=store.describe(identify(2)), version="")
    verdict = send("POST /v1.41/containers/create", {"Image": image}, find, policy=policy)
    assert verdict.decision.runs == tuple(map(full, runs))
    content = json.loads(verdict.to_engine.partition(b"\r\n\r\n")[2])
    assert content["Image"] in {identify(2), *verdict.decision.runs}
