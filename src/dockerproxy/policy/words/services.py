"""What a service of a swarm mounts, joins and opens, where that is spelled otherwise than for a container.

Attack: a source with a template, which a node fills in later: `/srv/{{"../.."}}/etc` is `/etc` -> Defence: refused.
Attack: a type of a mount in other capitals, or none, which means a bind -> Defence: refused.
Attack: a network by its id, its beginning, or the older list at the top -> Defence: looked up, goes on under the id.
Attack: a port that is opened on every address of every node -> Defence: judged as such.
Attack: an older version, of which the engine leaves out the limit that the grant demands -> Defence: refused.
Attack: swap where memory is bounded -> Defence: bounded, too.
Attack: put links into a volume while Docker fills it for a task (`policy/copies`) -> Defence: it fills none that has a
name (test: test_nothing_is_copied_into_a_volume_of_a_service).
Attack: an update without credentials to an image of another registry, which then gets those that the service has,
whoever gave them; or with those of the state before, or of a state that came since -> Defence: the registry stays as it
is in the state that is named (test: test_a_service_sends_its_credentials_to_no_other_registry).
Attack: an earlier state by `rollback`, whatever the body says -> Defence: the table refuses it.
Other nodes cannot be reading from here: a volume is looked at where the engine is.
"""

from typing import Final

from dockerproxy.policy.claim import Object, Reading, find_fault, objects_at
from dockerproxy.policy.objects import Kind
from dockerproxy.policy.references import parse_reference
from dockerproxy.policy.words.granted_networks import Joined
from dockerproxy.policy.words.limits import claim_amount, claim_swap
from dockerproxy.policy.words.mounts import check_mounts
from dockerproxy.policy.words.names import IS_NAME
from dockerproxy.policy.words.no_new_privileges import SINCE
from dockerproxy.policy.words.ports import claim_address, claim_port
from dockerproxy.wire.document import Json, list_of, object_of

_PIDS_SINCE: Final = (1, 41, 0)
"""Under older versions the engine leaves the field out (`adjustForAPIVersion` in its service router)."""


def check_service_mounts(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Each mount is one that a container may have, and says so now: nodes fill in templates later."""
    for where, mount in objects_at(value, path):
        if "{{" in str(mount.get("Source")):
            reading.violate(f"{where}.Source", mount["Source"], "not allowed: a template may become any path")
        if mount.get("Type") == "volume" and mount.get("Source"):
            mount["VolumeOptions"] = {**object_of(mount.get("VolumeOptions")), "NoCopy": True}
    check_mounts(reading, value, path, {})


def check_service_networks(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Each network is one that is granted, and goes on under its whole id; the host's never."""
    for where, network in objects_at(value, path):
        network["Target"] = _join_network(reading, str(network.get("Target") or ""), f"{where}.Target")


def _join_network(reading: Reading, name: str, path: str) -> str:
    if not IS_NAME(name):
        reading.violate(path, name, "not a valid network name")
        return name
    found, lookup = reading.resolve(Kind.NETWORK, name)
    if found is not None and ("host" in found.names or found.document.get("driver") == "host"):
        reading.violate(path, name, "not allowed: it is the host's network")
    wrong = None if found is None or found.document else find_fault(path, name, "a network that does not exist")
    joined = Joined(found, "bridge" in found.names) if found is not None else None
    reading.claim("networks", joined, path, name, "a network that no rule allows", lookup=lookup, wrong=wrong)
    return found.id if found is not None else name


def check_service_ports(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Each port is one that is granted; a swarm opens it on all addresses. Without a number it picks one."""
    for place, port in objects_at(value, path):
        where, published = f"{place}.PublishedPort", port.get("PublishedPort")
        published = published if isinstance(published, int) else 0
        claim_port(reading, published, where)
        claim_address(reading, "", where, published)


def check_service_pids(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """There is a bound of processes, if the grant says so, and the engine reads it."""
    reading.claim_since("pids", _PIDS_SINCE, path)
    claim_amount(reading, "pids", value, path)


def check_kept_credentials(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """An update without credentials keeps the registry: nodes send it those that the service has.

    Engines take the first field, and credentials of the state before if the request says so (moby
    daemon/cluster/services.go, UpdateService).
    """
    if any(list_of(value)[:1]):
        return
    request, found = reading.request, reading.found
    document = found.document if found is not None else {}
    is_former = request.values("registryauthfrom") == ("previous-spec",)
    before = _find_registry(document.get("previousspec" if is_former else "spec"))
    version = str(object_of(document.get("version")).get("Index"))
    if before != _find_registry(reading.content) or not before or request.values("version") != (version,):
        says = "is missing, but needed where the registry of the image changes: the service has credentials of its own"
        reading.claim("switched", True, path, None, says)  # noqa: FBT003 (it is what is claimed)


def _find_registry(spec: object) -> str:
    """Return the registry of a service's image; empty if that is not certain."""
    task = object_of(object_of(spec).get("TaskTemplate"))
    reference = parse_reference(str(object_of(task.get("ContainerSpec")).get("Image") or ""))
    return reference.name.partition("/")[0] if reference is not None else ""


def check_no_new_privileges(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Set-user-id programs are kept from working, if the grant says so, and the engine reads it."""
    reading.claim_since("no_new_privileges", SINCE, path)
    says = "but must be true" if value is False else "must be true"
    reading.claim("no_new_privileges", value is True, path, value, says)


def check_swap(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Swap does not make a bound of memory worthless."""
    claim_swap(reading, value, path, with_memory=False)
