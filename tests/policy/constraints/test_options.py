"""A command runs in a container only with the options that it may have."""

import pytest
from policy.claims.looking import faults
from policy.policies import ID, policy_with

from dockerproxy.policy.claim import Fault
from dockerproxy.policy.constraints.base import Condition
from dockerproxy.policy.constraints.options import CONSTRAINT
from dockerproxy.policy.model import Grant
from dockerproxy.policy.objects import ResolvedObject
from dockerproxy.policy.remedies import widen
from dockerproxy.wire.document import Json
from dockerproxy.workbench.exposures import describe_exposures

PREPARED = ["ContainerExec"]
STARTED = ["ExecStart"]
RUNS: list[tuple[str, Json]] = [
    ("stdin", {"AttachStdin": True}),
    ("tty", {"Tty": True}),
    ("detach", {"Detach": True}),
    ("detach", {"DetachKeys": "ctrl-x"}),
    ("privileged", {"Privileged": True}),
]


def problems(operation: str, content: Json, *granted: str, is_said: bool = True, privileged: Json = False) -> list[str]:
    prepared: Json = {"privileged": privileged, "entrypoint": "ls", "arguments": [], "user": "1000:1000"}
    found = ResolvedObject(ID, ("x",), document={"processconfig": prepared})
    bounds = {"options": granted} if is_said else {}
    return [
        each
        for each in faults(operation, "", content, found if operation in STARTED else None, **bounds)
        if "an option that no rule allows" in each
    ]


@pytest.mark.parametrize("operation", PREPARED)
@pytest.mark.parametrize(("option", "said"), RUNS)
def test_only_granted_options_run_a_command(operation: str, option: str, said: Json) -> None:
    content: Json = {"Cmd": ["ls"], **said}  # type: ignore[dict-item] # an object
    others = {"detach", "privileged", "stdin", "tty"} - {option}
    assert not problems(operation, content, option)
    assert problems(operation, content, *others)
    assert problems(operation, content)
    assert bool(problems(operation, content, is_said=False)) is (option == "privileged")
    assert not problems(operation, {"Cmd": ["ls"], "AttachStdin": False, "DetachKeys": "", "Privileged": None})


@pytest.mark.parametrize("operation", STARTED)
def test_a_prepared_command_is_judged_when_it_starts(operation: str) -> None:
    assert problems(operation, {"Detach": True}, "tty")
    assert problems(operation, {"Tty": True}, "detach")
    assert not problems(operation, {"Detach": False, "Tty": False})
    shown: list[Json] = [True, 1, ["x"], {"a": 1}]
    for privileged in shown:
        assert problems(operation, {}, "tty", privileged=privileged)
        assert problems(operation, {}, is_said=False, privileged=privileged)
    assert not problems(operation, {}, "privileged", privileged=True)


def test_what_is_proposed_takes_nothing_away() -> None:
    proposed = widen({}, [Fault("Privileged", "true", "", "options", ("privileged",))])
    assert proposed == {"options": ("detach", "stdin", "tty", "privileged")}
    assert CONSTRAINT.least("privileged") == ("privileged",)
    assert CONSTRAINT.by_default("tty")
    assert not CONSTRAINT.by_default("privileged")
    assert CONSTRAINT.fault("pty")


@pytest.mark.parametrize(("granted", "is_said"), [(("privileged",), True), (("tty",), False), ((), False)])
def test_that_a_command_may_be_privileged_is_said_among_the_exposures(
    granted: tuple[str, ...], *, is_said: bool
) -> None:
    grant = Grant(frozenset({"ContainerExec", "ExecStart"}), "p", (Condition(CONSTRAINT, granted),))
    assert ("may be run privileged" in describe_exposures(policy_with(grant))) is is_said
