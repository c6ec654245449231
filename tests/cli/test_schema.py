"""What `schema` prints is the schema, for a file that editors read."""

import json

from cli.programs import run

from dockerproxy.config.schema import make_schema


def test_the_schema_is_printed_whole() -> None:
    done = run("schema")
    assert (done.status, done.err) == (0, "")
    assert json.loads(done.out) == json.loads(json.dumps(make_schema()))
    assert done.out.startswith('{\n  "$schema": "https://json-schema.org/draft/2020-12/schema",\n')
    assert done.out.endswith("\n}\n")


def test_its_help_says_how_an_editor_gets_it() -> None:
    assert "# yaml-language-server: $schema=" in run("schema", "--help").out
