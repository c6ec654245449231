"""Names on networks that a client shares with others: it takes none that another client's container has there.

An engine's DNS answers a name with all containers of a network that have it: as name, hostname, alias or short ID. It
answers before other servers, so a name with a dot could stand for any host. Stopped containers keep their names.

Containers on other nodes of a swarm are unknown here.

Attacks: docs/attacks.md, tenancy/neighbours.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from dockerproxy.api.catalog import OPERATIONS
from dockerproxy.owner_labels import find_owner
from dockerproxy.plans.showing import find_labels, read_listing
from dockerproxy.policy.claim import Reading
from dockerproxy.policy.lists import ImageLabels, has_joined
from dockerproxy.policy.model import Making
from dockerproxy.policy.objects import Lookup, ResolvedObject, get_object
from dockerproxy.policy.steps import Ask, Says, Scene, Steps, UnknownObjectError
from dockerproxy.policy.words.networks import BY_ITSELF, Joined
from dockerproxy.text import lower
from dockerproxy.wire.document import list_of, object_of, read_engine_json, show

_DIGITS: Final = 12
"""Digits of a container's ID, which are a name of it (moby daemon/container_operations.go, buildEndpointDNSNames)."""

_IS_LABEL: Final = partial(re.fullmatch, "[a-z0-9_-]+")


def list_shared(read: Reading, owner: str) -> tuple[str, ...]:
    """Return the networks that a request joins, or renames a container on, unless the client is known to own them."""
    found = dict[str, None]()
    for claim in (each for each in read.claims if each.word == "networks" and each.options):
        value, mine = claim.options[0][0], claim.owned
        is_own = isinstance(mine, ResolvedObject) and mine.belongs_to == owner
        if isinstance(value, Joined) and not (value.is_default or is_own):
            found[value.found.id] = None
    renamed = read.found if read.request.operation.name == "ContainerRename" else None
    networks = object_of(object_of(renamed.document.get("networksettings")).get("Networks")) if renamed else {}
    return (*found, *(name for name in networks if name not in BY_ITSELF))


def list_names(read: Reading) -> tuple[str, ...]:
    """Return the names that a request gives a container or service, in lower case, as DNS compares them."""
    return _clean((*read.request.values("name"), *_list_names(object_of(read.content))))


def _list_names(content: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names in a body, or in the specification of a service."""
    task = object_of(content.get("TaskTemplate"))
    endpoints = object_of(object_of(content.get("NetworkingConfig")).get("EndpointsConfig")).values()
    attached = (content.get("EndpointConfig"), *list_of(task.get("Networks")), *list_of(content.get("Networks")))
    hosts = (object_of(each).get("Hostname") for each in (content, task.get("ContainerSpec")))
    return _clean((content.get("Name"), *hosts, *_list_aliases((*endpoints, *attached))))


def _list_aliases(endpoints: Iterable[object]) -> Iterator[object]:
    for each in map(object_of, endpoints):
        yield from (*list_of(each.get("Aliases")), *list_of(each.get("DNSNames")))


def _clean(names: Iterable[object]) -> tuple[str, ...]:
    texts = (lower(name).removeprefix("/") for name in names if isinstance(name, str))
    return tuple(dict.fromkeys(filter(None, texts)))


def find_taken(owner: str, create: Making, scene: Scene) -> Steps[Says | None]:
    """Return a denial if a name of a request is taken on a network that the client does not own."""
    names = [*create.uses.names]
    if create.uses.shares and create.request.operation.name == "NetworkConnect":
        container = str(object_of(json.loads(create.content or b"{}")).get("Container"))
        names += _list_said((yield from _ask(f"/containers/{quote(container, safe='')}/json")))[:2]
    for share in create.uses.shares if names else ():
        network = yield from _ask(f"/networks/{quote(share, safe='')}")
        if not network or find_owner(object_of(network.get("Labels")), {}) == owner:
            continue
        where = f"on the network {show(str(network.get('Name')))}, which others use"
        dotted = next((name for name in names if not _IS_LABEL(name)), None)
        if dotted is not None:
            return Says(HTTPStatus.FORBIDDEN, f"the name {show(dotted)} has a dot {where}: it could be another host's")
        taken = {*names}.intersection((yield from _list_others(owner, network, scene)))
        if taken:
            what = f"the name {show(min(taken))} is another client's {where}; choose another, or leave it out there"
            return Says(HTTPStatus.FORBIDDEN, what)
    return None


def _list_others(owner: str, network: Mapping[str, object], scene: Scene) -> Steps[set[str]]:
    """Return the names that containers and services of others have on a network."""
    found = ResolvedObject(str(network.get("Id")), (str(network.get("Name")),))
    lists = {"ContainerList": "/containers/json?all=1", "ServiceList": "/services"}
    names = set[str]()
    for name, target in lists.items() if network.get("Scope") == "swarm" else [*lists.items()][:1]:
        status, content = yield from Ask("GET", target)
        if status != HTTPStatus.OK:
            raise UnknownObjectError(f"the engine answered {status} to {target}", HTTPStatus.SERVICE_UNAVAILABLE)
        listing = yield from read_listing(scene, OPERATIONS[name], content)
        labels = yield from find_labels(listing, owner)
        others = [get_object(each.found) for each in listing.elements if not is_counted(each.found, owner, labels)]
        for other in others:
            if name == "ServiceList":
                names.update(_list_names(object_of(other.document.get("spec"))))
            elif has_joined(other, found):
                names.update(_list_said((yield from _ask(f"/containers/{other.id}/json"))))
    return names


def _list_said(container: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names of a container by its inspection: first its name and hostname."""
    networks = object_of(object_of(container.get("NetworkSettings")).get("Networks"))
    hostname = object_of(container.get("Config")).get("Hostname")
    short = str(container.get("Id"))[:_DIGITS]
    return _clean((container.get("Name"), hostname, short, *_list_aliases(networks.values())))


def _ask(target: str) -> Steps[Mapping[str, object]]:
    """Return the engine's description of an object; empty if there is none."""
    status, content = yield from Ask("GET", target)
    if status not in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}:
        raise UnknownObjectError(f"the engine answered {status} to {target}", HTTPStatus.SERVICE_UNAVAILABLE)
    return object_of(read_engine_json(content)) if status == HTTPStatus.OK else {}


def is_counted(found: ResolvedObject | Lookup, owner: str, labels: ImageLabels) -> bool:
    """Whether an object counts as an owner's: it has the stamp, which is not known to come from its image."""
    inherited = labels.get(found.target) if isinstance(found, Lookup) else None
    return find_owner(get_object(found).labels, inherited or {}) == owner
