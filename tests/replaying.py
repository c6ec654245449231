"""An engine that keeps what clients create, and clients that send requests as their libraries write them.

The engine has the network `bridge`, and a container and a volume `theirs` of somebody else; images come by a pull.
"""

import http.client
import json
import re
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from waiting import PATIENCE

Answer = tuple[int, object]
"""A status, and what is written as JSON, or bytes."""

_BODIES: Final = {"Content-Type": "application/json"}
_STREAM: Final = "application/vnd.docker.raw-stream"
CLIENTS: Final[Mapping[str, Mapping[str, str]]] = {
    "go": {"Host": "api.moby.localhost", "User-Agent": "Go-http-client/1.1"},
    "docker": {"Host": "api.moby.localhost", "User-Agent": "Docker-Client/29.0.0 (linux)"},
    "docker-java": {"Accept": "application/json", "Host": "localhost:2375", "x-tc-sid": "1", "User-Agent": "tc-java/2"},
    "dockerode": {"Host": "localhost", "Connection": "keep-alive"},
    "docker-py": {"Host": "localhost", "Accept-Encoding": "gzip, deflate", "Accept": "*/*", "Connection": "keep-alive"},
    "docker.dotnet": {"Host": "localhost", "User-Agent": "tc-dotnet/4"},
    "aiodocker": {"Host": "unix.localhost", "Accept": "*/*", "Accept-Encoding": "gzip, deflate"},
    "bollard": {"Content-Type": "application/json", "Host": "2f70726f786965642f646f636b65722e736f636b"},
    "node": {"Content-Type": "application/json", "Host": "localhost", "Connection": "keep-alive"},
    "axios": {"Host": "localhost", "Accept": "*/*", "Accept-Encoding": "gzip, compress, deflate, br"},
    "curl": {"Host": "localhost", "Accept": "*/*"},
}
"""The fields that each library sends with every request: Go's (moby/client), docker-java, and so on."""

CHUNKED: Final = frozenset({"docker.dotnet", "node"})
"""Clients that send bodies in chunks."""

SILENT: Final = frozenset({"curl"})
"""Clients that send no length where there is no body."""


