"""Contained builds on a real Podman: no step of a Dockerfile reaches further than its build."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
from e2e.archives import ALLOWED, STEP, TAR, build, has_image, namespace_of, remove_image
from e2e.engines import Engine
from e2e.programs import Client, Running
from e2e.proxies import running_policy
from e2e.talk import ask
from policy.policies import request_of
from wire.tars import archive_of, directory, item, link

from dockerproxy.policy.claims.builds import add_namespaces

pytestmark = pytest.mark.engine


def version_of(podman: Engine, *keys: str) -> tuple[int, ...]:
    told = ask(podman.socket, "GET", "/v5.0.0/libpod/info").json()
    for key in keys:
        told = told[key]
    return tuple(map(int, told.split(".")[:3]))


def version_of_buildah(podman: Engine) -> tuple[int, ...]:
    return version_of(podman, "host", "buildahVersion")[:2]


def unpacks_on_the_host(podman: Engine) -> bool:
    return version_of(podman, "version", "Version") < (5, 8, 2)


def test_podman_builds_on_a_network_of_its_own_if_it_is_told_in_its_way(
    podman: Engine, make_client: partial[Client]
) -> None:
    step = archive_of(item("Dockerfile", b"FROM busybox\nRUN readlink /proc/self/ns/net; cat /proc/net/dev\n"))
    host = namespace_of(make_client(socket=podman.socket), "host").encode()
    assert host in build(podman.socket, "networkmode=none&nocache=1", step).body
    for mode in ("networkmode=none", "networkmode=default", "rm=1"):
        told = add_namespaces(request_of("POST", f"/v1.41/build?nocache=1&{mode}"))
        built = ask(podman.socket, "POST", told, step, TAR).body
        assert b"Successfully built" in built
        assert host not in built
        assert (b"eth0" in built) is (mode != "networkmode=none")


@pytest.mark.parametrize(
    "step",
    [
        b"RUN --network=host true",
        b"RUN --net\\work=host true",
        b"RUN \\\n # x\n\n --network=host true",
        b"ARG N=network\nRUN --${N}=host true",
        b"ENV N=work\nRUN --net${N}=host true",
        b"RUN <<A true\nls \\\nA\nRUN --network=host true",
        "RUN --mount=type=tmpfs,target=/éx --network=host true".encode(),
        b"RUN --mount=type=tmpfs,target=/x\xa0--network=host true",
        "\u3000RUN --network=host true".encode(),
        "# x\n\u00a0# y \\\nRUN --network=host true".encode(),
    ],
)
def test_no_step_chooses_its_network(podman: Engine, make_client: partial[Client], step: bytes) -> None:
    content = archive_of(item("Dockerfile", b"FROM busybox\n" + step.replace(b"true", b"readlink /proc/self/ns/net\n")))
    host = namespace_of(make_client(socket=podman.socket), "host").encode()
    with running_policy(podman.socket, json.dumps(ALLOWED)) as proxy:
        assert build(proxy.socket, "networkmode=none", content).status == 403
    told = add_namespaces(request_of("POST", "/v1.41/build?networkmode=none&nocache=1"))
    assert host in ask(podman.socket, "POST", told, content, TAR).body


def test_no_trigger_becomes_another_step_in_a_build_from_its_image(
    podman: Engine, make_client: partial[Client]
) -> None:
    triggers = (
        b"FROM busybox\nONBUILD # esc\\\nape=`\nONBUILD R`\nONBUILD UN --network=host readlink /proc/self/ns/net\n"
    )
    content = archive_of(item("Dockerfile", triggers))
    host = namespace_of(make_client(socket=podman.socket), "host").encode()
    with running_policy(podman.socket, json.dumps(ALLOWED)) as proxy:
        assert b"not an instruction that can follow it" in build(proxy.socket, "t=granted/triggers:1", content).body
        assert build(podman.socket, "t=docker.io/granted/triggers:1", content).status == 200
        after = archive_of(item("Dockerfile", b"FROM docker.io/granted/triggers:1\nCMD x\n"))
        assert host in build(proxy.socket, "networkmode=none&nocache=1", after).body  # Nobody can see what it brings.
    remove_image(podman, "docker.io/granted/triggers:1")


def test_no_here_document_is_a_file_of_the_host(podman: Engine, label: str) -> None:
    victim = Path("/var/tmp", label)
    steps = f"FROM busybox\nCOPY <<{label} /x\nx\n{label}\n"
    content = archive_of(item("Dockerfile", steps.encode()))
    victim.write_text("kept")
    with running_policy(podman.socket, json.dumps(ALLOWED)) as proxy:
        assert b"copies a here document" in build(proxy.socket, "", content).body
    assert victim.read_text() == "kept"
    build(podman.socket, "", content)
    assert victim.exists() == (version_of_buildah(podman) >= (1, 40))
    victim.unlink(missing_ok=True)


def test_no_context_is_unpacked_on_the_host(podman: Engine, tmp_path: Path) -> None:
    feared = archive_of(item("Dockerfile", STEP), link("way", str(tmp_path)), item("way/escaped", b"x"))
    with running_policy(podman.socket, json.dumps(ALLOWED)) as proxy:
        assert build(proxy.socket, "", feared).status == 403
    assert not (tmp_path / "escaped").exists()
    build(podman.socket, "", feared)
    assert (tmp_path / "escaped").exists() == unpacks_on_the_host(podman)


def test_no_context_sets_the_times_of_a_file_of_the_host(podman: Engine, tmp_path: Path) -> None:
    before = tmp_path.stat().st_mtime
    feared = archive_of(item("Dockerfile", STEP), directory("way", mtime=12345), link("way", str(tmp_path)))
    with running_policy(podman.socket, json.dumps(ALLOWED)) as proxy:
        assert b"in place of a directory" in build(proxy.socket, "", feared).body
    assert tmp_path.stat().st_mtime == before
    build(podman.socket, "", feared)
    assert (tmp_path.stat().st_mtime == 12345) == unpacks_on_the_host(podman)


def test_no_dockerfile_includes_a_file_of_the_host(podman: Engine, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("LABEL seen=yes\n")
    content = archive_of(item("x.in", f'FROM busybox\n#include "{tmp_path}/secret"\n'.encode()))
    with running_policy(podman.socket, json.dumps(ALLOWED)) as proxy:
        assert build(proxy.socket, "dockerfile=x.in", content).status == 403
    assert b"LABEL seen=yes" in build(podman.socket, "dockerfile=x.in", content).body


def test_no_build_reads_what_another_left_in_a_cache(podman: Engine, label: str) -> None:
    step = f"FROM busybox\nRUN --mount=type=cache,id={label},target=/cache echo left >>/cache/it; cat /cache/it\n"
    content = archive_of(item("Dockerfile", step.encode()))
    with running_policy(podman.socket, json.dumps(ALLOWED)) as proxy:
        refused = build(proxy.socket, "nocache=1", content)
    assert (refused.status, "other builds share a cache" in refused.json()["message"]) == (403, True)
    assert build(podman.socket, "nocache=1", content).body.count(b'"left\\n') == 1
    assert build(podman.socket, "nocache=1", content).body.count(b"left\\n") == 2


@pytest.mark.parametrize(
    ("step", "arguments"),
    [
        ("FROM docker-archive:{file}", {}),
        ("ARG BASE=busybox\nFROM ${{BASE}}", {"BASE": "docker-archive:{file}"}),
        ('ARG A=docker-a\nARG B=$A"rchive":{file}\nFROM $B', {}),
        ("FROM busybox\nCOPY --from=docker-archive:{file} /bin/sh /found", {}),
        ("FROM busybox\nCOPY --exclude=\u00e9 --from=docker-archive:{file} /bin/sh /found", {}),
        ("ARG \u00e9=docker-archive\nFROM $\u00e9:{file}", {}),
        ('FROM ${{A:+"}}"}}docker-archive:{file}', {}),
        ("FROM busybox\nRUN --mount=type=bind,from=docker-archive:{file},target=/x cp /x/bin/sh /found", {}),
    ],
)
def test_no_build_reads_an_image_from_a_file_of_the_host(
    podman: Engine, tmp_path: Path, label: str, step: str, arguments: dict[str, str]
) -> None:
    file = tmp_path / "saved"
    file.write_bytes(ask(podman.socket, "GET", "/images/busybox/get").body)
    content = archive_of(item("Dockerfile", f"{step}\nCOPY Dockerfile /x\n".format(file=file).encode()))
    given = json.dumps({name: value.format(file=file) for name, value in arguments.items()})
    query = f"t=granted/{label}-built:1&nocache=1&buildargs={quote(given)}"
    with running_policy(podman.socket, json.dumps(ALLOWED)) as proxy:
        refused = build(proxy.socket, query, content)
    assert (refused.status, "has a step with" in refused.json()["message"]) == (403, True)
    assert not has_image(podman, f"granted/{label}-built:1")
    assert b"Successfully built" in build(podman.socket, query, content).body
    remove_image(podman, f"granted/{label}-built:1")


def test_no_flag_in_the_value_of_another_reads_a_file_of_the_host(podman: Engine, tmp_path: Path) -> None:
    file = tmp_path / "saved"
    step = f"FROM busybox\nCOPY --exclude=docker-archive:{file}${{X:+--from}} Dockerfile /x\n"
    content = archive_of(item("Dockerfile", step.encode()))
    with running_policy(podman.socket, json.dumps(ALLOWED)) as proxy:
        assert build(proxy.socket, "nocache=1", content).status == 403
    assert b"no stage or image found with that name" in build(podman.socket, "nocache=1", content).body  # It looks.
    file.write_bytes(ask(podman.socket, "GET", "/images/busybox/get").body)
    assert b"Successfully built" in build(podman.socket, "nocache=1", content).body


ARGUED = b"""ARG VERSION=latest BASE=docker.io/library/busybox:latest
FROM --platform=$BUILDPLATFORM busybox:${VERSION} AS Made
RUN --mount=type=bind,source=.,target=/context --mount=type=tmpfs,target=/t --network=none cp /context/file /made
FROM ${BASE}
COPY --from=Made --chown=0:0 /made /made
RUN <<EOF
cat /made \\
  >/again
