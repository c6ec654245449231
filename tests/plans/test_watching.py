"""Events of which a client gets its own."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plans.test_showing import IMAGE, POLICY, QUERY, CountingWorker
from policy.policies import ID
from proxy.following import MINE, chunk, event, follow, mount, tell
from proxy.harness import get, in_loop, world
from proxy.lookups import OTHER_ID, answer, serve, the_client
from rows import for_each

from dockerproxy.owner_labels import NEW, NONCE, OWNER, find_owner
from dockerproxy.plans.watching import Event, read_event, rules_out
from dockerproxy.policy.lists import admits
from dockerproxy.policy.objects import LABELLED, OWN, Kind, ResolvedObject
from dockerproxy.policy.values import Pairs
from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.policy.words.constraint import Condition
from dockerproxy.policy.words.own import own_by
from dockerproxy.proxy.sockets import LOOKUPS


def write_event(
    kind: object = "container", identity: object = "1f", action: object = "start", attributes: object = None
) -> bytes:
    return json.dumps({"Type": kind, "Action": action, "Actor": {"ID": identity, "Attributes": attributes}}).encode()


@pytest.mark.parametrize(
    ("kind", "found"), [("container", Kind.CONTAINER), ("network", Kind.NETWORK), ("volume", Kind.VOLUME)]
)
def test_it_is_about_its_actor(kind: str, found: Kind) -> None:
    assert read_event(write_event(kind)) == Event(found, "1f", is_last=False)


@pytest.mark.parametrize(("kind", "found"), [("volume", Event(Kind.VOLUME, "data", is_last=False)), ("network", None)])
def test_of_a_volume_podman_says_the_name_alone(kind: str, found: Event | None) -> None:
    assert read_event(write_event(kind, "", attributes={"image": "", "name": "data", "podId": ""})) == found
    assert read_event(write_event(kind, "", attributes={"name": ""})) is None


@pytest.mark.parametrize("action", ["destroy", "remove"])
def test_the_end_of_an_object_is_known(action: str) -> None:
    assert read_event(write_event(action=action)) == Event(Kind.CONTAINER, "1f", is_last=True)


LABELS = {"com.example.team": "blue"}


@for_each(
    ("line", "labels"),
    [
        (write_event(attributes=LABELS), LABELS),
        (write_event(attributes={}), {}),
        (write_event(attributes=[]), None),
        (write_event(action=["start"], attributes=LABELS), LABELS),
        (write_event("network", attributes=LABELS), None),
        *((write_event(action=action, attributes=LABELS), None) for action in ("die", "died", "exec_die", "exec_died")),
    ],
)
def test_only_an_event_of_a_container_has_labels_and_not_every_one(line: bytes, labels: object) -> None:
    found = read_event(line)
    assert isinstance(found, Event)
    assert found.labels == labels


def own() -> Condition:
    return Condition(own_by("me"), value=True)


def labelled(*items: tuple[str, str | tuple[str, ...]]) -> Condition:
    return Condition(CONSTRAINTS[LABELLED], Pairs(items))


NAMES = "image", "name", "podId", "team", "com.example.team", OWNER, NONCE
TEXTS = "", "me", "you", NEW, "n1", "blue"
SOME_LABELS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(TEXTS))
GRANTS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            OWN: st.builds(own),
            LABELLED: st.builds(
                labelled,
                st.tuples(st.sampled_from(NAMES), st.sampled_from(TEXTS)),
                st.tuples(st.sampled_from(NAMES), st.tuples(st.sampled_from(TEXTS), st.sampled_from(TEXTS))),
            ),
        },
    )
)
BESIDE = st.dictionaries(st.sampled_from(("exitCode", "signal", "execID", "image")), st.sampled_from(TEXTS))
OVER = st.dictionaries(st.sampled_from(("image", "name", "podId", "network", "error")), st.sampled_from(TEXTS))
ACTIONS = st.sampled_from(("create", "start", "die", "exec_died"))


@given(SOME_LABELS, SOME_LABELS, GRANTS, st.tuples(BESIDE, OVER), ACTIONS)
def test_labels_rule_out_nothing_that_a_lookup_would_admit(
    labels: dict[str, str],
    inherited: dict[str, str],
    shows: list[dict[str, Condition]],
    attributes: tuple[dict[str, str], dict[str, str]],
    action: str,
) -> None:
    beside, over = attributes
    told = {**beside, **labels, **over} if "die" not in action else {**beside, **over}
    found = read_event(write_event(action=action, attributes=told))
    assert isinstance(found, Event)
    resolved = ResolvedObject("1f", ("web",), belongs_to=find_owner(labels, inherited), labels=labels)
    is_shown = any(admits(conditions, resolved) for conditions in shows)
    assert is_shown is (not rules_out(shows, found) and is_shown)


STAMPED = {OWNER: "me", NONCE: "n1"}
BLUE, RED = labelled(("com.example.team", "blue")), labelled(("com.example.team", ("red", "green")))


@for_each(
    ("labels", "conditions", "is_out"),
    [
        ({}, {OWN: own()}, True),
        ({OWNER: "you", NONCE: "n1"}, {OWN: own()}, True),
        ({OWNER: "me"}, {OWN: own()}, True),
        ({OWNER: NEW, NONCE: "n1"}, {OWN: own()}, True),
        (STAMPED, {OWN: own()}, False),
        (LABELS, {LABELLED: BLUE}, False),
        (LABELS, {LABELLED: RED}, True),
        (STAMPED | LABELS, {OWN: own(), LABELLED: RED}, True),
        ({}, {LABELLED: labelled(("team", "blue"))}, False),
    ],
)
def test_what_labels_rule_out_need_not_be_asked(
    labels: dict[str, str], conditions: dict[str, Condition], *, is_out: bool
) -> None:
    found = Event(Kind.CONTAINER, "1f", is_last=False, labels=labels)
    assert rules_out([conditions], found) is rules_out([conditions] * 2, found) is is_out


@for_each(
    "line",
    [
        *(b"", b"{", b"[]", b"null", b'"x"', b"[" * 100_000, b"{}", b'{"Type":"container"}', b'{"Actor":[]}'),
        *(
            write_event("image", None),
            write_event("image", ""),
            write_event("daemon"),
            write_event(None),
            write_event(["container"]),
            write_event(identity=""),
            write_event(identity=3),
        ),
    ],
)
def test_what_is_about_nothing_that_can_be_judged_is_hidden(line: bytes) -> None:
    assert read_event(line) is None


@given(st.binary(max_size=30))
def test_nothing_that_comes_breaks_it(line: bytes) -> None:
    assert read_event(line) is None or isinstance(read_event(line), Event)


@in_loop
async def test_events_of_its_own_objects_come_and_each_object_is_looked_up_once() -> None:
    async with world(policy=POLICY) as here:
        client, engine = await follow(here)
        await engine.send(chunk(event("network", "n1", "create") + event("network", "n2") + event("image", "x")))
        await tell(here, "/networks/n1", {"Id": "n1", "Name": "n", "Labels": MINE})
        await tell(here, "/networks/n2", {"Id": "n2", "Name": "o", "Labels": {}})
        assert await client.exactly(len(chunk(event("network", "n1", "create")))) == chunk(
            event("network", "n1", "create")
        )
        await engine.send(chunk(event("network", "n2", "connect")) + chunk(event("network", "n1", "destroy")))
        shown = chunk(event("network", "n1", "destroy"))
        assert await client.exactly(len(shown)) == shown
        await engine.send(b"0\r\n\r\n")
        assert await client.exactly(5) == b"0\r\n\r\n"
        [record] = await here.records(1)
        assert (record["operation"], record["decision"], record["status"]) == ("SystemEvents", "allowed", 200)
        await client.send(get("/v1.45/networks"))
        (await serve(here, f"GET /v1.45/networks{QUERY}", answer([]))).end()
        assert await client.answer() == (200, b"[]")


@in_loop
async def test_a_sequence_of_events_is_shown_like_lines() -> None:
    """As Docker 29 sends it to its own client, each with a separator in front."""
    hidden, shown = b"\x1e" + event("network", "n2"), b"\x1e" + event("network", "n1")
    async with world(policy=POLICY) as here:
        client, engine = await follow(here)
        await engine.send(chunk(hidden + shown) + b"0\r\n\r\n")
        await tell(here, "/networks/n2", {"Id": "n2", "Name": "o", "Labels": {}})
        await tell(here, "/networks/n1", {"Id": "n1", "Name": "n", "Labels": MINE})
        assert await client.exactly(len(chunk(shown)) + 5) == chunk(shown) + b"0\r\n\r\n"


@in_loop
async def test_an_object_that_was_made_anew_is_looked_up_anew() -> None:
    async with world(policy=POLICY) as here:
        client, engine = await follow(here)
        for labels in (MINE, {}):
            await engine.send(chunk(event("volume", "data", "create") + event("volume", "data", "destroy")))
            await tell(here, "/volumes/data", {"Name": "data", "Labels": labels})
        await engine.send(b"0\r\n\r\n")
        shown = chunk(event("volume", "data", "create") + event("volume", "data", "destroy"))
        assert await client.exactly(len(shown) + 5) == shown + b"0\r\n\r\n"


@in_loop
async def test_no_event_of_anothers_volume_comes_by_its_name() -> None:
    """The event by which the own one ended is left out; and what comes first is from before the own one was there."""
    made = {"Name": "data", "CreatedAt": "2026-01-02T03:04:05.6Z"}
    before, then = map(mount, (1767323044, 1767323045))
    async with world(policy=POLICY) as here:
        client, engine = await follow(here)
        for line, labels in ((before, MINE), (then, MINE), (then, {}), (then, MINE)):
            await engine.send(chunk(line))
            await tell(here, "/volumes/data", {**made, "Labels": labels})
        await engine.send(b"0\r\n\r\n")
        assert await client.exactly(2 * len(chunk(then)) + 5) == 2 * chunk(then) + b"0\r\n\r\n"


@in_loop
async def test_what_cannot_be_looked_up_is_hidden() -> None:
    async with world(policy=POLICY) as here:
        client, engine = await follow(here)
        await engine.send(chunk(event("container", ID, **MINE) + event("container", OTHER_ID, **MINE)) + b"0\r\n\r\n")
        await tell(here, f"/containers/{ID}/json", {"message": "no"}, "404 Not Found")
        await tell(here, f"/containers/{OTHER_ID}/json", {"message": "no"}, "418 Teapot")
        assert await client.exactly(5) == b"0\r\n\r\n"


@in_loop
async def test_a_lookup_that_is_not_answered_ends_with_its_time() -> None:
    async with world(policy=POLICY) as here:
        client, engine = await follow(here)
        socket = the_client(here).socket
        socket.patience = 0.2
        await engine.send(chunk(event("container", ID, **MINE)) + b"0\r\n\r\n")
        silent = await here.engine_side()
        assert await client.exactly(5) == b"0\r\n\r\n"
        assert (await silent.rest()).startswith(f"GET /v1.45/containers/{ID}/json".encode())
        assert socket.lookups._value == LOOKUPS


@in_loop
async def test_containers_that_their_events_rule_out_are_not_asked_about() -> None:
    async with world(policy=POLICY) as here:
        client, engine = await follow(here)
        others = event("container", OTHER_ID, **MINE | {OWNER: "other"}) + event("container", OTHER_ID, "die")
        mine = event("container", ID, **MINE)
        await engine.send(chunk(others + event("container", "8" * 64, name="web") + mine) + b"0\r\n\r\n")
        config = {"Labels": MINE}
        await tell(here, f"/containers/{ID}/json", {"Id": ID, "Name": "/a", "Image": IMAGE, "Config": config})
        (await serve(here, f"GET /images/{IMAGE}/json", answer({"Config": {"Labels": {}}}))).end()
        assert await client.exactly(len(chunk(mine)) + 5) == chunk(mine) + b"0\r\n\r\n"


@in_loop
async def test_a_container_whose_first_event_has_no_labels_is_asked_about() -> None:
    async with world(policy=POLICY) as here:
        client, engine = await follow(here)
        mine = event("container", ID, "die") + event("container", ID, "destroy", **MINE)
        await engine.send(chunk(mine) + b"0\r\n\r\n")
        config = {"Labels": MINE}
        await tell(here, f"/containers/{ID}/json", {"Id": ID, "Name": "/a", "Image": IMAGE, "Config": config})
        (await serve(here, f"GET /images/{IMAGE}/json", answer({"Config": {"Labels": {}}}))).end()
        assert await client.exactly(len(chunk(mine)) + 5) == chunk(mine) + b"0\r\n\r\n"


@pytest.mark.parametrize("is_own", [True, False])
@in_loop
async def test_no_event_of_that_second_tells_a_container_of_others(*, is_own: bool) -> None:
    """A volume is made in the second in which another one of its name was mounted, or later."""
    volume = {"Name": "data", "Labels": MINE, "CreatedAt": "1970-01-01T00:00:20Z"}
    async with world(policy=POLICY) as here:
        client, engine = await follow(here)
        shown = b""
        for time in (20, 21):
            fields = json.loads(event("volume", "data", "mount", container=OTHER_ID))
            line = json.dumps({**fields, "time": time}).encode() + b"\n"
            await engine.send(chunk(line))
            await tell(here, "/volumes/data", volume)
            if time == 20:
                labels = MINE if is_own else {}
                container = {"Id": OTHER_ID, "Name": "/c", "Image": ID, "Config": {"Labels": labels}}
                await tell(here, f"/containers/{OTHER_ID}/json", container)
                if is_own:
                    (await serve(here, f"GET /images/{ID}/json", answer({"Config": {"Labels": None}}))).end()
            shown += chunk(line) if is_own or time == 21 else b""
        assert await client.exactly(len(shown)) == shown


@in_loop
async def test_events_of_images_are_hidden_and_their_images_not_looked_up() -> None:
    async with world(policy=POLICY) as here:
        client, engine = await follow(here)
        shown = event("network", "n1")
        images = event("image", IMAGE, "tag", name="busybox") + event("image", "busybox", "pull", **MINE)
        await engine.send(chunk(images + shown))
        await tell(here, "/networks/n1", {"Id": "n1", "Name": "n", "Labels": MINE})
        assert await client.exactly(len(chunk(shown))) == chunk(shown)


@in_loop
async def test_a_long_event_is_read_beside_the_loop() -> None:
    async with world(policy=POLICY) as here:
        client, engine = await follow(here)
        the_client(here).shared.worker = worker = CountingWorker(time.monotonic)
        await engine.send(chunk(event("network", "n1", "create")))
        await tell(here, "/networks/n1", {"Id": "n1", "Name": "n", "Labels": MINE})
        await client.exactly(len(chunk(event("network", "n1", "create"))))
        counts = [worker.jobs]
        long = write_event("network", "n1", "connect", {"name": "x" * 20_000}) + b"\n"
        await engine.send(chunk(long))
        assert await client.exactly(len(chunk(long))) == chunk(long)
        assert [*counts, worker.jobs] == [0, 1]