@dataclass
class Engine:
    """Containers, networks, volumes, images and execs by name; ids are numbers."""

    things: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    count: int = 0

    def __post_init__(self) -> None:
        self.start_anew()

    def start_anew(self) -> None:
        """Forget what clients created."""
        self.things = {kind: {} for kind in ("containers", "networks", "volumes", "images", "exec")}
        self._add("networks", "bridge", {"IPAM": {"Config": [{"Gateway": "172.17.0.1"}]}, "Driver": "bridge"})
        self._add("containers", "theirs", {"Image": "nginx"})
        self._add("volumes", "theirs", {"Driver": "local"})

    def _add(self, kind: str, name: str, made: Mapping[str, Any]) -> dict[str, Any]:
        self.count += 1
        labels = {"Labels": made.get("Labels") or {}}
        more: dict[str, Any] = {"Config": labels} if kind == "images" else {}
        if kind == "volumes":
            more = {"Driver": made.get("Driver") or "local", "Options": made.get("DriverOpts")}
        if kind == "containers":
            image = self._find("images", made["Image"]) or {"Id": "0" * 64}
            more = {"Image": image["Id"], "Config": {**labels, "Image": made["Image"]}, "Mounts": []}
            more["State"] = {"Status": "created", "Running": False, "StartedAt": "0001-01-01T00:00:00Z"}
        prefix = "sha256:" if kind == "images" else ""
        found = {**made, **labels, "Id": f"{prefix}{self.count:064x}", "Name": name, **more}
        self.things[kind][name] = found
        return found

    def _find(self, kind: str, name: str) -> dict[str, Any] | None:
        return next((each for each in self.things[kind].values() if name in {each["Id"], each["Name"]}), None)

    def last_image(self) -> str:
        """Return the id of the image that came last."""
        return next((str(each["Id"]) for each in reversed(self.things["images"].values())), "")

    def do(self, method: str, target: str, body: bytes) -> Answer:
        """Do what a request says."""
        split = urlsplit(target)
        words = unquote(re.sub(r"^/v[\d.]+", "", split.path)).strip("/").split("/")
        with self.lock:
            query = {name: values[0] for name, values in parse_qs(split.query).items()}
            content = json.loads(body) if body[:1] == b"{" else {}
            for pattern, does in _DOES:
                found = re.fullmatch(pattern, f"{method} {'/'.join(words)}")
                if found is not None:
                    return does(self, query, content, *found.groups())
        return 404, {"message": "page not found"}

    def _create(self, query: Mapping[str, str], content: Mapping[str, Any], kind: str) -> Answer:
        name = query.get("name") or content.get("Name") or f"unnamed{len(self.things[kind])}"
        if kind == "containers" and self._find("images", str(content["Image"])) is None:
            return 404, {"message": f"No such image: {content['Image']}"}
        if kind != "volumes" and self._find(kind, name) is not None:
            return 409, {"message": f"{name} is there already"}
        made = self._find(kind, name) or self._add(kind, name, content)
        says = {word: made[word] for word in made if word != "Id"} if kind == "volumes" else {"Id": made["Id"]}
        return 201, {**says, "Warnings": []}

    def _list(self, _: object, __: object, kind: str) -> Answer:
        things = [{**each, "Names": [f"/{each['Name']}"], "State": "running"} for each in self.things[kind].values()]
        return 200, {"Volumes": things, "Warnings": []} if kind == "volumes" else things

    def _inspect(self, _: object, __: object, kind: str, name: str) -> Answer:
        found = self._find(kind, name)
        slash = "/" if kind == "containers" else ""
        return (
            (200, {**found, "Name": slash + found["Name"]}) if found else (404, {"message": f"No such {kind} {name}"})
        )

    def _delete(self, _: object, __: object, kind: str, name: str) -> Answer:
        found = self._find(kind, name)
        if found is None:
            return 404, {"message": f"No such {kind} {name}"}
        del self.things[kind][found["Name"]]
        return 204, b""

    def _pull(self, query: Mapping[str, str], _: object) -> Answer:
        name = f"{query['fromImage']}:{query.get('tag', 'latest')}".removesuffix(
            ":latest" * (":" in query["fromImage"])
        )
        for spelled in (name, name.removeprefix("docker.io/"), name.removeprefix("docker.io/library/")):
            self._add("images", spelled, {"RepoTags": [name], "Os": "linux"})
        return 200, b'{"status":"Pulled"}\r\n'

    def _turn(self, _: object, __: object, name: str, verb: str) -> Answer:
        found, runs = self._find("containers", name), verb in {"start", "restart", "unpause"}
        if found is None:
            return 404, {"message": "No such container"}
        found["State"] |= {
            "Status": "running" if runs else "exited",
            "Running": runs,
            "StartedAt": "2026-01-01T00:00:00Z",
        }
        return 204, b""

    def _exec(self, _: object, content: Mapping[str, Any], name: str) -> Answer:
        found = self._find("containers", name)
        if found is None:
            return 404, {"message": "No such container"}
        ran = self._add("exec", f"exec{len(self.things['exec'])}", {"ContainerID": found["Id"], **content})
        ran["ID"] = ran["Id"]
        return 201, {"Id": ran["Id"]}


def _says(status: int, content: object) -> Callable[..., Answer]:
    return lambda *_: (status, content)


