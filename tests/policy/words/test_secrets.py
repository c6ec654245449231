"""A service reads the secrets and configs that are granted, and those are what their data says."""

from collections.abc import Mapping

import pytest
from policy.policies import request_of
from policy.words.swarms import PLAIN, WORD, Document, faults, judge, service
from rows import for_each

from dockerproxy.policy.objects import Kind, ask
from dockerproxy.policy.values import Pairs, Value
from dockerproxy.wire.document import Json

# Read by a service


def reading(name: Json, identity: Json) -> Document:
    """Return a service that reads a secret."""
    return service(Secrets=[{"SecretName": name, "SecretID": identity, "File": {"Name": "x", "Mode": 292}}])


@pytest.mark.parametrize("identity", [WORD, WORD[:4], "pile_word"])
def test_a_granted_secret_goes_on_under_its_whole_id(identity: str) -> None:
    inspected = judge("/services/create", reading("pile_word", identity), secrets=("pile_*",))
    assert inspected.faults == ()
    assert inspected.content == reading("pile_word", WORD)


def test_a_config_is_no_secret() -> None:
    body = service(Configs=[{"ConfigName": "pile_plain", "ConfigID": PLAIN}])
    assert faults(body, configs=("pile_plain",)) == []
    [fault] = judge("/services/create", body, secrets=("**",)).faults
    assert (fault.word, fault.value) == ("configs", ("pile_plain",))


@for_each(
    ("name", "identity"),
    [
        ("root_key", "rootkey1"),
        ("pile_word", "rootkey1"),
        ("pile_word", "gone"),
        ("pile_gone", "pile_gone"),
        ("pile_word", "../info"),
        ("pile_word", ""),
        ("pile_word", None),
        (None, WORD),
        ("", WORD),
    ],
)
def test_a_secret_that_is_not_the_granted_one_is_refused(name: Json, identity: Json) -> None:
    assert len(faults(reading(name, identity), secrets=("pile_*",))) == 1


def test_a_lookup_about_a_secret_is_its_inspection() -> None:
    request = request_of("POST", "/v1.45/services/create")
    for kind in (Kind.SECRET, Kind.CONFIG):
        lookup = ask(kind, WORD, request.version, request.operation)
        asked = request_of("GET", lookup.target)
        assert asked.operation.name == f"{kind.capitalize()}Inspect"


# Kept


@pytest.mark.parametrize("target", ["secrets/create", "secrets/x/update?version=1"])
@pytest.mark.parametrize("field", ["Driver", "Templating"])
def test_a_secret_is_what_its_data_says(target: str, field: str) -> None:
    plain: Document = {"Name": "word", "Data": "eA==", "Driver": None, "Templating": None}
    assert faults(plain, f"/{target}") == []
    assert field in faults(plain | {field: {"Name": "golang"}}, f"/{target}")[0]
    assert field in faults(plain | {field: {"Options": {"path": "/etc"}}}, f"/{target}")[0]


@pytest.mark.parametrize("target", ["configs/create", "configs/x/update?version=1"])
def test_a_config_is_what_its_data_says(target: str) -> None:
    assert faults({"Name": "plain", "Data": "eA=="}, f"/{target}") == []
    assert "Templating" in faults({"Name": "plain", "Templating": {"Name": "golang"}}, f"/{target}")[0]
    assert "Data" in faults({"Name": "plain", "Data": [101]}, f"/{target}")[0]
    assert "Driver" in faults({"Name": "plain", "Driver": {"Name": "x"}}, f"/{target}")[0]


@pytest.mark.parametrize("kind", ["secrets", "configs"])
@pytest.mark.parametrize("what", ["create", "x/update?version=1"])
def test_names_and_labels_bound_what_is_kept(kind: str, what: str) -> None:
    target = f"/{kind}/{what}"
    bounds: Mapping[str, Value] = {"names": ("ci_*",), "labels": Pairs((("owner", "ci"),))}
    inspected = judge(target, {"Name": "ci_word", "Data": "eA=="}, **bounds)
    assert inspected.faults == ()
    assert inspected.content == {"Name": "ci_word", "Data": "eA==", "Labels": {"owner": "ci"}}
    assert [fault.word for fault in judge(target, {"Name": "word"}, **bounds).faults] == ["names"]
    contradicting: Document = {"Name": "ci_1", "Labels": {"owner": "x"}}
    assert [fault.word for fault in judge(target, contradicting, **bounds).faults] == ["labels"]
