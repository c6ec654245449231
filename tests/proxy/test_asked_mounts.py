"""No answer allows a path of the host that a container of the policy, or of an earlier answer, could replace."""

import json

from proxy.bodies import create, is_untouched, whole
from proxy.harness import OK, in_loop
from proxy.operators import asking, office
from proxy.test_asking import denial

from dockerproxy.policy.asking import MOST_MOUNTS
from dockerproxy.policy.nesting import make_mount
from dockerproxy.policy.places import NOWHERE


def mounting(*binds: str, **more: object) -> bytes:
    return create(json.dumps({"Image": "busybox", "HostConfig": {"Binds": binds, **more}}).encode())


NESTED = '; no answer can allow it: "/srv/x" lies below "/srv", where containers may write'


@in_loop
async def test_no_answer_nests_mounts() -> None:
    """The container of an answer stays, also after a reload."""
    async with office(asking()) as at:
        operator = await at.sit()
        client, other = await at.here.connect(), await at.here.connect()
        await client.send(mounting("/srv:/s"))
        await operator.answer_next("once")
        engine = await at.here.engine_side()
        await whole(engine)
        await engine.send(OK)
        assert (await client.answer())[0] == 200
        for inner in (mounting("/srv/x:/x:ro"), mounting("/srv/x:/x", Privileged=True)):
            await other.send(inner)
            assert NESTED in await denial(await other.answer())
        await at.here.server.reload(at.here.server._settings)
        await other.send(mounting("/srv/x:/x:ro"))
        assert NESTED in await denial(await other.answer())
        await other.send(mounting("/srv2/x:/x:ro"))
        assert (await operator.answer_next("deny"))["conditions"]["binds"] == ["/srv2/x:ro"]
        await denial(await other.answer())


@in_loop
async def test_nobody_is_asked_about_a_mount_that_nests_with_the_policy_or_with_itself() -> None:
    policy = asking(
        {"ContainerCreate": {"binds": ["/area"]}},
        {"ServiceCreate": {"binds": ["/etc/a/b:ro"]}},
        paths={"/area": "/srv", "/x": "/srv/x"},
        own_socket="/run/ci/docker.sock",
    )
    async with office(policy) as at:
        await at.sit()
        client = await at.here.connect()
        for binds, inner, outer in (
            (("/area/x:/x:ro",), "/area/x", "/area"),
            (("/x:/x:ro",), "/x", "/area"),
            (("/srv/x:/x:ro",), "/srv/x", "/area"),
            (("/etc/a:/e",), "/etc/a/b", "/etc/a"),
            (("/run/ci:/r",), "/run/ci/docker.sock", "/run/ci"),
            (("/a:/a", "/a/b:/b:ro"), "/a/b", "/a"),
        ):
            await client.send(mounting(*binds))
            told = (await denial(await client.answer())).partition("; no answer can allow it: ")[2]
            assert told.startswith(f'"{inner}"'), told
            assert f'below "{outer}"' in told


@in_loop
async def test_an_answer_allows_what_lies_below_a_granted_directory_only_as_a_part_of_a_volume() -> None:
    """Nobody is asked where the engine would follow links there: by an unrestricted grant."""
    async with office(asking({"ContainerCreate": {"binds": ["/srv/**"], "images": ["app"]}})) as at:
        operator = await at.sit()
        client = await at.here.connect()
        for more in ({"Privileged": True}, {"Sysctls": {"a": "b"}}):
            await client.send(mounting("/srv/x:/x:ro", **more))
            assert '; no answer can allow it: "/srv/x" lies below "/srv/**"' in await denial(await client.answer())
        await client.send(mounting("/srv/x:/x:z"))
        assert "no answer can allow it" in await denial(await client.answer())
        await client.send(mounting("/srv/x:/x:ro"))
        assert (await operator.answer_next("deny"))["conditions"]["binds"] == ["/srv/x:ro"]
        await denial(await client.answer())


@in_loop
async def test_of_two_questions_that_nest_the_second_answer_is_refused() -> None:
    async with office(asking()) as at:
        operator = await at.sit()
        one, two = await at.here.connect(), await at.here.connect()
        await one.send(mounting("/srv/x:/x:ro"))
        first = await operator.next("asked")
        await two.send(mounting("/srv:/s"))
        second = await operator.next("asked")
        operator.answer(first["id"], "once")
        engine = await at.here.engine_side()
        await whole(engine)
        await engine.send(OK)
        assert (await one.answer())[0] == 200
        operator.answer(second["id"], "once")
        assert NESTED in await denial(await two.answer())
        [_, record] = await at.here.records(2)
        assert record["source"].startswith("asked: once")


@in_loop
async def test_a_mount_that_nests_with_a_policy_that_came_meanwhile_is_refused() -> None:
    async with office(asking()) as at:
        operator = await at.sit()
        client = await at.here.connect()
        await client.send(mounting("/srv/x:/x:ro"))
        asked = await operator.next("asked")
        settings = at.here.server._settings
        wider = settings.sockets[0]._replace(policy=asking({"ContainerCreate": {"binds": ["/srv"]}}))
        await at.here.server.reload(settings._replace(sockets=(wider,)))
        operator.answer(asked["id"], "once")
        assert NESTED in await denial(await client.answer())
        assert is_untouched(at.here)


@in_loop
async def test_answers_allow_a_bounded_number_of_mounts() -> None:
    async with office(asking()) as at:
        await at.sit()
        client = await at.here.connect()
        [socket] = at.here.server._list_sockets()
        socket.approved_mounts = tuple(make_mount(NOWHERE, f"/srv/{each}", writes=False) for each in range(MOST_MOUNTS))
        await client.send(mounting("/data:/d"))
        assert f"; no answer can allow it: {MOST_MOUNTS} paths" in await denial(await client.answer())
