"""Recorded requests are decided again by what they were about."""

from cli.files import sockets_of
from rows import for_each

from dockerproxy.observe.record import Outcome, Peer, Record
from dockerproxy.policy.values import Pairs, Value
from dockerproxy.settings import SocketSettings
from dockerproxy.workbench.replay import Difference, Pair, Replay

TEMPLATE = "sockets: {{web: {{path: /nonexistent/web.sock, allow: [{allow}]}}}}"


def socket_of(allow: str) -> SocketSettings:
    return sockets_of(TEMPLATE.format(allow=allow))["web"]


def record(
    method: str, target: str, *, of: str = "", socket: str = "web", outcome: Outcome = Outcome.ALLOWED
) -> Record:
    return Record(socket, Peer(0, 0, 0), method, target, "", of, outcome, "", "", 200, 0, 0, 1.0)


def replay(pair: Pair, *records: Record) -> tuple[list[Difference], Replay]:
    replay = Replay([pair])
    for each in records:
        replay.note(each)
    return list(replay.differences()), replay


WEB_ONLY = "ContainerRestart: {containers: [web]}"
LIST = record("GET", "/containers/json")
RESTART_WEB = record("POST", "/containers/0123456789ab/restart", of="web")
RESTART_DB = record("POST", "/containers/db/restart", of="db")


def test_what_only_one_policy_allows_is_a_difference_with_what_decides_now() -> None:
    pair = Pair(socket_of("ContainerList"), socket_of(WEB_ONLY))
    differences, counted = replay(pair, LIST, RESTART_WEB, RESTART_DB, RESTART_WEB, record("GET", "/debug"))
    assert differences == [
        Difference(
            pair=pair,
            count=2,
            line="POST /containers/0123456789ab/restart of web",
            gained=True,
            why="allowed by ContainerRestart (policy.yaml:1)",
        ),
        Difference(
            pair=pair,
            count=1,
            line="GET /containers/json",
            gained=False,
            why=(
                'ContainerList denied: no rule allows it; to allow it for every container, add "ContainerList"'
                ' to "allow" of socket "web"'
            ),
        ),
    ]
    assert counted.total == 5


@for_each(
    ("allow", "request_", "differs"),
    [
        (WEB_ONLY, RESTART_WEB, True),
        (WEB_ONLY, RESTART_DB, False),
        (WEB_ONLY, record("POST", "/containers/web/restart"), True),
        ("ExecStart: {containers: [web]}", record("POST", "/exec/1f/start", of="web"), True),
        ("ExecStart: {containers: [web]}", record("POST", "/exec/1f/start"), False),
        ("ImageInspect: {images: [app]}", record("GET", "/images/1f2e/json", of="docker.io/library/app:latest"), True),
        ("DistributionInspect: {images: [app]}", record("GET", "/distribution/app/json"), True),
        (f"ContainerRestart: {{containers: [{'a' * 64}]}}", record("POST", "/containers/x/restart", of="a" * 64), True),
    ],
)
def test_an_object_is_what_the_record_says_or_else_as_it_is_spelled(
    allow: str, request_: Record, *, differs: bool
) -> None:
    differences, _ = replay(Pair(socket_of("SystemPing"), socket_of(allow)), request_)
    assert bool(differences) is differs


def test_what_no_policy_could_decide_is_left_out() -> None:
    pair = Pair(socket_of("ContainerList"), socket_of("SystemPing"))
    refused = record("GET", "/containers/json", outcome=Outcome.REFUSED)
    cut = record("GET", "/containers/json?filters=%2")
    elsewhere = record("GET", "/containers/json", socket="other")
    differences, counted = replay(pair, refused, cut, elsewhere, elsewhere)
    assert differences == []
    assert counted.strangers == {"other": 2}
    assert counted.total == 1


def test_a_tunnel_in_which_builds_are_judged_opens_and_is_itself_no_build() -> None:
    names = 'ImageBuild: {tags: ["docker.io/library/job-*"]}'
    shut, read, whole = map(socket_of, ("SystemPing", names, "'Grpc': unrestricted"))
    denied = record("POST", "/grpc", outcome=Outcome.DENIED)._replace(operation="Grpc")
    assert [each.gained for each in replay(Pair(shut, read), denied)[0]] == [True]
    assert [each.gained for each in replay(Pair(read, shut), denied)[0]] == [False]
    assert replay(Pair(whole, read), denied)[0] == []
    assert replay(Pair(read, shut), record("POST", "/grpc")._replace(operation="ImageBuild"))[0] == []


def test_a_socket_that_is_new_or_removed_allows_nothing_where_it_does_not_exist() -> None:
    socket = socket_of("ContainerList")
    assert [difference.gained for difference in replay(Pair(None, socket), LIST)[0]] == [True]
    (lost,) = replay(Pair(socket, None), LIST)[0]
    assert (lost.gained, lost.why, lost.pair.name) == (False, "the socket does not exist", "web")


CREATE = record("POST", "/containers/create")


