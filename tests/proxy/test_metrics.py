"""What is measured is what the records say, and what is open now."""

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
from proxy.harness import OK, World, get, in_loop, world

from dockerproxy.api.catalog import Shape
from dockerproxy.observe.exposition import write_metrics
from dockerproxy.proxy.metrics import collect

Samples = dict[tuple[str, ...], float]


def measure(here: World) -> Samples:
    """Return all samples that are not zero, by name and the values of their labels besides the socket."""
    found: Samples = {}
    text = write_metrics(collect(here.server._list_measured()), openmetrics=True)
    for family in parse(text):  # type: ignore[no-untyped-call] # a library without types
        for sample in family.samples:
            assert sample.labels.pop("socket") == "docker"
            if sample.value:
                found[(sample.name.removeprefix("dockerproxy_"), *sample.labels.values())] = sample.value
    return found


@in_loop
async def test_each_record_is_counted_once_whichever_way_it_went() -> None:
    async with world(DENY="ContainerList") as here:
        client, engine = await here.exchange(get("/_ping"))
        assert await client.answer() == (200, b"OK")
        for _ in range(3):
            await client.send(get("/_ping"))
            await engine.head()
            await engine.send(OK)
            assert (await client.answer())[0] == 200
        await client.send(get("/containers/json"))
        assert (await client.answer())[0] == 403
        await client.send(b"nonsense\r\n\r\n")
        await client.rest()
        records = await here.records(6)
        found = measure(here)
    assert found["requests_total", "SystemPing", "allowed"] == 4
    assert found["requests_total", "ContainerList", "denied"] == 1
    assert found["requests_total", "unknown", "refused"] == 1
    sent = sum(value for (name, *_), value in found.items() if name == "sent_bytes_total")
    assert sent == sum(record["sent"] for record in records)
    assert found["turned_away_total", "policy"] == found["turned_away_total", "malformed"] == 1
    assert found["request_duration_seconds_count", "reply"] == 4  # Only what the engine answered.


@in_loop
async def test_what_is_open_is_measured_while_it_is() -> None:
    async with world() as here:
        client = await here.begin_stream()
        during = measure(here)
        await client.close()
        await here.records(2)
        after = measure(here)
    assert during[("connections",)] == during["requests_in_progress", Shape.STREAM] == 1
    assert ("requests_in_progress", Shape.STREAM) not in after
    assert ("requests_total", "SystemEvents", "allowed") not in during
    assert after["requests_total", "SystemEvents", "allowed"] == 1
