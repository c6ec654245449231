"""Tasks end by themselves, and a bug in one is heard."""

import asyncio
import json
from pathlib import Path

from proxy.harness import in_loop

from dockerproxy.observe.log import Log
from dockerproxy.process_settings import LogFormat
from dockerproxy.proxy.tasks import Tasks
from dockerproxy.settings import Level


async def fail() -> None:
    raise ZeroDivisionError("on purpose")


async def wait() -> None:
    await asyncio.Event().wait()


@in_loop
async def test_a_task_that_fails_is_logged_with_its_name_and_disturbs_no_other(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as sink:
        log = Log(Level.INFO, LogFormat.JSON, sink.fileno())
        tasks = Tasks(log)
        tasks.start(wait(), "waiting")
        tasks.start(fail(), "dividing")
        for _ in range(5):
            await asyncio.sleep(0)
        assert [task.get_name() for task in asyncio.all_tasks() if task.get_name() == "waiting"]
        tasks.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
        assert not [task for task in asyncio.all_tasks() if task.get_name() == "waiting"]
        log.close()
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert {line["level"] for line in lines} == {"crit"}
    text = "\n".join(line["text"] for line in lines)
    assert "dividing" in text
    assert "on purpose" in text
    assert "waiting" not in text
