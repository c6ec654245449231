"""Who may not be trusted learns no wider policy by requests that fail."""

import itertools
import string

import pytest
from observe.records import allows, learn, load, record_of

from dockerproxy.observe.record import Record
from dockerproxy.policy.values import Pairs
from dockerproxy.wire.document import Json


@pytest.mark.parametrize(
    "doubtful", [[f"prod-{number}-{'x' * 285}" for number in range(10)], [*"abcdefghijklmnopqrst"]]
)
@pytest.mark.parametrize("known", [1, 95])
def test_names_of_nothing_never_make_a_list_too_long_to_be_written(doubtful: list[str], known: int) -> None:
    own = ["".join(pair) for pair in itertools.product("uvwxyz", string.ascii_lowercase)][:known]
    seen = [record_of(f"POST /containers/{name}/stop", name, status=204) for name in own]
    seen += [record_of(f"POST /containers/{name}/stop", status=404) for name in doubtful]
    policy = load(learn(*seen))
    assert all(allows(policy, "POST /containers/x/stop", name) for name in own)
    assert not allows(policy, "POST /containers/x/stop", "another")
    assert ("are not listed" in learn(*seen)) is (len("".join(doubtful)) > 2300 or known > 80)


def test_ports_that_were_refused_never_leave_all_of_them_open() -> None:
    def create(port: int, status: int) -> Record:
        host: Json = {"PortBindings": {"80/tcp": [{"HostPort": str(port), "HostIp": "::1"}]}}
        return record_of("POST /containers/create?name=a", body={"Image": "app", "HostConfig": host}, status=status)

    seen = [create(port, 201) for port in range(1000, 1190, 2)] + [create(port, 500) for port in range(2000, 2040, 2)]
    (grant,) = load(learn(*seen)).policy.grants
    (published,) = (condition.value for condition in grant.conditions if condition.word == "publish")
    assert isinstance(published, Pairs)
    assert len(dict(published.items)["ports"]) == 100
