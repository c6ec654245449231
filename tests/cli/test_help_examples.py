"""Every example in a help works as it is printed."""

import contextlib
import importlib
import json
import os
import re
import select
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.files import POLICY, write
from cli.programs import CODE, engine_at
from cli.test_suggest import SEEN, write_log
from folders import short_folder
from rows import for_each
from waiting import PATIENCE

from dockerproxy.cli import main
from dockerproxy.cli.learned import REMARK
from dockerproxy.cli.main import VERBS
from dockerproxy.process_settings import LogFormat

DOCKERFILE = (Path(__file__).parents[2] / "Dockerfile").read_text()
POLICY_OF_ONE = "sockets: {run: {path: /proxied/docker.sock, allow: [preset:ping]}}\n"
SERVES = {"", "demo"}
"""Verbs that go on until they are stopped."""

ASKS = {"sweep", "ask", "top"}
"""Verbs that ask a proxy that runs; they have tests of their own."""

COMPOSE = """\
#!/bin/sh
# Does what Docker Compose does: `run` has the words behind the entry point of the image, `exec` runs them as they are.
[ "$1" = compose ] || exit 64
action=$2
shift 2
while [ "${1#-}" != "$1" ]; do shift; done
[ "$1" = dockerproxy ] || exit 65
shift
case $action in
    logs) sed 's/^/dockerproxy-1  | /' proxy.log ;;
    run) exec ENTRYPOINT "$@" ;;
    exec) exec "$@" ;;
    *) exit 66 ;;
esac
"""


def list_examples() -> list[str]:
    texts = [str(main.__doc__), *(importlib.import_module(f"dockerproxy.cli.{verb}").__doc__ or "" for verb in VERBS)]
    return [line.strip() for text in texts for line in re.findall(r"^  (?:[A-Z_]+=|docker).*", text, re.MULTILINE)]


def write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@contextlib.contextmanager
def workplace() -> Iterator[tuple[Path, dict[str, str]]]:
    """Give a folder with every file that an example names, and an environment with the programs."""
    with short_folder() as folder:
        for name in ("policy.yaml", "old.yaml", "new.yaml"):
            write(folder / name, POLICY.replace("4321", str(os.getgid())))  # Others cannot give it away.
        (folder / "expectations.txt").write_text("socket backup\nallow GET /containers/web/json\n")
        (folder / "create.json").write_text(json.dumps({"Image": "app"}))
        (folder / "learned.yaml").write_text(f"# {REMARK}\n{POLICY_OF_ONE}")
        write_program(folder / "my-program", "#!/bin/sh\n")
        write_log(folder / "proxy.log", *SEEN, style=LogFormat.TEXT)
        programs = folder / "bin"
        programs.mkdir()
        write_program(programs / "dockerproxy", f'#!/bin/sh\nexec {sys.executable} -m dockerproxy "$@"\n')
        entry = json.loads(re.findall(r"^ENTRYPOINT (.*)$", DOCKERFILE, re.MULTILINE)[-1])
        write_program(programs / "docker", COMPOSE.replace("ENTRYPOINT", " ".join(entry)))
        places = {"DOCKER_SOCKET_PATH": f"{folder}/engine.sock", "TMPDIR": str(folder)}
        write_program(programs / "pytest", "#!/bin/sh\n")
        yield folder, {"PATH": f"{programs}:{os.environ['PATH']}", **CODE, **places}


def verb_of(example: str) -> str:
    return re.search(r"dockerproxy ?([a-z]*)[^|]*$", example.partition("  #")[0])[1]  # type: ignore[index] # it names one


def test_there_are_examples_of_most_verbs() -> None:
    assert {*map(verb_of, list_examples())} == {"", *VERBS} - {"serve", "healthcheck"}


@for_each("example", [each for each in list_examples() if verb_of(each) not in SERVES | ASKS])
def test_an_example_works_as_it_is_printed(example: str) -> None:
    with workplace() as (folder, environment), engine_at(folder / "engine.sock"):
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", example],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 0 or (done.returncode == 1 and verb_of(example) in {"explain", "diff", "verify"})
    if verb_of(example) == "run":
        assert (done.stdout, done.stderr.partition(":")[0]) == ("", "dockerproxy")
        return
    assert done.stderr == ""
    assert done.stdout or ">" in example


@pytest.mark.parametrize("example", [each for each in list_examples() if verb_of(each) in SERVES])
def test_an_example_that_serves_does_so_until_it_is_stopped(example: str) -> None:
    with workplace() as (folder, environment):
        command = f"{example.replace('dockerproxy', 'exec dockerproxy')}"
        with subprocess.Popen(
            ["bash", "-c", command], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as program:
            try:
                assert program.stdout is not None
                printed = b""
                while not re.search(rb"listening on|Ctrl-C ends the demo", printed):
                    ready, _, _ = select.select([program.stdout], [], [], PATIENCE)
                    piece = os.read(program.stdout.fileno(), 65536) if ready else b""
                    assert piece, printed
                    printed += piece
                program.send_signal(signal.SIGTERM)
                program.communicate(timeout=PATIENCE)
            finally:
                program.kill()
    assert program.returncode == 0
