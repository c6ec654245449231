"""The health check tells whether the proxy lives and the engine answers, and leaves no line in the log."""

from cli.programs import engine_at, run, serving, short_folder


def test_it_is_well_when_the_engine_answers_whatever_ping_says() -> None:
    with short_folder() as folder, engine_at(folder / "engine.sock"), serving(folder, PING="0") as proxy:
        done = run("healthcheck", PROXIED_SOCKET_PATH=f"{folder}/docker.sock")
        assert (done.status, done.err) == (0, "")
        assert done.out == f"{folder}/docker.sock: the proxy lives and the engine answers\n"
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
        assert (done.status, done.err) == (1, f"{folder}/docker.sock: the engine answered its ping with 500\n")


def test_it_is_not_well_when_there_is_no_proxy() -> None:
    with short_folder() as folder:
        done = run("healthcheck", PROXIED_SOCKET_PATH=f"{folder}/docker.sock")
    assert (done.status, done.out) == (1, "")
    assert done.err == f"{folder}/docker.sock: the proxy does not answer: No such file or directory\n"