EOF
"""


REPOSITORY = """
import gzip, http.server, subprocess, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer("advertisement", b"001e# service=git-upload-pack\\n0000", b"", "--advertise-refs")
    def do_POST(self):
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer("result", b"", gzip.decompress(asked) if "Content-Encoding" in self.headers else asked)
    def answer(self, kind, begun, asked, *words):
        program = ("git", "upload-pack", "--stateless-rpc", *words, sys.argv[1])
        self.send_response(200)
        self.send_header("Content-Type", f"application/x-git-upload-pack-{kind}")
        self.end_headers()
        self.wfile.write(begun + subprocess.run(program, input=asked, stdout=subprocess.PIPE).stdout)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 8099), Handler)
print("serving", flush=True)
server.serve_forever()
"""
"""Serves a repository as hosts on the web do."""


@pytest.mark.parametrize(
    "added", ["http://127.0.0.1:8099/x.git#main:{way} /x", '["http://127.0.0.1:8099/x.git,b$C","/x/"]']
)
def test_no_part_of_a_repository_is_a_directory_of_the_host(podman: Engine, tmp_path: Path, added: str) -> None:
    (tmp_path / "secret").write_text("of the host")
    repository = tmp_path / "repository"
    commit = ("-C", str(repository), "-c", "user.name=x", "-c", "user.email=x", "commit", "-q", "--allow-empty", "-mx")
    for made in (("init", "-q", "-b", "main", str(repository)), commit):
        subprocess.run(("git", *made), check=True)
    way = f"{'../' * 20}{tmp_path}"
    steps = f"FROM busybox\nENV C=.git#main:{way}\nADD {added.format(way=way)}\nRUN cat /x/secret\n"
    content = archive_of(item("Dockerfile", steps.encode()))
    words = podman.inside(sys.executable, "-c", REPOSITORY, str(repository))
    with running_policy(podman.socket, json.dumps(ALLOWED)) as proxy, Running(words, {**os.environ}) as serving:
        serving.wait_for("serving")
        assert "of a Git repository" in build(proxy.socket, "nocache=1", content).json()["message"]
        built = build(podman.socket, "nocache=1", content).body
    assert b"of the host" not in built or (1, 38) <= version_of_buildah(podman) < (1, 44), built


def test_no_repository_that_cannot_be_fetched_is_where_podman_runs(podman: Engine) -> None:
    steps = b"FROM busybox\nADD http://127.0.0.1:1/x.git /x/\nRUN find /x -type f\n"
    here = str(Path(f"/proc/{podman.process}/cwd").readlink()).strip("/")
    ignored = f"*\n!{here}/README.md\n!etc/passwd\n".encode()
    content = archive_of(item("Dockerfile", steps), item(".dockerignore", ignored))
    with running_policy(podman.socket, json.dumps(ALLOWED)) as proxy:
        assert "of a Git repository" in build(proxy.socket, "nocache=1", content).json()["message"]
    built = build(podman.socket, "nocache=1", content).body
    assert (b"/x/" in built.partition(b"RUN find")[2]) == ((1, 38) <= version_of_buildah(podman) < (1, 40)), built


def test_an_ordinary_dockerfile_with_stages_variables_and_mounts_is_built(
    podman: Engine, make_client: partial[Client], label: str
) -> None:
    content = archive_of(item("Dockerfile", ARGUED), item("file", b"from the context"))
    with running_policy(podman.socket, json.dumps(ALLOWED)) as proxy:
        built = build(proxy.socket, f"t=granted/{label}:1", content)
    assert b"Successfully built" in built.body, built.body
    assert make_client(socket=podman.socket).run_container(f"granted/{label}:1", "cat", "/again") == "from the context"
    remove_image(podman, f"granted/{label}:1")
