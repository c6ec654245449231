"""`report` makes one page of a log, over nothing but a former one, whatever the log has."""

import gzip
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from cli.programs import run, run_here
from cli.test_suggest import write_log
from observe.records import record_of
from workbench.test_markup import HOSTILE, Read
from workbench.test_report import text_of

from dockerproxy.observe.record import Outcome
from dockerproxy.problems import UserError
from dockerproxy.process_settings import LogFormat

POLICY = """\
sockets:
  web:
    path: /proxied/web.sock
    allow:
      - ContainerList
      - ContainerStart
  idle: {path: /proxied/idle.sock, allow: [ContainerList]}
"""
ALLOWED = record_of("GET /containers/json", decision=Outcome.ALLOWED)
DENIED = record_of("POST /containers/web/kill", decision=Outcome.DENIED)._replace(reason="no rule allows it")


def make(folder: Path, *words: str, **variables: str) -> str:
    """Return the page that is made."""
    page = folder / "report.html"
    done = run_here("report", *words, "--html", str(page), **variables)
    assert done.status == 0
    assert re.fullmatch(rf"{page}: [0-9]+ requests? of [0-9]+ clients?\n", done.out)
    return page.read_text()


@pytest.mark.parametrize("style", LogFormat)
@pytest.mark.parametrize("pack", [lambda content: content, gzip.compress], ids=["plain", "gzip"])
def test_both_formats_make_the_same_page_compressed_or_not(style: LogFormat, pack: Any, tmp_path: Path) -> None:
    log = Path(write_log(tmp_path / "proxy.log", ALLOWED, DENIED, style=style))
    log.write_bytes(pack(log.read_bytes()))
    (tmp_path / "policy.yaml").write_text(POLICY)
    shown = text_of(make(tmp_path, str(log), "--policy", f"{tmp_path}/policy.yaml"))
    for part in (
        "ContainerKill denied 1 POST /containers/web/kill no rule allows it",
        "Socket idle",
        "No request to this socket is recorded.",
    ):
        assert part in shown, shown
    assert "exposes" not in text_of(make(tmp_path, str(log)))


def test_what_is_older_can_be_left_out_and_a_log_without_records_is_said(tmp_path: Path) -> None:
    log = Path(write_log(tmp_path / "proxy.log", ALLOWED))
    log.write_text(log.read_text().replace("20", "19", 1))
    old = Path(write_log(tmp_path / "old.log", DENIED))
    old.write_text(old.read_text().replace('"time":"20', '"time":"19'))
    shown = text_of(make(tmp_path, str(log), str(old), "--since", "1d"))
    assert "ContainerKill" not in shown
    with pytest.raises(UserError, match="no recorded requests"):
        make(tmp_path, str(old), "--since", "1d")


def test_nothing_but_a_former_report_is_overwritten(tmp_path: Path) -> None:
    log = write_log(tmp_path / "proxy.log", ALLOWED)
    assert make(tmp_path, log) == make(tmp_path, log)
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    assert run_here("report", log, "--html", f"{tmp_path}/empty").status == 0
    for path, says in (
        (log, "is not a report, so it is not overwritten"),
        (f"{tmp_path}/pipe", "is not a regular file"),
        (str(tmp_path), "is a directory"),
        (f"{tmp_path}/none/report.html", "no such directory"),
    ):
        with pytest.raises(UserError, match=says):
            run_here("report", log, "--html", path)
    assert "ContainerList" in Path(log).read_text()


def test_a_link_is_followed_and_the_page_is_for_its_owner_and_group(tmp_path: Path) -> None:
    log = write_log(tmp_path / "proxy.log", ALLOWED)
    (tmp_path / "link.html").symlink_to("real.html")
    assert run_here("report", log, "--html", f"{tmp_path}/link.html").status == 0
    assert (tmp_path / "link.html").is_symlink()
    assert os.stat(tmp_path / "real.html").st_mode & 0o007 == 0


def write_hostile(path: Path, *, hostile: bool) -> str:
    """Write lines as no proxy does, but a record each, with a hostile text or an ordinary one in every place."""
    texts = [text.replace("\ud800", "") for text in HOSTILE]
    with path.open("w") as file:
        for number, text in enumerate(texts):
            shown = f"{number}{text}" if hostile else f"ordinary {number}"
            fields = {"time": "2026-11-24T12:00:00.000Z", "event": "exchange", "socket": "web", "operation": "ImageTag"}
            fields |= {
                "method": shown,
                "target": f"/images/{shown}/tag",
                "reason": shown,
                "source": shown,
                "object": shown,
            }
            numbers = dict.fromkeys(("uid", "gid", "pid", "status", "received", "sent", "ms"), 1)
            print(json.dumps({**fields, **numbers, "decision": "denied", "created": shown, "id": shown}), file=file)
    return str(path)


def test_a_hostile_log_has_the_same_elements_as_an_ordinary_one(tmp_path: Path) -> None:
    plain, hostile = (
        Read(make(tmp_path, write_hostile(tmp_path / f"{hostile}.log", hostile=hostile))) for hostile in (False, True)
    )
    assert hostile.names == plain.names
    assert [name for name, _ in hostile.attributes] == [name for name, _ in plain.attributes]


def test_lines_that_are_not_ours_are_counted_and_nothing_else(tmp_path: Path) -> None:
    log = Path(write_log(tmp_path / "proxy.log", ALLOWED))
    strange = (b"\xff\x00", b"{", b'{"event":"exchange"}', b"[" * 100_000, b'{"ms":' + b"9" * 10_000, b"x" * 3_000_000)
    log.write_bytes(log.read_bytes() + b"\n".join((*strange, b"")))
    assert "Ignored 6 lines with no valid record." in text_of(make(tmp_path, str(log)))


def test_a_mistake_is_said_before_the_log_is_read(tmp_path: Path) -> None:
    done = run("report", "/nonexistent/proxy.log", "--html", "/nonexistent/report.html")
    assert done.status == 2
    assert "proxy.log" not in done.err
    assert run("report", f"{tmp_path}/none", "--html", f"{tmp_path}/report.html").status == 2
    assert not (tmp_path / "report.html").exists()
