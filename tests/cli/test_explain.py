"""What `explain` says is what the proxy does."""

import pytest
from cli.programs import engine_at, run, run_here, serving, short_folder

from dockerproxy.cli.ask import ask

ENVIRONMENT = {"CONTAINERS": "1", "IMAGES": "1", "ALLOW": "ContainerStart,ExecStart", "DENY": "ContainerLogs"}
REFUSED = "decision   refused with 400, whatever the settings say"
REQUESTS = (
    ("GET", "/_ping"),
    ("HEAD", "/_ping"),
    ("GET", "/v1.45/containers/json?all=1"),
    ("POST", "/containers/web/start"),
    ("POST", "/containers/create"),
    ("GET", "/containers/web/logs"),
    ("GET", "/containers/web/attach/ws?stdin=1"),
    ("GET", "/images/search?term=alpine"),
    ("GET", "/images/search?term=registry.example/alpine"),
    ("GET", "/images/team%2Fapp/json"),
    ("GET", "/containers/a%2Fb/json"),
    ("GET", "/containers/../secrets"),
    ("GET", "/secrets"),
    ("GET", "/debug/vars"),
    ("GET", "/_dockerproxy/health"),
    ("PATCH", "/containers/web"),
    ("OPTIONS", "*"),
    ("GET", "http://docker/_ping"),
)


def test_what_is_explained_is_what_the_proxy_answers() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"), serving(folder, **ENVIRONMENT):
        for method, target in REQUESTS:
            status, message = ask(f"{folder}/docker.sock", method, target)
            explained = run_here("explain", method, target, **ENVIRONMENT)
            said = {line[:10].rstrip(): line[11:] for line in explained.out.splitlines()}
            if status == 200:
                assert (explained.status, said["decision"]) == (0, "allowed"), target
            elif status == 403:
                assert (explained.status, said["decision"]) == (1, "not allowed"), target
                assert said["message"] == message
            else:
                assert (explained.status, said["reason"]) == (1, message), target
                assert said["decision"] == f"refused with {status}, whatever the settings say"


@pytest.mark.parametrize(
    ("words", "variables", "status", "expected"),
    [
        (
            ("GET", "/v1.45/containers/json?all=1"),
            {"CONTAINERS": "1"},
            0,
            [
                "request    GET /v1.45/containers/json?all=1",
                "operation  ContainerList: names, commands, labels, addresses and mounts of all containers",
                "access     read, in the section containers",
                "decision   allowed",
                "setting    CONTAINERS=1",
                "change     DENY=ContainerList would refuse it",
            ],
        ),
        (
            ("POST", "/containers/w%65b/stop"),
            {"CONTAINERS": "1"},
            1,
            [
                "request    POST /containers/web/stop",
                "operation  ContainerStop: stops a container, by force after a while",
                "access     write, in the section containers",
                "decision   not allowed",
                "setting    none speaks of it",
                "message    ContainerStop is not allowed here; POST=1 would allow it, ALLOW_STOP=1 nothing else",
            ],
        ),
        (
            ("GET", "/secrets"),
            {"SECRETS": "1", "DENY": "SecretList"},
            1,
            [
                "request    GET /secrets",
                "operation  SecretList: names and labels of all secrets, never their values",
                "access     read, in the section secrets",
                "decision   not allowed",
                "setting    DENY",
                "message    SecretList is not allowed here; taking SecretList out of DENY is needed to allow it",
            ],
        ),
        (
            ("GET", "/debug/vars"),
            {},
            1,
            [
                "request    GET /debug/vars",
                "decision   not allowed",
                "setting    none speaks of it",
                "message    GET /debug/vars is no operation that is known here, and what is not known is refused",
            ],
        ),
        (("GET", "/containers/../secrets"), {}, 1, [REFUSED, "reason     the path has a dot segment"]),
        (("GET", "/_ping x"), {}, 1, [REFUSED, "reason     the request line is not METHOD TARGET HTTP/1.1"]),
    ],
)
def test_an_explanation_reads_like_this(
    words: tuple[str, str], variables: dict[str, str], status: int, expected: list[str]
) -> None:
    done = run("explain", *words, **variables)
    assert (done.status, done.out.splitlines(), done.err) == (status, expected, "")


def test_bytes_that_are_no_text_are_explained_too() -> None:
    assert run("explain", "GET", "/_ping?x=\udcff").out.startswith("request    GET /_ping?x=%FF\n")
