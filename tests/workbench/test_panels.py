"""What the tables show of a minute."""

from hypothesis import given
from workbench.test_live import LINES, after, played
from workbench.told import BACKUP, CI, LOGS, MOUNTS, START, connection, hello, opened, record

from dockerproxy.workbench.live import Live
from dockerproxy.workbench.panels import PANELS, SOCKETS, Panel, describe_connection, draw_bars
from dockerproxy.workbench.table import Tone

NOW = 60.0


def shown(live: Live, panel: Panel) -> list[dict[str, str]]:
    rows = panel.list_rows(live, NOW)
    return [{column.title: cell.text for column, cell in zip(panel.columns, row.cells, strict=True)} for row in rows]


def test_each_row_has_a_cell_for_each_column_and_only_printable_text() -> None:
    live = played()
    for panel in (SOCKETS, *PANELS):
        rows = list(panel.list_rows(live, NOW))
        assert rows, panel.name
        assert len({row.key for row in rows}) == len(rows) or panel.name == "Requests"
        for row in rows:
            assert len(row.cells) == len(panel.columns)
            for text in (*(cell.text for cell in row.cells), *(text for text, _ in row.below)):
                assert all(" " <= each <= "~" or each in "→▁▂▃▄▅▆▇█" for each in text), text


def test_a_socket_has_what_is_open_and_what_was_asked_for() -> None:
    live = played()
    rows = {row["SOCKET"]: row for row in shown(live, SOCKETS)}
    assert list(rows) == ["traefik", "ci", "backup"]
    ci = rows["ci"]
    assert (ci["MODE"], ci["CLIENTS"], ci["STREAMS"], ci["TUNNELS"]) == ("enforce", "3", "0", "1")
    assert (ci["TOTAL"], ci["DENIED"], ci["IN"], ci["P50"], ci["P95"]) == ("27", "4", "2.7k", "2.4ms", "38ms")
    assert rows["traefik"]["REQ/S"] == "8.4"


def test_what_lasts_has_its_age_by_the_clock_of_the_proxy() -> None:
    live = after(hello(), opened(0, connection(BACKUP, 2, START - 65, **LOGS), connection(CI, 9, START)))
    (row,) = shown(live, PANELS[2])
    # Told when our clock said 1; now it says 60.
    assert (row["AGE"], row["SHAPE"], row["PROGRAM"], row["OUT"]) == ("2m04s", "stream", "restic", "88k")
    told = dict(describe_connection(live, live.connections[0], NOW))
    assert told["client"] == "restic, uid 34, pid 9022"
    assert told["age"] == "2m04s"


def test_a_denial_is_red_and_has_the_line_that_would_allow_it() -> None:
    rows = {row.cells[5].text: row for row in PANELS[1].list_rows(played(), NOW)}
    denied = rows["ContainerCreate"]
    assert denied.tone is Tone.BAD
    assert denied.below == (
        ('HostConfig.Binds[0] is "/srv/cache", a host path that no rule allows', Tone.BAD),
        ("→ to allow it, " + MOUNTS.partition("to allow it, ")[2], Tone.GOOD),
    )
    assert rows["ContainerExport"].tone is Tone.DOUBTFUL
    assert rows["GET /containers/\\x1b[31mweb\\u202e/json"].below == (("unsupported character in the path", Tone.BAD),)


def test_a_client_without_a_name_is_a_user() -> None:
    live = after(record(CI, "GET /info", "SystemInfo"), record(CI, "GET /info", "SystemInfo", 1, pid=0))
    assert [row["PROGRAM"] for row in shown(live, PANELS[0])] == ["uid 1000", "uid 1000, unseen"]


def test_bars_are_as_high_as_what_they_stand_for() -> None:
    assert draw_bars((0, 1, 4, 8), 4) == " ▁▄█"
    assert draw_bars((0, 2, 4, 12), 2) == "▁█"
    assert draw_bars((0,) * 60, 20) == " " * 20
    assert draw_bars((), 20) == ""


@given(LINES)
def test_whatever_is_told_can_be_shown(lines: list[str]) -> None:
    live = after(*lines)
    for panel in (SOCKETS, *PANELS):
        for row in panel.list_rows(live, NOW):
            assert all(map(str.isprintable, (cell.text for cell in row.cells)))
