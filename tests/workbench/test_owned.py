"""What clients created is known again, by its id, its name, or what the engine calls it."""

import pytest
from observe.records import ID, record_of

from dockerproxy.observe.record import Record
from dockerproxy.wire.document import Json
from dockerproxy.workbench.needs import Need, find_need
from dockerproxy.workbench.owned import Owned

EXEC = ID[::-1]


def need_of(record: Record) -> Need:
    need = find_need(record)
    assert isinstance(need, Need)
    return need


def create(name: str = "", created: str = ID, **names: str) -> Record:
    line = f"POST /containers/create{name and f'?name={name}'}"
    return record_of(line, body={"Image": "app", **names}, status=201)._replace(created=created)


def note(*records: Record) -> Owned:
    created = Owned()
    for record in records:
        created.note(record, need_of(record))
    return created


def owns(created: Owned, record: Record) -> bool:
    return created.owns(record, need_of(record))


def test_what_was_created_is_known_by_its_id_and_then_by_what_the_engine_calls_it() -> None:
    created = note(create())
    for named in (ID, ID[:12], ID[:20]):
        assert owns(created, record_of(f"POST /containers/{named}/start", "clever_jemison", status=204))
    assert owns(created, record_of("POST /containers/clever_jemison/stop", "clever_jemison", status=204))
    assert not owns(created, record_of(f"POST /containers/{ID[:-1]}x/start", "other", status=204))
    assert not owns(created, record_of(f"POST /containers/{EXEC}/start", "other", status=204))
    assert "clever_jemison" not in created.chosen


def test_what_was_created_is_known_by_the_names_that_clients_gave_it() -> None:
    rename = record_of(f"POST /containers/{ID}/rename?name=happy_path", "web", status=204)
    created = note(create("web"), rename)
    assert {"web", "happy_path"} <= set(created.chosen)
    for name in ("web", "happy_path"):
        assert owns(created, record_of(f"GET /containers/{name}/json", name))


@pytest.mark.parametrize("kind", ["services", "secrets", "configs"])
def test_what_is_created_in_a_swarm_is_known(kind: str) -> None:
    bodies: dict[str, Json] = {
        "services": {"Name": "x", "TaskTemplate": {"ContainerSpec": {"Image": "app"}}},
        "secrets": {"Name": "x", "Data": "eA=="},
        "configs": {"Name": "x", "Data": "eA=="},
    }
    made = note(record_of(f"POST /{kind}/create", body=bodies[kind], status=201)._replace(created=EXEC[:25]))
    assert owns(made, record_of(f"DELETE /{kind}/{EXEC[:25]}", "x"))
    assert owns(made, record_of(f"DELETE /{kind}/x", "x"))
    assert not owns(made, record_of(f"DELETE /{kind}/y", "y"))


def test_names_of_one_kind_say_nothing_of_another() -> None:
    created = note(create("web"))
    assert not owns(created, record_of("DELETE /networks/web", "web", status=204))
    network = record_of("POST /networks/create", body={"Name": "ci"}, status=201)._replace(created=EXEC)
    created = note(network)
    assert owns(created, record_of(f"DELETE /networks/{EXEC}", "ci", status=204))
    assert not owns(created, record_of("GET /containers/ci/json", "ci"))


def test_an_exec_is_known_by_its_own_id() -> None:
    made = record_of("POST /containers/web/exec", "web", body={"Cmd": ["true"]}, status=201)._replace(created=EXEC)
    created = note(made)
    assert owns(created, record_of(f"POST /exec/{EXEC}/start", "web"))
    assert not owns(created, record_of(f"POST /exec/{ID}/start", "web"))
    assert not owns(created, record_of("GET /containers/web/json", "web"))


def test_what_failed_created_nothing() -> None:
    created = note(create("web", created=""))
    assert not owns(created, record_of("GET /containers/web/json", "web"))


def test_what_was_created_first_is_forgotten_first() -> None:
    created = note(*(create(f"name{number}", f"{number:064x}") for number in range(1100)))
    assert not owns(created, record_of("GET /containers/name0/json", "name0"))
    assert owns(created, record_of("GET /containers/name1099/json", "name1099"))
    assert len(created.chosen) <= 1024
