"""A variable is read as what it must be, or is a problem; all of them are gathered."""

from dockerproxy.config.values import LIMITS, read_directory, read_id, read_mode, read_path, read_seconds
from dockerproxy.config.variables import Variables
from dockerproxy.settings import Level

(HEAD,) = (limit for limit in LIMITS if limit.name == "head")


def test_an_empty_variable_is_not_set() -> None:
    variables = Variables({"A": "", "B": "1"})
    assert variables.environment == {"B": "1"}
    assert variables.value("A", "/default", read_path) == "/default"
    assert variables.value("A", "", read_directory) == ""
    assert variables.value("A", 0o660, read_mode) == 0o660
    assert variables.value("A", None, read_id) is None
    assert variables.value("A", 512, HEAD.read) == 512
    assert variables.value("A", 1.5, read_seconds) == 1.5
    assert variables.word("A", Level.INFO) is Level.INFO
    assert variables.switch("A", default=True)
    assert variables.operations("A") == frozenset()
    assert variables.problems == []


def test_what_is_wrong_is_gathered_and_the_default_taken() -> None:
    variables = Variables(dict.fromkeys("ABCDEFGH", "x y"))
    assert not variables.switch("A", default=False)
    assert variables.value("B", 0o600, read_mode) == 0o600
    assert variables.value("C", None, read_id) is None
    assert variables.value("D", 1.5, read_seconds) == 1.5
    assert variables.word("E", Level.INFO) is Level.INFO
    assert variables.operations("F") == frozenset()
    assert variables.value("G", "", read_directory) == ""
    assert variables.value("H", 512, HEAD.read) == 512
    assert [str(problem) for problem in variables.problems] == [
        "environment variable A: invalid value 'x y'\n    use 0 or 1",
        "environment variable B: 'x y' is not a file mode\n    write it in octal and in quotes, like \"0660\"",
        "environment variable C: 'x y' is not a whole number from 0 to 4294967294",
        "environment variable D: 'x y' is not a positive number of seconds",
        (
            "environment variable E: invalid value 'x y'\n"
            "    use one of debug, info, notice, warning, err, crit, alert, emerg"
        ),
        "environment variable F: unknown operation 'x y'\n    docs/operations.md lists them",
        "environment variable G: 'x y' is not an absolute path\n    write the path of a directory, which begins with /",
        "environment variable H: 'x y' is not a valid size\n    write it like 1048576 or 1MiB",
    ]


def test_a_limit_is_read_as_what_it_is_counted_in() -> None:
    variables = Variables({"MAX_HEAD": "4MiB", "MAX_RATE": "50", "BODY_TIMEOUT": "0.5"})
    said = {limit: variables.value(limit.variable, -1, limit.read) for limit in LIMITS}
    assert [value for limit, value in said.items() if limit.variable in variables.environment] == [50, 4 * 2**20, 0.5]
    assert variables.problems == []


def test_a_directory_may_be_any_absolute_path() -> None:
    variables = Variables({"LEARN_DIR": "/learned/" + "x" * 200 + "/"})
    assert variables.value("LEARN_DIR", "", read_directory) == variables.environment["LEARN_DIR"]
    assert variables.problems == []
