"""Pairs of policies, the second often no wider than the first, and an engine that says whose its objects are."""

import json
from dataclasses import replace

from fuzz.engine import find
from hypothesis import assume
from hypothesis import strategies as st
from workbench.requests import Answer, grants, take_for_name

from dockerproxy.api.answers import WORDS as HIDDEN
from dockerproxy.config.policy_file import read_policy
from dockerproxy.observe.record import Record
from dockerproxy.policy.model import Mode
from dockerproxy.policy.objects import Lookup, ResolvedObject
from dockerproxy.problems import UserError
from dockerproxy.settings import SocketSettings

Setting = tuple[str, object]

SETTINGS: tuple[Setting, ...] = (
    *(("own_as", owner) for owner in ("ci", "other")),
    *(("mode", mode.value) for mode in Mode),
    *(("hide", [word]) for word in sorted(HIDDEN)[:3]),
    *(("quota", {"volumes": most}) for most in (3, 5)),
    ("quota", {"networks": 1, "volumes": 2}),
    ("paths", {"/srv": "/host/srv"}),
    ("own_socket", "/host/fuzz.sock"),
    ("limits", {"body": "2KiB"}),
    ("permissions", "0600"),
)
LINES = ("own", "containers:read", "volumes:write", "VolumeCreate", "VolumeCreate: {names: [ci-*]}", "NetworkConnect")


def read(lines: list[str], deny: list[str], settings: dict[str, object]) -> SocketSettings | None:
    """Return a socket; None if there is a mistake in it."""
    said = "".join(f"    {key}: {json.dumps(value)}\n" for key, value in settings.items())
    allow = "".join(f"      - {line}\n" for line in dict.fromkeys(lines))
    start = "sockets:\n  web:\n    path: /proxied/web.sock\n"
    text = f"{start}{said}    deny: {deny}\n    allow:{'' if allow else ' []'}\n{allow}"
    try:
        return read_policy(text, "policy.yaml").sockets[0]
    except UserError:
        return None


@st.composite
def pairs(draw: st.DrawFn, seen: Record) -> tuple[SocketSettings, SocketSettings]:
    """Generate two policies that are about a request; the second is often the first without some of it."""
    name = seen.operation
    choice = grants(seen) | st.sampled_from((*LINES, name, f"{name}: unrestricted"))
    old = draw(st.lists(choice, min_size=1, max_size=3))
    kept = draw(st.lists(st.sampled_from(old), max_size=3)) or old
    new = kept + draw(st.lists(choice, max_size=1))
    said = dict(draw(st.lists(st.sampled_from(SETTINGS), max_size=2)))
    other = said | dict(draw(st.lists(st.sampled_from(SETTINGS), max_size=1)))
    denied = draw(st.sampled_from(((), (), (name,), ("VolumeCreate",))))
    before = read(old, draw(st.sampled_from(([], list(denied)))), said)
    after = read(new, list(denied), draw(st.sampled_from((said, said, other))))
    assume(before is not None and after is not None)
    assert before is not None
    assert after is not None
    return before, after


def world(owner: str, labels: dict[str, str], *, known: bool) -> Answer:
    """Return an engine whose objects all belong to one owner and have the same labels."""

    def answer(lookup: Lookup) -> ResolvedObject | None:
        found = find(lookup) if known else take_for_name(lookup)
        return found if found is None else replace(found, belongs_to=owner, labels=labels)

    return answer


WORLDS: st.SearchStrategy[Answer] = st.one_of(
    st.just(find),
    st.just(take_for_name),
    st.builds(
        world,
        st.sampled_from(("", "web", "ci", "other")),
        st.sampled_from(({}, {"project": "shop", "stage": "test"})),
        known=st.booleans(),
    ),
)
