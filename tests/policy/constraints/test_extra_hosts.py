"""A container knows only those names in /etc/hosts that it may."""

from collections.abc import Callable

import pytest
from policy.claims.looking import faults
from policy.inspecting import admits

from dockerproxy.policy.constraints.extra_hosts import CONSTRAINT
from dockerproxy.wire.document import Json

SAMPLES = ("db:10.9.0.2", "db:host-gateway", "web:10.9.0.2", "db:::1")
VALUES: tuple[tuple[str, ...], ...] = ((), ("db:*",), ("db:10.9.0.2", "web:*"), ("*:10.9.0.2",), ("db:0:0::1",))

Made = Callable[..., Json]

PLACES: list[tuple[str, Made]] = [
    ("ContainerCreate", lambda items: {"Image": "web", "HostConfig": {"ExtraHosts": items}}),
]


def problems(operation: str, content: Json, *granted: str, query: str = "") -> list[str]:
    found = faults(operation, query, content, None, extra_hosts=granted)
    return [each for each in found if "osts" in each or "hostadd" in each]


@pytest.mark.parametrize(("operation", "made"), PLACES)
def test_only_granted_names_have_addresses(operation: str, made: Made) -> None:
    assert not problems(operation, made(["db:10.9.0.2", "x:host-gateway"]), "db:10.9.*", "*:host-gateway")
    assert problems(operation, made(["db:10.9.0.2"]), "db:10.8.*")
    assert problems(operation, made(["db:host-gateway"]), "db:10.8.*")
    assert problems(operation, made(["evil:10.9.0.2"]), "db:*")
    assert problems(operation, made(["db:10.9.0.2"]))
    assert not problems(operation, made([]))
    assert not [each for each in faults(operation, "", made(["db:?"])) if "osts" in each or "hostadd" in each]


@pytest.mark.parametrize(("operation", "made"), PLACES)
def test_each_name_in_front_of_an_address_is_judged(operation: str, made: Made) -> None:
    assert problems(operation, made(["db;evil:10.9.0.2"]), "db:*")
    assert not problems(operation, made(["db;cache:10.9.0.2"]), "db:*", "cache:*")


@pytest.mark.parametrize(
    "item", ["", "db", "db:", ":10.9.0.2", "db\n1.2.3.4 x:10.9.0.2", "db=10.9.0.2", "db:10.9.0.02", "db:x", "a b:::1"]
)
def test_what_is_no_name_or_no_address_is_denied(item: str) -> None:
    for operation, made in PLACES:
        assert problems(operation, made([item]), "**:**")


def test_names_and_addresses_have_one_spelling() -> None:
    for operation, made in PLACES:
        assert not problems(operation, made(["DB:fd00:0::1"]), "db:FD00::0:1")
        assert not problems(operation, made(["db:fd00::1"]), "dB:fd00::*")
    assert admits("extra_hosts", ("DB:FD00::0:1",), "db:fd00::1")


@pytest.mark.parametrize("operation", ["ServiceCreate", "ServiceUpdate"])
def test_lines_of_a_service_are_an_address_with_names(operation: str) -> None:
    def made(line: str) -> Json:
        return {"TaskTemplate": {"ContainerSpec": {"Image": "web", "Hosts": [line]}}}

    assert not problems(operation, made("10.9.0.2 db cache"), "db:*", "cache:10.9.0.2")
    for line in (
        "10.9.0.2 db evil",
        "10.9.0.3 cache",
        "10.9.0.2\tevil",
        "10.9.0.2",
        "",
        "db 10.9.0.2",
        "10.9.0.2 db\x1cdb",
        "10.9.0.2 db\u00a0db",
    ):
        assert problems(operation, made(line), "db:*", "cache:10.9.0.2")


def test_steps_of_a_build_know_no_other_names() -> None:
    assert not problems("ImageBuild", None, "db:*", query="?extrahosts=db:10.9.0.2")
    assert not problems("ImageBuild", None, "db:*", query="?extrahosts=")
    assert problems("ImageBuild", None, "db:*", query="?extrahosts=evil:10.9.0.2")


def test_an_item_is_a_name_with_an_address() -> None:
    assert not CONSTRAINT.fault("*:*")
    for item in ("db", "db:", ":x", ""):
        assert CONSTRAINT.fault(item)
    assert CONSTRAINT.least("db:10.9.0.2") == ("db:10.9.0.2",)
    assert CONSTRAINT.least("db") is None
    assert CONSTRAINT.within(("db:10.9.0.2",), ("DB:10.9.*",))
