"""What `schema` prints is a schema: of a file that editors read, or of the log."""

import json

from cli.programs import run

from dockerproxy.cli.main import USAGE
from dockerproxy.config.schema import make_schema
from dockerproxy.workbench.log_schema import make_log_schema


def test_the_schema_is_printed_whole() -> None:
    done = run("schema")
    assert (done.status, done.err) == (0, "")
    assert json.loads(done.out) == json.loads(json.dumps(make_schema()))
    assert done.out.startswith('{\n  "$schema": "https://json-schema.org/draft/2020-12/schema",\n')
    assert done.out.endswith("\n}\n")


def test_its_help_says_how_an_editor_gets_it() -> None:
    assert "# yaml-language-server: $schema=" in run("schema", "--help").out


def test_the_schema_of_the_log_is_printed_whole() -> None:
    done = run("schema", "log")
    assert (done.status, done.err) == (0, "")
    assert json.loads(done.out) == json.loads(json.dumps(make_log_schema()))


def test_there_are_no_other_schemas() -> None:
    assert run("schema", "metrics").status == USAGE
