"""What is learned today allows the same program tomorrow, when engines and libraries make up other names."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from api.paths import path_of
from hypothesis import given
from hypothesis import strategies as st
from observe.records import (
    ID,
    NOON,
    allows,
    is_doubtful,
    learn,
    lines_of,
    load,
    queries_of,
    record_of,
    resume,
    settled,
)
from policy.policies import PRIVILEGED
from rows import for_each

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.config.policy_file import read_policy
from dockerproxy.observe.record import Outcome, Record
from dockerproxy.policy.globs import fits
from dockerproxy.policy.objects import KINDS, Kind, ResolvedObject
from dockerproxy.policy.values import items_of
from dockerproxy.policy.words.running import COPYING_FILES
from dockerproxy.wire.document import Json
from dockerproxy.workbench.patterns import is_generated

OTHER = ID[::-1]
MADE_UP = st.sampled_from(("clever_jemison", "priceless_allen", "zen_bell7", "bold_bell", "admiring_morse", "sad_yam"))
NAMED = frozenset({Kind.CONTAINER, Kind.EXEC, Kind.NETWORK, Kind.VOLUME, Kind.SERVICE, Kind.TASK, Kind.POD})
SOMEBODYS = ("prod_db", "web", "prod-db-main-1", "zealous_hopper", "a_b", "x")


def create(name: str = "", created: str = ID, **host: Json) -> Record:
    """Return the record of a container that was created."""
    line = f"POST /containers/create{name and f'?name={name}'}"
    return record_of(line, body={"Image": "app:1", "HostConfig": host}, status=201)._replace(created=created)


def run(*command: str) -> Record:
    return record_of("POST /containers/web/exec", "web", body={"Cmd": list(command)}, status=201)


def start(identity: str, name: str) -> Record:
    return record_of(f"POST /containers/{identity}/start", name, status=204)


# Names


@given(st.lists(MADE_UP, min_size=1, max_size=20))
def test_a_name_that_the_engine_made_up_is_never_written_and_never_a_pattern_over_others(names: list[str]) -> None:
    text = learn(*(start(ID, name) for name in [*names, "web"]))
    assert not any(name in text for name in names)
    for grant in load(text).policy.grants:
        for condition in grant.conditions:
            assert not any(fits(item, other) for item in items_of(condition.value) for other in SOMEBODYS)
    assert allows(load(text), "POST /containers/x/start", "loving_curie")


def test_a_client_may_choose_a_name_that_an_engine_could_make_up() -> None:
    assert is_generated("happy_path")
    line = lines_of(create("happy_path"), start(ID, "happy_path"), start(OTHER, "web"))[-1]
    assert line == "- ContainerStart: {containers: [happy_path, web]}"


@given(st.lists(st.uuids(), min_size=1, max_size=6), st.uuids())
def test_one_made_up_name_is_enough_to_allow_the_next_one(seen: list[UUID], tomorrow: UUID) -> None:
    records = [
        record_of("POST /networks/create", body={"Name": str(made)}, status=201)._replace(created=ID) for made in seen
    ]
    records += [record_of(f"DELETE /networks/{OTHER}", f"ci-{made}", status=204) for made in seen]
    policy = load(learn(*records))
    assert settled(policy, record_of("POST /networks/create", body={"Name": str(tomorrow)})).allowed
    assert allows(policy, "DELETE /networks/x", f"ci-{tomorrow}")
    for other in SOMEBODYS:
        assert not settled(policy, record_of("POST /networks/create", body={"Name": other})).allowed
        assert not allows(policy, "DELETE /networks/x", f"ci-{other}")


def test_what_was_made_up_stays_a_pattern_after_a_restart() -> None:
    first, second = (f"case-{made}" for made in (ID[:12], OTHER[:12]))
    learner = resume(learn(start(ID, first)))
    learner.note(start(OTHER, second), NOON)
    assert '- ContainerStart: {containers: ["case-????????????"]}' in learner.text()


def test_a_directory_that_was_made_up_is_mounted_again_and_no_other() -> None:
    policy = load(learn(create("web", Binds=["/tmp/tmpab_c9d0e:/a:ro"])))
    for path, allowed in (("/tmp/tmp12345678", True), ("/tmp/other", False), ("/tmp", False), ("/etc", False)):
        assert settled(policy, create("web", Binds=[f"{path}:/a:ro"])).allowed is allowed


def test_no_directory_at_the_root_of_the_host_becomes_a_pattern() -> None:
    for path in ("/3f9a2b77c01d", f"/{ID}", "/tmpab_c9d0e"):
        assert "binds: [" + path + "]" in learn(create("web", Binds=[f"{path}:/a"])).replace('"', "")


@for_each("name", [name for name, kind in KINDS.items() if kind in NAMED])
def test_whatever_is_done_to_an_object_is_allowed_tomorrow_on_one_of_a_name_like_it(name: str) -> None:
    operation, today, tomorrow = OPERATIONS[name], f"ci-{uuid4()}", f"ci-{uuid4()}"
    line = f"{operation.method} {path_of(operation, one=ID)}{'?name=web' if 'Rename' in name else ''}"
    text = learn(record_of(line, today))
    policy = load(text)
    assert not any(today in line for line in text.splitlines() if not line.strip().startswith("#"))
    assert settled(policy, record_of(line), ResolvedObject(ID, (tomorrow,), subject=ID)).allowed
    if "unrestricted" not in text:
        assert not settled(policy, record_of(line), ResolvedObject(ID, ("prod_db",), subject=ID)).allowed


# Commands


@given(st.lists(st.uuids(), min_size=1, max_size=4), st.uuids())
def test_a_program_that_was_written_for_one_run_is_run_in_the_next(seen: list[UUID], tomorrow: UUID) -> None:
    policy = load(learn(*(run("python", f"/sandbox/{made}.py") for made in seen)))
    assert settled(policy, run("python", f"/sandbox/{tomorrow}.py")).allowed
    for others in (
        ("python", "/sandbox/../x"),
        ("python", f"/sandbox/../{tomorrow}.py"),
        ("python", f"/sandbox/{tomorrow}.py", "more"),
        ("sh", f"/sandbox/{tomorrow}.py"),
        ("python", "-c", "true"),
    ):
        assert not settled(policy, run(*others)).allowed


def test_arguments_that_differ_in_numbers_become_one_pattern() -> None:
    policy = load(learn(*(run("tail", f"/var/log/job-{number}.log") for number in (1, 22, 333))))
    assert settled(policy, run("tail", "/var/log/job-4.log")).allowed
    assert not settled(policy, run("tail", "/var/log/other.log")).allowed


@pytest.mark.parametrize(
    "commands",
    [
        [("sh", "-c", f"echo {number}; true") for number in (1, 2, 3)],
        [(f"/bin/tool{number}", "x") for number in (1, 2, 3)],
        [("kill", str(number)) for number in (1, 2, 3)],
        [("sh", "-c", str(number)) for number in (1, 2, 3)],
    ],
)
def test_no_star_is_a_program_or_a_whole_word_or_in_a_script(commands: list[tuple[str, ...]]) -> None:
    text = learn(*(run(*words) for words in commands))
    assert "*" not in text
    policy = load(text)
    for words in commands:
        assert settled(policy, run(*words)).allowed
        assert not settled(policy, run(*words[:-1], "reboot")).allowed


def test_a_command_with_a_star_is_learned_without_one() -> None:
    policy = load(learn(run("sh", "-c", "ls /a/* $?")))
    assert settled(policy, run("sh", "-c", "ls /a/* $?")).allowed
    assert not settled(policy, run("sh", "-c", "ls /a/b c; reboot")).allowed
    assert "a * or ? in commands would be a pattern" in learn(run("sh", "-c", "????????"))


# What a client created, and what it found


def test_what_is_done_to_own_objects_is_granted_as_own() -> None:
    for name in ("", "web"):
        assert lines_of(create(name), start(ID, name or "clever_jemison"))[-1] == "- ContainerStart: {own: true}"
    assert (
        lines_of(create("web"), start(ID, "web"), start(OTHER, "db"))[-1] == "- ContainerStart: {containers: [db, web]}"
    )


def test_a_list_of_what_is_all_its_own_is_granted_as_own() -> None:
    listed, other = record_of("GET /containers/json"), start(OTHER, "db")
    assert "- ContainerList: {own: true}" in lines_of(create("web"), listed, start(ID, "web"))
    assert "- ContainerList" in lines_of(create("web"), listed, start(ID, "web"), other)
    assert "- ContainerList" in lines_of(listed)


def test_a_prune_of_a_client_that_used_only_its_own_is_granted_as_own() -> None:
    pruned = record_of("POST /containers/prune?filters=%7B%22label%22%3A%5B%22a%22%5D%7D")
    assert lines_of(create("web"), pruned)[-1] == "- ContainerPrune: {own: true}"
    assert lines_of(create("web"), pruned, start(OTHER, "db"))[-2:].count("- ContainerPrune") == 1
    assert lines_of(pruned) == ["- ContainerPrune"]
    network = record_of("POST /networks/prune")
    assert lines_of(create("web"), network)[-1] == "- NetworkPrune"


def test_a_list_or_prune_whose_filter_needs_all_is_not_granted_as_own() -> None:
    filters = {
        "containers/prune": "%7B%22status%22%3A%5B%22exited%22%5D%7D",
        "containers/json": "%7B%22since%22%3A%5B%22db%22%5D%7D",
    }
    for target, text in filters.items():
        method, name = ("POST", "ContainerPrune") if "prune" in target else ("GET", "ContainerList")
        plain, filtered = record_of(f"{method} /{target}"), record_of(f"{method} /{target}?filters={text}")
        assert f"- {name}: {{own: true}}" in lines_of(create("web"), plain)
        assert f"- {name}" in lines_of(create("web"), plain, filtered)
        assert f"- {name}" in lines_of(create("web"), filtered, plain)
        again = resume(learn(create("web"), filtered))
        again.note(plain, 1.0)
        assert f"      - {name}" in [line.split("#")[0].rstrip() for line in again.text().splitlines()]


def connect(container: str) -> Record:
    return record_of(f"POST /networks/{OTHER}/connect", "net", body={"Container": container}, status=200)


NETWORK = record_of("POST /networks/create", body={"Name": "net"}, status=201)._replace(created=OTHER)
CONNECTED = "- NetworkConnect: {own: true}"


def test_an_own_container_that_is_connected_to_an_own_network_is_not_listed() -> None:
    assert lines_of(NETWORK, create("web"), connect("web"))[-1] == CONNECTED
    assert lines_of(NETWORK, create("web"), connect("web"), connect("db"))[-1] != CONNECTED
    assert lines_of(NETWORK, create("web"), connect("db"))[-1] == "- NetworkConnect: {containers: [db], own: true}"


def test_a_container_that_is_listed_beside_own_stays_so_after_a_restart() -> None:
    text = learn(NETWORK, create("web"), connect("db"))
    again = resume(text)
    for record in (NETWORK, create("web"), connect("web")):
        again.note(record, NOON)
    assert "containers: [db, web], own: true" in again.text()
    again = resume(learn(NETWORK, create("web"), connect("web")))
    assert CONNECTED in again.text()


def test_what_an_unrestricted_create_makes_is_own_too() -> None:
    lines = lines_of(create("web", Privileged=True), start(ID, "web"))
    assert any("unrestricted" in line for line in lines)
    assert lines[-1] == "- ContainerStart: {own: true}"


OWN_RECORDS = [
    create("web"),
    record_of("GET /containers/json"),
    start(ID, "web"),
    record_of(f"GET /containers/{ID}/json", "web"),
    record_of(f"DELETE /containers/{ID}", "web", status=204),
]


def test_much_that_is_own_is_one_line_also_after_a_restart() -> None:
    text = learn(*OWN_RECORDS)
    grants = [line.split("#")[0].strip() for line in text.splitlines() if line.strip().startswith("- ")]
    assert grants[0] == "- own"
    create = "- ContainerCreate: {names: [web], images: [docker.io/library/app:1]}"
    assert [line for line in grants if line.startswith("- Container")] == [create]
    assert "# used for ContainerList, ContainerInspect, ContainerDelete, ContainerStart" in text
    again = resume(text)
    assert [line for line in again.text().splitlines() if "- " in line] == [
        line for line in text.splitlines() if "- " in line
    ]
    again.note(start(ID, "web"), NOON)
    policy = load(again.text())
    mine = ResolvedObject(ID, ("priceless_allen",), subject=ID, belongs_to=policy.owner)
    assert settled(policy, start(ID, "x"), mine).allowed
    assert not settled(policy, start(ID, "x"), replace(mine, belongs_to="")).allowed


def test_what_own_grants_already_is_not_written_beside_it() -> None:
    stopped = record_of(f"POST /containers/{ID}/kill?signal=TERM", "web", status=204)
    assert "- ContainerKill: {own: true, signal: [TERM]}" in lines_of(create("web"), stopped)
    assert not any("ContainerKill" in line for line in lines_of(*OWN_RECORDS, stopped) if line.startswith("- "))
    denied = stopped._replace(decision=Outcome.DENIED, status=403)
    lines = lines_of(*OWN_RECORDS, stopped, denied)
    assert lines[lines.index("- ContainerKill: {own: true, signal: [TERM]}") - 1] == "# 1 of 2 was denied when it came"


def test_a_name_that_no_create_may_give_is_written_beside_own() -> None:
    renamed = record_of("POST /containers/web/rename?name=old", "web", status=204)
    assert "- ContainerRename: {names: [old], own: true}" in lines_of(*OWN_RECORDS, renamed)
    policy = load(learn(*OWN_RECORDS, renamed))
    assert settled(policy, renamed, ResolvedObject(ID, ("web",), subject=ID, belongs_to=policy.owner)).allowed


def test_own_networks_and_volumes_of_a_container_are_not_listed() -> None:
    volume = record_of("POST /volumes/create", body={"Name": "data"}, status=201)._replace(created="data")
    with_both = create("web", Binds=["data:/data"], NetworkMode="net")
    text = learn(NETWORK, volume, with_both, start(ID, "web"))
    assert "volumes:" not in text
    remark = "# networks: left out, since all were own; the engine's default network is allowed, too"
    assert [line.strip() for line in text.splitlines() if "networks:" in line] == [remark]
    others = create("db", Binds=["data:/data", "backup:/backup"], NetworkMode="lan")
    text = learn(NETWORK, volume, with_both, others, start(ID, "web"))
    assert "volumes: [backup, data]" in text
    assert "networks: [lan, net]" in text
    assert "volumes: [data]" in learn(volume, with_both), "nothing here says that the socket knows what is own"


@given(st.sampled_from(sorted(name for name, kind in KINDS.items() if kind is Kind.CONTAINER)), st.data())
def test_what_is_done_to_an_own_object_is_allowed_or_told(name: str, data: st.DataObject) -> None:
    operation = OPERATIONS[name]
    query = data.draw(st.sampled_from(queries_of(operation)))
    record = record_of(f"{operation.method} {path_of(operation)}{query and '?'}{query}", "web")
    if name in COPYING_FILES:  # The container below has run.
        record = record._replace(body={**(record.body or {}), "running": True})
    text = learn(*OWN_RECORDS, record)
    policy = load(text)
    ran: Json = {"Status": "exited"}
    mine = ResolvedObject(ID, ("web",), subject=ID, belongs_to=policy.owner, document={"state": ran})
    is_told = "with `own`, as here" in " ".join(text.split())
    assert is_doubtful(record) or is_told or settled(policy, record, mine).allowed


def test_a_copy_of_an_own_container_that_has_run_is_learned_with_what_that_exposes() -> None:
    copied = record_of(f"GET /containers/{ID}/archive?path=/data", "web")
    assert "ContainerArchive: " not in learn(*OWN_RECORDS, copied), "it is covered by own"
    lines = lines_of(*OWN_RECORDS, copied._replace(body={"running": True}))
    remark = "# running: a container had run; on a rootful engine, this makes clients root on the host"
    assert remark in lines
    assert "- ContainerArchive: {own: true, path: [/data], running: true}" in lines
    assert "- ContainerArchive: {containers: [web], path: [/data]}" in lines_of(copied._replace(body={"running": True}))


def test_what_own_does_not_grant_is_written_beside_it() -> None:
    """`own` speaks neither of checkpoints nor of what a swarm runs."""
    checkpoints = record_of(f"GET /containers/{ID}/checkpoints", "web")
    assert "- CheckpointList: {own: true}" in lines_of(*OWN_RECORDS, checkpoints)
    policy = load(learn(*OWN_RECORDS, checkpoints))
    mine = ResolvedObject(ID, ("web",), subject=ID, belongs_to=policy.owner)
    assert settled(policy, checkpoints, mine).allowed
    volume = record_of("POST /volumes/create", body={"Name": "data"}, status=201)._replace(created="data")
    mounts: Json = [{"Type": "volume", "Source": "data", "Target": "/data"}]
    task: Json = {"TaskTemplate": {"ContainerSpec": {"Image": "app:1", "Mounts": mounts}}}
    service = record_of("POST /services/create", body=task, status=201)
    assert settled(load(learn(*OWN_RECORDS, volume, service)), service).allowed


def test_what_reaches_beyond_an_own_object_is_told() -> None:
    changed = record_of("GET /containers/web/changes?parent=1", "web")
    assert "# every request acted on more than it named; with" in learn(*OWN_RECORDS, changed)


def test_a_removal_of_images_beside_own_is_by_names() -> None:
    """Also one by an ID: then the record has one name of it."""
    for named in ("app:1", f"sha256:{ID}", ID[:12]):
        learned = learn(*OWN_RECORDS, record_of(f"DELETE /images/{named}?force=1", "docker.io/library/app:1"))
        assert "- ImageDelete: {tags: [docker.io/library/app:1]}" in learned, named
        assert read_policy(learned, "learned").sockets[0].policy.allows("ImageDelete")


def test_own_networks_are_not_listed_after_a_restart_either() -> None:
    again = resume(learn(*OWN_RECORDS))
    for record in (NETWORK, create("db", NetworkMode="net")):
        again.note(record, NOON)
    assert "networks: [" not in again.text()


def test_a_client_that_asks_for_each_container_that_it_listed_gets_the_read_without_names() -> None:
    names = ("web", "db", "cache", "proxy")
    inspected = [record_of(f"GET /containers/{number:064x}/json", name) for number, name in enumerate(names, 1)]
    listed = record_of("GET /containers/json")
    assert lines_of(listed, *inspected) == [
        "- ContainerList",
        "# requests each of the containers that it listed",
        "- ContainerInspect",
    ]
    assert lines_of(*inspected)[-1] == "- ContainerInspect: {containers: [cache, db, proxy, web]}"
    policy = load(learn(listed, *inspected))
    assert allows(policy, "GET /containers/x/json", "tomorrow")
    assert not settled(policy, start(ID, "web"), ResolvedObject(ID, ("web",), subject=ID)).allowed


# What had to be unrestricted


def test_the_head_of_the_file_says_once_which_field_of_which_operation_forced_unrestricted() -> None:
    text = learn(create("web", Privileged=True), create("web"), run("true"))
    head, _, rest = text.partition("\nsockets:")
    assert "# Unrestricted, because no condition allows all of these requests:\n" in head
    why = f"ContainerCreate: {PRIVILEGED} (1 of 2 requests)"
    assert head.replace("\n#   ", " ").count(why) == 1
    assert "Privileged" not in rest
    assert "Unrestricted" not in learn(create("web"))