@for_each(
    ("allow", "body", "differs"),
    [
        ("ContainerCreate", {}, True),
        ("ContainerCreate", None, True),
        ("ContainerCreate", {"binds": ("/srv/a",)}, False),
        ("ContainerCreate: {binds: [/srv/*]}", {"binds": ("/srv/a",)}, True),
        ("ContainerCreate: {binds: ['/srv/**:ro']}", {"binds": ("/srv/a",)}, False),
        ("ContainerCreate: {memory: 1GiB}", {}, True),
        ("ContainerCreate: {memory: 1GiB}", {"memory": "1GiB"}, True),
        ("ContainerCreate: {memory: 1GiB}", {"memory": "2GiB"}, False),
        ("ContainerCreate: {memory: 1GiB}", {"memory": ""}, False),
        ("ContainerCreate: {user: not-root}", {"user": "any"}, False),
        ("ContainerCreate: {user: not-root}", {"user": "not-root"}, True),
        ("ContainerCreate: {read_only: required}", {"read_only": ""}, False),
        ("ContainerCreate: {read_only: required}", {"read_only": "required"}, True),
        ("ContainerCreate: {drop_capabilities: [NET_RAW]}", {"drop_capabilities": ("NET_RAW",)}, False),
        ("ContainerCreate: {labels: {a: x}}", {"labels": Pairs((("a", "x"), ("b", ())))}, True),
        ("ContainerCreate: {labels: {b: x}}", {"labels": Pairs((("a", "x"), ("b", ())))}, False),
        ("ContainerCreate: {names: [web]}", {}, True),
        ("ContainerCreate: {names: [web]}", {"names": ()}, False),
        ("ContainerCreate: {images: [app]}", {"names": ()}, True),
        ("ContainerCreate: {images: [app]}", {"images": ()}, False),
        ("ContainerCreate", {"unrestricted": "why"}, False),
        ("ContainerCreate", {"of another version": ("x",)}, False),
        ("ContainerCreate: {memory: 1GiB, labels: {a: x}}", {"memory": ("x",), "labels": "x"}, False),
        ("ContainerCreate: unrestricted", {"unrestricted": "why"}, True),
    ],
)
def test_a_body_is_what_the_record_says_that_it_needs(
    allow: str, body: dict[str, Value] | None, *, differs: bool
) -> None:
    differences, _ = replay(Pair(socket_of("SystemPing"), socket_of(allow)), CREATE._replace(body=body))
    assert bool(differences) is differs


def test_requests_that_need_something_else_for_their_bodies_are_told_apart_and_it_is_said_why() -> None:
    bodies: list[dict[str, Value]] = [{"binds": ("/a",)}, {"unrestricted": "it is root"}, {}, {"binds": ("/a",)}]
    pair = Pair(socket_of("ContainerCreate: unrestricted"), socket_of("ContainerCreate"))
    differences, counted = replay(pair, *(CREATE._replace(body=body) for body in bodies))
    assert [(each.count, each.why) for each in differences] == [
        (
            2,
            (
                'ContainerCreate denied: binds is "/a", a host path that no rule allows; to allow it, remove its line'
                ' and add "ContainerCreate: {binds: [/a]}" to "allow" of socket "web"'
            ),
        ),
        (
            1,
            (
                "ContainerCreate denied: it is root; to allow it, leave that out; or, to let clients become root on the"
                " host, remove its line and add"
                ' "ContainerCreate: unrestricted" to "allow" of socket "web"'
            ),
        ),
    ]
    assert counted.total == 4


def test_requests_that_all_differ_are_not_all_kept() -> None:
    counted = Replay([Pair(socket_of("ContainerList"), socket_of(WEB_ONLY))])
    long = record("GET", f"/containers/json?x={'y' * (1 << 22)}")
    for number in range(40):
        counted.note(long._replace(object=str(number)))
        counted.note(long._replace(object="0"))
        counted.note(record("GET", "/_ping", socket=f"s{number * 10}"))
    assert (counted.total + counted.left_out, counted.left_out > 20) == (80, True)


def test_sockets_that_neither_policy_has_are_told_apart_up_to_a_number() -> None:
    counted = Replay([Pair(socket_of("ContainerList"), socket_of(WEB_ONLY))])
    for number in range(1000):
        counted.note(record("GET", "/_ping", socket=f"s{number}" * 100))
    assert len(counted.strangers) <= 101
    assert counted.strangers.total() == 1000


def test_what_clients_call_their_objects_makes_no_line_of_its_own() -> None:
    (found,), _ = replay(
        Pair(socket_of("NetworkInspect"), socket_of("SystemPing")),
        record("GET", "/networks/3f9a2b", of="a\n0 of 1 recorded requests would be decided differently\u2028"),
    )
    assert found.line == r"GET /networks/3f9a2b of a\n0 of 1 recorded requests would be decided differently\u2028"


def test_what_is_sent_to_a_registry_is_allowed_only_where_the_grant_names_it() -> None:
    pushed = record("POST", "/images/app/push?tag=x")._replace(body={"images": ("docker.io/library/app:x",)})
    for allow, gained in (("ImagePush", []), ("ImagePush: {images: ['app:*']}", [True])):
        differences, _ = replay(Pair(socket_of("SystemPing"), socket_of(allow)), pushed)
        assert [difference.gained for difference in differences] == gained
