"""The health check tells whether the proxy is up and the engine responds, and leaves no line in the log."""

from cli.files import policy_in
from cli.programs import Running, engine_at, run, serving
from folders import short_folder


def test_it_is_well_when_the_engine_answers_whatever_ping_says() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"), serving(folder, PING="0") as proxy:
        done = run("healthcheck", PROXIED_SOCKET_PATH=f"{folder}/docker.sock")
        assert (done.status, done.err) == (0, "")
        assert done.out == f"{folder}/docker.sock: the proxy is up and the engine responds; sandboxed\n"
        proxy.process.terminate()
        assert proxy.wait_end() == 0
        assert "ProxyHealth" not in proxy.printed


def test_at_the_debug_level_it_leaves_a_line() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"), serving(folder, LOG_LEVEL="debug") as proxy:
        assert run("healthcheck", PROXIED_SOCKET_PATH=f"{folder}/docker.sock").status == 0
        proxy.wait_for("GET /_dockerproxy/health ProxyHealth allowed by always 200")


def test_it_is_not_well_when_there_is_no_engine() -> None:
    with short_folder() as folder, serving(folder) as proxy:
        done = run("healthcheck", PROXIED_SOCKET_PATH=f"{folder}/docker.sock")
        assert (done.status, done.out) == (1, "")
        assert done.err.startswith(f"{folder}/docker.sock: the engine's socket is not there: {folder}/engine.sock")
        proxy.wait_for(" err docker ")


def test_it_is_not_well_when_the_engine_answers_anything_but_well() -> None:
    answer = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
    with short_folder() as folder, engine_at(folder / "engine.sock", answer), serving(folder):
        done = run("healthcheck", PROXIED_SOCKET_PATH=f"{folder}/docker.sock")
        assert (done.status, done.err) == (
            1,
            f"{folder}/docker.sock: the engine responded to a ping with 500; sandboxed\n",
        )


def test_it_is_not_well_when_there_is_no_proxy() -> None:
    with short_folder() as folder:
        done = run("healthcheck", PROXIED_SOCKET_PATH=f"{folder}/docker.sock")
    assert (done.status, done.out) == (1, "")
    text = "the proxy does not answer: No such file or directory; is it running, with this path?"
    assert done.err == f"{folder}/docker.sock: {text}\n"


SOCKETS = """\
sockets:
  web: {path: FOLDER/web.sock, allow: []}
  new: {path: FOLDER/new.sock, mode: report, allow: []}
"""


def test_every_socket_of_a_policy_file_is_asked_and_says_if_it_refuses_nothing() -> None:
    with policy_in(SOCKETS) as folder, engine_at(folder / "engine.sock"):
        variables = {"POLICY_FILE": f"{folder}/policy.yaml", "DOCKER_SOCKET_PATH": f"{folder}/engine.sock"}
        with Running(**variables) as proxy:
            proxy.wait_for("new.sock with mode")
            done = run("healthcheck", **variables)
    assert (done.status, done.err) == (0, "")
    assert done.out == (
        f"{folder}/web.sock: the proxy is up and the engine responds; sandboxed\n"
        f"{folder}/new.sock: the proxy is up and the engine responds;"
        " the mode of the socket new is report: it denies nothing; sandboxed\n"
    )


def test_it_is_not_well_when_one_of_them_is_not() -> None:
    with policy_in(SOCKETS) as folder, engine_at(folder / "engine.sock"), serving(folder):
        (folder / "docker.sock").rename(folder / "web.sock")
        done = run("healthcheck", "--policy", f"{folder}/policy.yaml")
    assert done.status == 1
    assert done.out == f"{folder}/web.sock: the proxy is up and the engine responds; sandboxed\n"
    assert done.err == (
        f"{folder}/new.sock: the proxy does not answer: No such file or directory; is it running, with this path?;"
        " the mode of the socket new is report: it denies nothing\n"
    )
