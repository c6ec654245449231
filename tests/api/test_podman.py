"""What differs in front of Podman is as Podman has it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policy.policies import ID, request_of

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.api.podman import begins_as, is_libpod, plain_id, say_absent, takes_none


def test_podmans_own_operations_are_those_of_its_table() -> None:
    assert {name for name, operation in OPERATIONS.items() if is_libpod(operation)} == {
        name for name, operation in OPERATIONS.items() if operation.path.startswith("/libpod/")
    }


def test_what_does_not_exist_is_said_as_the_clients_of_an_engine_look_for_it() -> None:
    assert say_absent(OPERATIONS["ContainerInspect"], "container", "x") == "No such container: x"
    assert say_absent(OPERATIONS["ContainerInspectLibpod"], "container", "x") == "no such container: x"


@pytest.mark.parametrize(("query", "none"), [("", False), ("?ignore=false", False), ("?ignore=true&force=1", True)])
def test_who_ignores_that_there_is_no_such_container_takes_none(query: str, none: bool) -> None:  # noqa: FBT001
    for target, is_own in (("/v5.0.0/libpod/containers/x", True), ("/containers/x", False)):
        assert takes_none(request_of("DELETE", target + query)) == (none and is_own)


@given(st.text("aAbB_-", max_size=4), st.text("aAbB_-", max_size=5))
def test_a_volume_begins_as_is_given_where_sqlite_says_so(given_: str, name: str) -> None:
    pattern = "".join("." if sign == "_" else re.escape(sign) for sign in given_)
    assert begins_as(name, given_) is bool(re.match(pattern, name, re.IGNORECASE | re.ASCII | re.DOTALL))


@pytest.mark.parametrize(("identity", "plain"), [(f"sha256:{ID}", ID), (ID, ID), ("", "")])
def test_an_id_is_the_same_without_its_algorithm(identity: str, plain: str) -> None:
    assert plain_id(identity) == plain
