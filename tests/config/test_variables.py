"""A variable is read as what it must be, or is a problem; all of them are gathered."""

from dataclasses import replace

from dockerproxy.config.variables import Variables
from dockerproxy.settings import LIMITS, Level

(HEAD,) = (limit for limit in LIMITS if limit.name == "head")


def test_an_empty_variable_is_not_set() -> None:
    variables = Variables({"A": "", "B": "1"})
    assert variables.environment == {"B": "1"}
    assert variables.path("A", "/default") == "/default"
    assert variables.directory("A") == ""
    assert variables.mode("A", 0o660) == 0o660
    assert variables.whole("A", 0, 9) is None
    assert variables.limit(replace(HEAD, variable="A"), 512) == 512
    assert variables.seconds("A", 1.5) == 1.5
    assert variables.word("A", Level.INFO) is Level.INFO
    assert variables.switch("A", default=True)
    assert variables.operations("A") == frozenset()
    assert variables.problems == []


def test_what_is_wrong_is_gathered_and_the_default_taken() -> None:
    variables = Variables(dict.fromkeys("ABCDEFGH", "x y"))
    assert not variables.switch("A", default=False)
    assert variables.mode("B", 0o600) == 0o600
    assert variables.whole("C", 0, 9) is None
    assert variables.seconds("D", 1.5) == 1.5
    assert variables.word("E", Level.INFO) is Level.INFO
    assert variables.operations("F") == frozenset()
    variables.directory("G")
    assert variables.limit(replace(HEAD, variable="H"), 512) == 512
    assert [str(problem) for problem in variables.problems] == [
        "environment variable A: invalid value 'x y'\n    use 0 or 1",
        "environment variable B: 'x y' is not a file mode\n    write it in octal, like 0660",
        "environment variable C: 'x y' is not a whole number from 0 to 9",
        "environment variable D: 'x y' is not a positive number of seconds",
        (
            "environment variable E: invalid value 'x y'\n"
            "    use one of debug, info, notice, warning, err, crit, alert, emerg"
        ),
        "environment variable F: unknown operation 'x y'\n    run `dockerproxy operations` to list them",
        "environment variable G: 'x y' is not an absolute path\n    write the path of a directory, which begins with /",
        "environment variable H: 'x y' is not a valid size\n    write it like 1048576 or 1MiB",
    ]


def test_a_limit_is_read_as_what_it_is_counted_in() -> None:
    variables = Variables({"MAX_HEAD": "4MiB", "MAX_RATE": "50", "BODY_TIMEOUT": "0.5"})
    assert [variables.limit(limit, -1) for limit in LIMITS if limit.variable in variables.environment] == [
        *(50, 4 * 2**20, 0.5),
    ]
    assert variables.problems == []


def test_a_directory_may_be_any_absolute_path() -> None:
    variables = Variables({"LEARN_DIR": "/learned/" + "x" * 200 + "/"})
    assert variables.directory("LEARN_DIR") == variables.environment["LEARN_DIR"]
    assert variables.problems == []
