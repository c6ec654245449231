"""What a service may be: the rules of a container, and what a swarm makes of a body."""

import json
from collections.abc import Mapping

import pytest
from policy.policies import ID
from policy.words.swarms import CORPUS, FRONT, HOST, PLAIN, Document, faults, judge, mount, service
from rows import for_each

from dockerproxy.policy.values import Pairs, Value
from dockerproxy.wire.document import Json

# What the command line says


NEEDS: Mapping[str, Mapping[str, Value]] = {
    "create": {},
    "create-job": {},
    "create-with-options": {
        "volumes": ("data",),
        "publish": Pairs((("ports", ("8081",)),)),
        "memory": "64MiB",
        "cpus": "0.5",
        "pids": "50",
        "user": "not-root",
    },
    "stack-create": {
        "names": ("pile_*",),
        "images": ("docker.io/library/*",),
        "volumes": ("pile_*",),
        "networks": ("pile_*",),
        "secrets": ("pile_*",),
        "configs": ("pile_*",),
        "publish": Pairs((("ports", ("8080",)),)),
    },
    "stack-secret-create": {"names": ("pile_*",)},
    "stack-config-create": {"names": ("pile_*",)},
    "update": {"names": ("web",), "images": ("docker.io/library/busybox:*",)},
}
"""By body in the corpus: what must be granted."""

TARGETS = {
    "update": "/v1.45/services/web/update?registryAuthFrom=spec&version=11",
    "stack-secret-create": "/v1.45/secrets/create",
    "stack-config-create": "/v1.45/configs/create",
}


@pytest.mark.parametrize("name", NEEDS)
def test_what_dockers_command_line_sends_passes_with_the_grants_that_it_needs(name: str) -> None:
    content = json.loads((CORPUS / f"{name}.json").read_text())
    found = faults(content, TARGETS.get(name, "/v1.45/services/create"), **NEEDS[name])
    assert [each for each in found if "Registry-Auth" not in each] == []


@pytest.mark.parametrize(
    ("name", "word"),
    [(name, word) for name, words in NEEDS.items() for word in words if word in {"volumes", "secrets", "configs"}]
    + [("stack-create", "publish"), ("stack-create", "networks"), ("create-with-options", "publish")],
)
def test_each_of_those_that_open_something_is_needed_and_a_refusal_names_it(name: str, word: str) -> None:
    content = json.loads((CORPUS / f"{name}.json").read_text())
    others = {each: value for each, value in NEEDS[name].items() if each != word}
    inspected = judge("/v1.45/services/create", content, **others)
    assert [fault.word for fault in inspected.faults] == [word]
    assert [fault.value for fault in inspected.faults if not fault.value] == []


def test_what_the_command_line_means_by_network_host_is_refused() -> None:
    content = json.loads((CORPUS / "create-on-host-network.json").read_text())
    [fault] = faults(content, networks=("**",))
    assert "host's network" in fault


def test_a_stack_goes_on_as_it_came_but_for_what_was_judged() -> None:
    content = json.loads((CORPUS / "stack-create.json").read_text())
    judged = judge("/services/create", content, **NEEDS["stack-create"]).content
    content["TaskTemplate"]["Networks"][0]["Target"] = FRONT
    for each in content["TaskTemplate"]["ContainerSpec"]["Mounts"]:
        if each["Type"] == "volume":
            each["VolumeOptions"]["NoCopy"] = True
    assert judged == content


# As for a container


