"""What is the same for all sockets comes from the environment, with a policy file or without."""

from dockerproxy.config.process import GRACE, find_engines, make_settings, read_limits
from dockerproxy.config.variables import Variables
from dockerproxy.process_settings import LogFormat
from dockerproxy.settings import DEFAULTS, Level


def test_without_variables_everything_has_its_default() -> None:
    settings = make_settings(Variables({}), ("/engine",), ())
    assert (settings.engines, settings.sockets, settings.shutdown_grace) == (("/engine",), (), GRACE)
    assert read_limits(Variables({})) == DEFAULTS
    assert (settings.log_level, settings.log_format, settings.learn_directory) == (Level.INFO, LogFormat.TEXT, "")


def test_limits_log_and_learning_are_read() -> None:
    variables = Variables(
        {
            "MAX_CONNECTIONS": "7",
            "HEADER_TIMEOUT": "2.5",
            "MAX_BODY": "4KiB",
            "SHUTDOWN_GRACE": "3",
            "LOG_LEVEL": "debug",
            "LOG_FORMAT": "json",
            "LEARN_DIR": "/learned",
        }
    )
    settings = make_settings(variables, ("/engine",), ())
    assert settings.shutdown_grace == 3
    assert read_limits(variables) == DEFAULTS._replace(connections=7, header_timeout=2.5, body=4096)
    assert (settings.log_level, settings.log_format, settings.learn_directory) == (
        Level.DEBUG,
        LogFormat.JSON,
        "/learned",
    )
    assert variables.problems == []


def test_the_engine_is_where_a_variable_says_or_in_the_usual_places() -> None:
    assert find_engines(Variables({"SOCKET_PATH": "/a"}), {}) == ("/a",)
    assert find_engines(Variables({"DOCKER_HOST": "unix:///b"}), {}) == ("/b",)
    assert "/var/run/docker.sock" in find_engines(Variables({}), {})
