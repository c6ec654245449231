"""A line with a value that no record has is counted as unreadable, and stops nothing."""

import json

from rows import for_each

from dockerproxy.workbench.reading import Records

LINE = {"time": "2026-11-24T12:00:00.000Z", "level": "info", "event": "exchange", "socket": "docker"} | {
    **dict.fromkeys(("uid", "gid", "pid", "status", "received", "sent"), 0),
    **dict.fromkeys(("operation", "object", "source", "reason"), ""),
    "method": "GET",
    "target": "/_ping",
    "decision": "allowed",
    "ms": 1,
}


@for_each(
    ("name", "value"),
    [
        *(("ms", value) for value in ("NaN", "Infinity", "-1", "1e999", '"1"', "[1]", "true1", f"{1 << 63}")),
        *(("sent", value) for value in ("1.0", "true", "null", f"{1 << 63}", f"-{10**400}", "9" * 5000)),
        *(("uid", value) for value in ('"0"', "[0]", "1e3")),
        *(("socket", value) for value in ("1", "null", '"\\ud800"', '["a"]')),
        *(("time", value) for value in ("0", '"now"', '"0001-01-01T00:00:00+23:59"', '"9999-12-31T23:59:59-23:59"')),
        ("body", "[" * 100_000),
        ("decision", '"maybe"'),
    ],
)
def test_a_value_that_no_record_has_makes_a_line_unreadable(name: str, value: str) -> None:
    fields = ",".join(f'"{key}":{value if key == name else json.dumps(said)}' for key, said in LINE.items())
    line = f"{{{fields}{f',{json.dumps(name)}:{value}' if name not in LINE else ''}}}"
    reading = Records([line, json.dumps(LINE)])
    assert len(list(reading)) == 1
    assert reading.unreadable == 1


def test_repeated_reads_are_given_once_with_their_number() -> None:
    lines = [json.dumps({**LINE, "times": 12}), json.dumps(LINE)]
    assert [times for _, _, times in Records(lines).grouped()] == [12, 1]
    assert len(list(Records(lines))) == 13