_KINDS: Final = "(containers|networks|volumes)"
_DOES: Final[tuple[tuple[str, Callable[..., Answer]], ...]] = (
    (r"(?:GET|HEAD) _ping", _says(200, b"OK")),
    (r"GET version", _says(200, {"Version": "29.0.0", "ApiVersion": "1.52", "MinAPIVersion": "1.24", "Os": "linux"})),
    (r"GET info", _says(200, {"OSType": "linux", "ServerVersion": "29.0.0", "Containers": 1, "Images": 1})),
    (rf"POST {_KINDS}/create", Engine._create),
    (r"GET (containers|images)/json", Engine._list),
    (r"GET (networks|volumes)", Engine._list),
    (r"GET (containers|images|exec)/(.+)/json", Engine._inspect),
    (r"GET (networks|volumes)/([^/]+)", Engine._inspect),
    (rf"DELETE {_KINDS}/([^/]+)", Engine._delete),
    (r"POST images/create", Engine._pull),
    (r"POST containers/([^/]+)/exec", Engine._exec),
    (r"POST exec/[^/]+/start|GET containers/[^/]+/(?:logs|stats)|GET events", _says(200, b"")),
    (r"POST containers/[^/]+/attach", _says(101, b"")),
    (r"POST containers/[^/]+/wait", _says(200, {"StatusCode": 0})),
    (r"POST containers/([^/]+)/(start|stop|kill|restart|pause|unpause)", Engine._turn),
    (r"POST containers/[^/]+/(?:rename|update|resize)", _says(204, b"")),
    (r"POST networks/[^/]+/(?:dis)?connect|PUT containers/[^/]+/archive", _says(200, b"")),
    (r"GET containers/[^/]+/archive", _says(200, b"\0" * 1024)),
    (r"GET (?:services|tasks|nodes|plugins|secrets|configs|images/.+/history|images/search)", _says(200, [])),
    (r"GET (?:swarm|system/df|distribution/.+/json|containers/[^/]+/top)", _says(200, {})),
    (r"GET (?:services|tasks|nodes|secrets|configs)/[^/]+", _says(200, {})),
    (r"GET (?:services|tasks)/[^/]+/logs|GET images/(?:get|.+/get)|HEAD containers/[^/]+/archive", _says(200, b"")),
    (r"POST (?:services|nodes|secrets|configs)/[^/]+/update", _says(200, {"Warnings": []})),
    (r"POST (?:services|secrets|configs)/create", _says(201, {"ID": "made"})),
    (r"DELETE (?:services|nodes|secrets|configs)/[^/]+", _says(204, b"")),
    (r"POST images/.+/tag", _says(201, b"")),
    (r"POST commit", _says(201, {"Id": "sha256:" + "c" * 64})),
    (r"POST (?:auth|build|images/load|images/.+/push|exec/[^/]+/resize)", _says(200, b"")),
    (r"POST (?:containers|images|networks|volumes|build)/prune", _says(200, {})),
    (r"DELETE images/.+", _says(200, [])),
)
"""Functions of the engine by method and path, without the version."""


def make_handler(engine: Engine) -> type[BaseHTTPRequestHandler]:
    """Have an engine answer over HTTP."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline()
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            status, content = engine.do(self.command, self.path, self._read())
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.close_connection |= status == http.HTTPStatus.SWITCHING_PROTOCOLS
            self.send_response_only(status)
            kind = _STREAM if isinstance(content, bytes) else "application/json"
            fields = (
                {"Upgrade": "tcp", "Connection": "Upgrade"} if status == http.HTTPStatus.SWITCHING_PROTOCOLS else {}
            )
            fields |= {} if status in {101, 204} else {"Content-Length": str(len(body))}
            for name, value in {"Content-Type": kind, "Api-Version": "1.52", **fields}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else body)
            self.wfile.flush()

        def _read(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", "0")))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

    return Handler


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(str(self.path))


def send(path: Path, client: str, method: str, target: str, body: str) -> tuple[int, str]:
    """Send a request as a library does; return the status and the answer."""
    connection = _Connection(path)
    sent = b"\0" * 1024 if body == "tar" else body.encode()
    kind = {"Content-Type": "application/x-tar"} if body == "tar" else _BODIES if body else {}
    upgrades = {"Connection": "Upgrade", "Upgrade": "tcp"} if target.partition("?")[0].endswith("/attach") else {}
    fields = {**CLIENTS[client], **kind, **upgrades}
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    for name, value in fields.items():
        connection.putheader(name, value)
    chunked = bool(body) and client in CHUNKED
    if chunked:
        connection.putheader("Transfer-Encoding", "chunked")
    elif body or (method in {"POST", "PUT"} and client not in SILENT):
        connection.putheader("Content-Length", str(len(sent)))
    connection.endheaders(sent or None, encode_chunked=chunked)
    answer = connection.getresponse()
    status, text = answer.status, answer.read().decode()
    connection.close()
    return status, text