@for_each(
    ("body", "path"),
    [
        (mount(Type="bind", Source="/etc"), "Mounts[0].Source"),
        (mount(Type="bind", Source="/srv/ci", BindOptions={"Propagation": "rshared"}), "Mounts[0].BindOptions"),
        (mount(Type="volume", Source="data", VolumeOptions={"DriverConfig": {"Name": "x"}}), "DriverConfig.Name"),
        (
            mount(Type="volume", VolumeOptions={"DriverConfig": {"Options": {"device": "/etc", "o": "bind"}}}),
            "DriverConfig.Options",
        ),
        (mount(Type="volume", Source="disguise"), "Mounts[0].Source"),
        (mount(Type="tmpfs", TmpfsOptions={"Options": [["suid"]]}), "TmpfsOptions.Options"),
        (mount(Type="cluster", Source="data"), "Mounts[0].Type"),
        (mount(Type="npipe", Source="data"), "Mounts[0].Type"),
        (service(CapabilityAdd=["NET_ADMIN"]), "CapabilityAdd[0]"),
        (service(CapabilityAdd=["ALL"]), "CapabilityAdd[0]"),
        (service(Sysctls={"kernel.core_pattern": "x"}), "Sysctls"),
        (service(Groups=["0"]), "Groups"),
        (service(OomScoreAdj=-900), "OomScoreAdj"),
        (service(Isolation="process"), "Isolation"),
        (service(Privileges={"CredentialSpec": {"Config": "x"}}), "CredentialSpec.Config"),
        (service(Privileges={"CredentialSpec": {"File": "x"}}), "CredentialSpec.File"),
        (service(Privileges={"CredentialSpec": {"Registry": "x"}}), "CredentialSpec.Registry"),
        (service(Privileges={"SELinuxContext": {"Disable": True}}), "SELinuxContext.Disable"),
        (service(Privileges={"SELinuxContext": {"Type": "x"}}), "SELinuxContext.Type"),
        (service(Privileges={"Seccomp": {"Mode": "unconfined"}}), "Seccomp.Mode"),
        (service(Privileges={"Seccomp": {"Mode": "custom", "Profile": "e30="}}), "Seccomp.Mode"),
        (service(Privileges={"Seccomp": {"Profile": "e30="}}), "Seccomp.Profile"),
        (service(Privileges={"AppArmor": {"Mode": "disabled"}}), "AppArmor.Mode"),
        (service({"LogDriver": {"Name": "syslog"}}), "LogDriver.Name"),
        (service({"LogDriver": {"Name": "json-file", "Options": {"syslog-address": "x"}}}), "LogDriver.Options"),
        (service({"Runtime": "plugin"}), "Runtime"),
        (service({"Runtime": "attachment"}), "Runtime"),
        (service({"PluginSpec": {"Remote": "x/y"}}), "PluginSpec.Remote"),
        (service({"PluginSpec": {"Privileges": [{"Name": "network", "Value": ["host"]}]}}), "PluginSpec.privileges"),
        (service({"PluginSpec": {"PluginPrivilege": [{"Name": "network"}]}}), "PluginSpec.PluginPrivilege"),
        (service({"PluginSpec": {"Env": ["A=b"]}}), "PluginSpec.env"),
        (service({"NetworkAttachmentSpec": {"ContainerID": "web"}}), "NetworkAttachmentSpec.ContainerID"),
        (
            service({"Resources": {"Reservations": {"GenericResources": [{"DiscreteResourceSpec": {"Kind": "GPU"}}]}}}),
            "Reservations.GenericResources",
        ),
        (
            service({"Resources": {"Limits": {"GenericResources": [{"NamedResourceSpec": {"Kind": "GPU"}}]}}}),
            "Limits.GenericResources",
        ),
        (service({"Networks": [{"Target": "bridge", "DriverOpts": {"x": "y"}}]}), "Networks[0].DriverOpts"),
        (service(Configs=[{"ConfigName": "pile_plain", "ConfigID": PLAIN, "Runtime": {}}]), "Configs[0].Runtime"),
        (service(Privileged=True), "ContainerSpec.Privileged"),
        (service({"Devices": [{"PathOnHost": "/dev/sda"}]}), "TaskTemplate.Devices"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_reaches_the_nodes_or_others_is_refused(body: Document, path: str) -> None:
    found = faults(body, binds=("/srv/ci",), volumes=("**",), configs=("**",))
    assert found
    assert path in found[0]


@pytest.mark.parametrize(
    ("word", "bound", "body"),
    [
        ("images", ("docker.io/library/postgres",), service()),
        ("names", ("db",), service()),
        ("user", "not-root", service()),
        ("no_new_privileges", "required", service()),
        ("no_new_privileges", "required", service(Privileges={"NoNewPrivileges": False})),
        ("labels", Pairs((("owner", "ci"),)), service() | {"Labels": {"owner": "me"}}),
        ("labels", Pairs((("owner", "ci"),)), service(Labels={"owner": "me"})),
    ],
)
def test_what_the_grant_demands_is_demanded_of_a_service(word: str, bound: Value, body: Document) -> None:
    assert [fault.word for fault in judge("/services/create", body, **{word: bound}).faults] == [word]


@pytest.mark.parametrize(
    ("word", "bound", "limits"),
    [("memory", "1MiB", {"MemoryBytes": 2**20}), ("cpus", "1", {"NanoCPUs": 10**9}), ("pids", "9", {"Pids": 9})],
)
def test_a_service_without_a_limit_gets_the_granted_one(word: str, bound: Value, limits: Document) -> None:
    made = judge("/services/create", service(), **{word: bound})
    assert (made.faults, made.content) == ((), service({"Resources": {"Limits": limits}}))


def test_what_the_grant_demands_may_be_there() -> None:
    body = service(
        {"Resources": {"Limits": {"MemoryBytes": 2**20, "NanoCPUs": 10**9, "Pids": 9}}},
        User="7:7",
        Privileges={"NoNewPrivileges": True},
        CapabilityAdd=["CAP_NET_RAW"],
    )
    bounds = {"memory": "1MiB", "cpus": "1", "pids": "9", "user": "not-root", "no_new_privileges": "required"}
    assert judge("/services/create", body, **bounds, add_capabilities=("NET_RAW",)).faults == ()


def test_labels_of_the_grant_are_put_on_the_service_and_on_its_containers() -> None:
    content = judge("/services/create", service(), labels=Pairs((("owner", "ci"),))).content
    labels: Json = {"owner": "ci"}
    assert content == service(Labels=labels) | {"Labels": labels}


@pytest.mark.parametrize("reference", ["busybox:latest", f"busybox:latest@sha256:{ID}", f"busybox@sha256:{ID}"])
def test_an_image_under_its_digest_is_the_image(reference: str) -> None:
    """Docker's command line writes the digest behind the tag."""
    assert faults(service(Image=reference), images=("docker.io/library/busybox*",)) == []
    assert faults(service(Image=reference), images=("docker.io/library/alpine*",)) != []


# Mounts


@for_each("source", ['/srv/ci/{{"../.."}}/etc', "/srv/ci/{{.Task.Slot}}", "{{.Service.Name}}"])
@for_each("kind", ["bind", "volume", "image", "tmpfs"])
def test_a_source_that_a_node_fills_in_later_is_refused(kind: str, source: str) -> None:
    found = faults(mount(Type=kind, Source=source), binds=("/srv/**",), volumes=("**",))
    assert "template" in found[0]


@pytest.mark.parametrize("kind", ["BIND", "Bind", "", None])
def test_a_bind_that_is_not_called_one_is_none_of_the_kinds(kind: str | None) -> None:
    """A swarm reads it in any case, and takes none for a bind."""
    assert "Mounts[0].Type" in "".join(faults(mount(Type=kind, Source="/srv/ci"), binds=("/srv/ci",)))


def test_a_granted_directory_is_mounted() -> None:
    body = mount(Type="bind", Source="/srv/ci", ReadOnly=True)
    inspected = judge("/services/create", body, binds=("/srv/ci:ro",))
    assert inspected.faults == ()
    assert inspected.content == mount(Type="bind", Source="/srv/ci", ReadOnly=True)


def test_nothing_is_copied_into_a_volume_of_a_service() -> None:
    """It may run in several containers at once, one of which may change the volume meanwhile."""
    body = mount(Type="volume", Source="data", VolumeOptions={"NoCopy": False, "Labels": {"a": "b"}})
    inspected = judge("/services/create", body, volumes=("data",))
    options: Json = {"NoCopy": True, "Labels": {"a": "b"}}
    assert inspected.content == mount(Type="volume", Source="data", VolumeOptions=options)
    unnamed = mount(Type="volume", Source="")
    assert judge("/services/create", unnamed).content == unnamed


# Networks


def on(*targets: Json, older: bool = False) -> Document:
    """Return a service on networks."""
    networks: list[Json] = [{"Target": target} for target in targets]
    return service() | {"Networks": networks} if older else service({"Networks": networks})


@for_each("older", [False, True])
@for_each("target", ["host", HOST, HOST[:6], "disguised"])
def test_the_hosts_network_is_refused_under_every_name(target: str, *, older: bool) -> None:
    for networks in ({}, {"networks": ("**",)}, {"networks": ("host", HOST)}):
        found = faults(on("front", target, older=older), **networks)
        assert any("Networks[1].Target" in fault and "host's network" in fault for fault in found)


@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize("target", ["front", FRONT, FRONT[:5]])
def test_a_network_is_judged_by_what_it_is_and_goes_on_under_its_whole_id(target: str, *, older: bool) -> None:
    inspected = judge("/services/create", on(target, older=older), networks=("front",))
    assert inspected.faults == ()
    assert inspected.content == on(FRONT, older=older)
    assert "that no rule allows" in faults(on(target, older=older), networks=("back", "fr"))[0]


def test_without_a_word_about_networks_a_service_joins_what_it_would_join_anyway() -> None:
    assert faults(on("bridge")) == []
    assert "that no rule allows" in faults(on("bridge"), networks=("front",))[0]
    assert "that no rule allows" in faults(on("front"))[0]


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("", "not a valid"),
        (None, "not a valid"),
        ("../info", "not a valid"),
        ("gone", "does not exist"),
        ("a b", "not a valid"),
    ],
)
def test_what_is_no_network_is_refused_whatever_is_granted(target: str | None, says: str) -> None:
    """An engine may take for one later what it does not know now."""
    assert says in faults(on(target), networks=("**",))[0]


# Ports


def publishing(port: Json) -> Document:
    """Return a service that opens a port."""
    return service() | {"EndpointSpec": {"Ports": [{"TargetPort": 80, "PublishedPort": port}]}}


EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 (nothing is bound here)


@pytest.mark.parametrize(
    "publish",
    [
        (("ports", ("8000-8999",)),),
        (("addresses", EVERYWHERE),),
        (("ports", ("8080",)), ("addresses", EVERYWHERE)),
    ],
)
def test_a_granted_port_is_opened(publish: tuple[tuple[str, tuple[str, ...]], ...]) -> None:
    assert faults(publishing(8080), publish=Pairs(publish)) == []


@pytest.mark.parametrize("port", [80, 70000, -1, 0, None])
def test_another_port_is_not(port: int | None) -> None:
    [fault] = faults(publishing(port), publish=Pairs((("ports", ("8000-8999",)),)))
    assert fault.startswith(f"EndpointSpec.Ports[0].PublishedPort is {port or 0}, ")


def test_a_port_that_the_swarm_picks_is_one_of_those_that_are_free() -> None:
    assert faults(publishing(None), publish=Pairs((("ports", ("0",)),))) == []
    [fault] = judge("/services/create", publishing(0)).faults
    assert (fault.word, fault.value) == ("publish", Pairs((("ports", ("0",)),)))


def test_a_swarm_opens_ports_on_all_addresses() -> None:
    publish = Pairs((("ports", ("8080",)), ("addresses", ("127.0.0.1",))))
    [fault] = judge("/services/create", publishing(8080), publish=publish).faults
    assert fault.value == Pairs((("addresses", EVERYWHERE),))


# Older versions, swap


@pytest.mark.parametrize(("word", "bound", "since"), [("pids", "9", "1.41"), ("no_new_privileges", "required", "1.44")])
def test_a_limit_that_the_engine_leaves_out_under_an_older_version_is_none(word: str, bound: str, since: str) -> None:
    body = service({"Resources": {"Limits": {"Pids": 9}}}, Privileges={"NoNewPrivileges": True})
    older, dropping = "/v1." + str(int(since[2:]) - 1), "CapabilityDrop"
    for version, passes in (("", True), (f"/v{since}", True), ("/v1.56", True), (older, False), ("/v1.9", False)):
        found = judge(f"{version}/services/create", body, **{word: bound}).faults
        assert [each.word for each in found if dropping not in each.path] == ([] if passes else [word])
    assert [each for each in faults(body, f"{older}/services/create") if dropping not in each] == []


@pytest.mark.parametrize(("swap", "passes"), [(None, True), (0, True), (2**20, True), (2**20 + 1, False), (-1, False)])
def test_swap_does_not_make_a_bound_of_memory_worthless(swap: Json, *, passes: bool) -> None:
    body = service({"Resources": {"Limits": {"MemoryBytes": 2**20}, "SwapBytes": swap}})
    words = [fault.word for fault in judge("/services/create", body, memory="1MiB").faults]
    assert words == ([] if passes else ["memory"])
    assert faults(body) == []


# Updates


UPDATE = "/v1.45/services/web/update?version=7"


@for_each(
    ("query", "passes"),
    [
        ("", True),
        ("&registryAuthFrom=spec", True),
        ("&registryAuthFrom=previous-spec", True),
        ("&rollback=none", True),
        ("&rollback=", True),
        ("&rollback=previous", False),
        ("&rollback=PREVIOUS", False),
        ("&rollback=none&rollback=previous", False),
        ("&Rollback=previous", False),
        ("&registryAuthFrom=other", False),
    ],
)
def test_an_update_goes_to_what_its_body_says_and_never_back(query: str, *, passes: bool) -> None:
    found = [each for each in faults(service(), UPDATE + query) if "Registry-Auth" not in each]
    assert bool(found) is not passes


def test_an_update_is_held_to_the_rules_of_a_creation() -> None:
    assert "a host path that no rule allows" in faults(mount(Type="bind", Source="/etc"), UPDATE)[0]
    assert "host's network" in faults(on("host", older=True), UPDATE, networks=("**",))[0]


@pytest.mark.parametrize(
    "body",
    [
        service(Mounts=[None]),
        service(Secrets=[None]),
        service(Configs=[None]),
        service({"Networks": [None]}),
        service() | {"Networks": [None]},
        service() | {"EndpointSpec": {"Ports": [None]}},
    ],
)
def test_nothing_in_a_list_is_refused(body: Document) -> None:
    assert "null" in faults(body, networks=("**",))[0]
