"""Anonymous volumes that a create asks for are made under its stamp, where and as the engine would make them."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from policy.stamping import MINE, THEIRS, engine, send, sent

from dockerproxy.config.policy_file import read_policy
from dockerproxy.owner_labels import NONCE, OWNER, make_stamp
from dockerproxy.policy.objects import ANONYMOUS
from dockerproxy.policy.words.spellings import clean_path
from dockerproxy.tenancy.own import list_nonces, stamp_anonymous

PATHS = st.sampled_from(["/a", "/a/", "/b", "/c"])
MOUNTS = st.fixed_dictionaries(
    {"Type": st.sampled_from(["volume", "tmpfs", "bind"]), "Target": PATHS},
    optional={"Source": st.just("v"), "ReadOnly": st.booleans(), "VolumeOptions": st.just({"Labels": {"x": "y"}})},
)
CREATES: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {},
    optional={
        "Volumes": st.none() | st.dictionaries(PATHS, st.just({}), max_size=3),
        "HostConfig": st.fixed_dictionaries(
            {},
            optional={
                "Binds": st.lists(PATHS | PATHS.map("v:{}".format), max_size=3, unique_by=lambda text: text[-3:]),
                "Mounts": st.lists(MOUNTS, max_size=2, unique_by=lambda mount: clean_path(str(mount["Target"]))),
                "Tmpfs": st.dictionaries(PATHS, st.just(""), max_size=1),
            },
        ),
    },
)


def mounted_by(content: Any) -> dict[str, str]:
    """Return what an engine mounts at which path; of several for one path that which counts."""
    host = content.get("HostConfig") or {}
    binds = [bind.rpartition(":") for bind in host.get("Binds") or ()]
    return {
        **{clean_path(path): "a volume" for path in content.get("Volumes") or ()},
        **{clean_path(target): "a volume" for _, colon, target in binds if not colon},
        **{clean_path(path): "memory" for path in host.get("Tmpfs") or ()},
        **{clean_path(target): source for source, colon, target in binds if colon},
        **{
            clean_path(mount["Target"]): mount.get("Source") or ("a volume" if mount["Type"] == "volume" else "other")
            for mount in host.get("Mounts") or ()
        },
    }


def is_anonymous(mount: dict[str, Any]) -> bool:
    return mount["Type"] == "volume" and not mount.get("Source")


@given(CREATES)
@example({"Volumes": {"/a": {}}, "HostConfig": {"Tmpfs": {"/a/": ""}, "Mounts": [{"Type": "bind", "Target": "/b"}]}})
@example({"Volumes": {"/a": {}}, "HostConfig": None})
@example({"HostConfig": {"Mounts": [{"Type": "volume", "Target": "/a", "VolumeOptions": {"Labels": {"x": "y"}}}]}})
def test_what_is_mounted_where_is_the_same(content: dict[str, Any]) -> None:
    before = mounted_by(content)
    assert not list_nonces(content)
    stamped: dict[str, Any] = stamp_anonymous(content, make_stamp("team", "n9"))
    assert mounted_by(content) == before == mounted_by(stamped)
    host, sent = (each.get("HostConfig") or {} for each in (content, stamped))
    assert ("Volumes" in stamped, "Binds" in sent) == ("Volumes" in content, "Binds" in host)
    mounts, others = (each.get("Mounts", ()) for each in (sent, host))
    assert [each for each in mounts if not is_anonymous(each)] == [each for each in others if not is_anonymous(each)]
    for mount in filter(is_anonymous, mounts):
        labels = mount["VolumeOptions"]["Labels"]
        assert labels[OWNER] == "team"
    nonces = list_nonces(stamped)
    assert len(set(nonces)) == len(nonces)
    assert all(nonce.startswith("n9.") for nonce in nonces)


@pytest.mark.parametrize(
    "body",
    [
        {"Volumes": {"/data": {}}},
        {"HostConfig": {"Binds": ["/data"]}},
        {"HostConfig": {"Mounts": [{"Type": "volume", "Target": "/data"}]}},
        {"HostConfig": {"Mounts": [{"Type": "volume", "Target": "/data", "VolumeOptions": {"Labels": MINE}}]}},
    ],
)
def test_an_anonymous_volume_is_made_under_the_stamp(body: dict[str, Any]) -> None:
    made = sent(send("POST /v1.41/containers/create", {"Image": "busybox", **body}, engine(None)))
    labels = {**make_stamp("team", "n9.0"), ANONYMOUS: ""}
    assert made["HostConfig"]["Mounts"] == [
        {"Type": "volume", "Target": "/data", "VolumeOptions": {"Labels": labels}},
    ]
    assert not made.get("Volumes")
    assert not made["HostConfig"].get("Binds")


def test_no_stamp_of_others_is_put_on_an_anonymous_volume() -> None:
    for labels in (THEIRS, {OWNER: "x"}, {"io.dockerproxy.new": "x"}):
        mount = {"Type": "volume", "Target": "/data", "VolumeOptions": {"Labels": labels}}
        body = {"Image": "busybox", "HostConfig": {"Mounts": [mount]}}
        assert not send("POST /v1.41/containers/create", body, engine(None)).passes


LISTING = read_policy(
    "sockets: {ci: {path: /ci.sock, own_as: team, allow: [own, ContainerCreate: {volumes: [cache]}]}}", "p"
).sockets[0]


@pytest.mark.parametrize("labels", [MINE, {OWNER: "team", "x": "y"}])
def test_a_volume_that_is_listed_gets_no_stamp(labels: dict[str, str]) -> None:
    """It is nobody's, so that no client of those that share it removes it."""
    options = {"NoCopy": True, "Labels": labels}
    mount = {"Type": "volume", "Source": "cache", "Target": "/cache", "VolumeOptions": options}
    body = {"Image": "busybox", "HostConfig": {"Mounts": [mount]}}
    made = sent(send("POST /containers/create", body, engine(None), policy=LISTING.policy))
    kept = {name: text for name, text in labels.items() if name == "x"}
    assert made["HostConfig"]["Mounts"] == [{**mount, "VolumeOptions": {**options, "Labels": kept}}]
    for owner in ("*", "others"):
        mount["VolumeOptions"] = {"Labels": {OWNER: owner, NONCE: "n1"}}
        assert not send("POST /containers/create", body, engine(None), policy=LISTING.policy).passes
