"""The tunnels of BuildKit open where builds are judged, and are all or nothing where they are not."""

from cli.files import sockets_of
from rows import for_each

from dockerproxy.policy.compile import CompiledPolicy
from dockerproxy.policy.judge import judge
from dockerproxy.policy.phases import Verdict
from dockerproxy.workbench.bearing import find_change
from dockerproxy.workbench.trying import Tried, try_request

NAMES = 'ImageBuild: {tags: ["docker.io/library/job-*"]}'
OPEN = "Grpc: unrestricted, Session: unrestricted"


def policy_of(allow: str, deny: str, mode: str) -> CompiledPolicy:
    return sockets_of(f"sockets: {{a: {{path: /a, mode: {mode}, allow: [{allow}], deny: [{deny}]}}}}")["a"].policy


def ask(policy: CompiledPolicy, target: str) -> str:
    """Return what a tunnel is judged as, and whether it opens."""
    upgrade = "Connection: Upgrade\r\nUpgrade: h2c\r\n"
    judged = judge(policy, f"POST {target} HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n".encode())
    assert isinstance(judged, Verdict)
    return f"{judged.operation.name} {'opens' if judged.passes else 'is denied'}"


TABLE = [
    # allow, deny, mode, what becomes of a tunnel, whether `explain` and `test` say that it is allowed
    (NAMES, "", "enforce", "ImageBuild opens", True),
    (f"{NAMES}, preset:ci", "", "enforce", "ImageBuild opens", True),
    (NAMES, "", "report", "ImageBuild opens", True),
    (NAMES, "", "learn", "ImageBuild opens", True),
    (NAMES, "", "ask", "ImageBuild opens", True),
    ("preset:ping", "", "enforce", "{} is denied", False),
    ("preset:ping", "", "report", "ImageBuild opens", False),
    ("preset:ping", "", "learn", "ImageBuild opens", False),
    ("preset:ping", "", "ask", "ImageBuild opens", False),
    ("'ImageBuild': unrestricted", "", "enforce", "{} is denied", False),
    (OPEN, "", "enforce", "{} opens", True),
    (f"{OPEN}, {NAMES}", "", "enforce", "{} opens", True),
    (OPEN, "ImageBuild", "enforce", "{} opens", True),
    ("preset:portainer", "", "enforce", "{} is denied", False),
    (NAMES, "Grpc", "enforce", "{} is denied", False),
    (NAMES, "Session", "enforce", "{} is denied", False),
    (NAMES, "Grpc", "ask", "{} is denied", False),
]


@for_each(("allow", "deny", "mode", "becomes", "allowed"), TABLE)
def test_a_tunnel_opens_where_builds_are_judged_or_all_of_it_is_granted(
    allow: str, deny: str, mode: str, becomes: str, *, allowed: bool
) -> None:
    policy = policy_of(allow, deny, mode)
    for target, name in (("/grpc", "Grpc"), ("/session", "Session"), ("/v1.45/grpc?x=1", "Grpc")):
        assert ask(policy, target) == becomes.format(name)
        tried = try_request(policy, "POST", target)
        assert isinstance(tried, Tried)
        assert tried.decision.allowed is allowed, target


@for_each(
    ("allow", "deny", "grant"),
    [
        ("preset:ping", "", 'ImageBuild: {tags: ["docker.io/library/my-app:*"]}'),
        ("preset:portainer", "", "Grpc: unrestricted"),
        ("preset:ping", "ImageBuild", "Grpc: unrestricted"),
    ],
)
def test_a_tunnel_that_stays_shut_names_what_opens_it(allow: str, deny: str, grant: str) -> None:
    assert f'add "{grant}"' in policy_of(allow, deny, "enforce").deny("Grpc").message
    again = policy_of(f"{allow}, {grant}", deny, "enforce")
    assert ask(again, "/grpc").endswith(" opens")


def test_the_line_for_a_tunnel_is_one_of_builds() -> None:
    policy = policy_of("preset:ping", "", "enforce")
    tried = try_request(policy, "POST", "/grpc")
    assert isinstance(tried, Tried)
    *_, line = find_change(policy.policy, tried, "a", "policy.yaml")
    assert line == ("", "- ImageBuild: {tags: [localhost/unnamed]}")
