"""A variable is read as what it must be, or is a problem; all of them are gathered."""

from dockerproxy.config.variables import Variables
from dockerproxy.settings import Level


def test_an_empty_variable_is_not_set() -> None:
    variables = Variables({"A": "", "B": "1"})
    assert variables.environment == {"B": "1"}
    assert variables.path("A", "/default") == "/default"
    assert variables.directory("A") == ""
    assert variables.mode("A", 0o660) == 0o660
    assert variables.whole("A", 0, 9) is None
    assert variables.size("A", 512) == 512
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
    assert variables.size("H", 512) == 512
    assert [str(problem) for problem in variables.problems] == [
        "environment variable A: 'x y' is neither 0 nor 1",
        "environment variable B: 'x y' is not a file mode\n    three octal digits, like 0660",
        "environment variable C: 'x y' is not a whole number from 0 to 9",
        "environment variable D: 'x y' is not a number of seconds above 0",
        "environment variable E: 'x y' is none of debug, info, notice, warning, err, crit, alert, emerg",
        "environment variable F: 'x y' is not an operation\n    `dockerproxy operations` lists them",
        "environment variable G: 'x y' is not an absolute path\n    it is the path of a directory",
        "environment variable H: 'x y' is not an amount\n    write it like 1048576 or 1MiB",
    ]


def test_a_size_may_have_a_unit() -> None:
    variables = Variables({"A": "65536", "B": "4MiB", "C": "0", "D": "4MB"})
    assert [variables.size(name, 512) for name in "ABCD"] == [65536, 4 * 2**20, 512, 512]
    assert [problem.where for problem in variables.problems] == ["environment variable C", "environment variable D"]


def test_a_directory_may_be_any_absolute_path() -> None:
    variables = Variables({"LEARN_DIR": "/learned/" + "x" * 200 + "/"})
    assert variables.directory("LEARN_DIR") == variables.environment["LEARN_DIR"]
    assert variables.problems == []
