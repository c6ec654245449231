"""`publish`: host ports that may be opened, and their addresses.

Values of claims are a range of ports, 0 for any free port, or a tuple of addresses.

Attacks: docs/attacks.md, policy/words/publish.
"""

from collections.abc import Hashable, Iterable
from typing import Final

from dockerproxy.policy.claim import KEEP, Claim, Object, Reading, Substitute, objects_at
from dockerproxy.policy.objects import Kind, Lookup
from dockerproxy.policy.values import Pairs, Takes, Value
from dockerproxy.policy.words.constraint import Condition, Constraint, Matcher
from dockerproxy.policy.words.spellings import merge_ports, read_address, read_ports
from dockerproxy.wire.document import Json, list_of, object_of, show

_NO_PORT: Final = "a host port that no rule allows"
_NO_ADDRESS: Final = "an address that no rule allows"
_ANY_ADDRESS: Final = ("0.0.0.0", "::")  # noqa: S104 (what an empty HostIp means, nothing is bound here)


class _Publish(Constraint):
    takes = Takes.PORTS

    def matcher(self, granted: Value) -> Matcher:
        """Match ports and addresses, if the value limits them."""
        ports, addresses = _list(granted, "ports"), _list(granted, "addresses")
        free = merge_ports(ports or ())
        known = frozenset(map(normalise_address, addresses or ()))

        def matches(value: Hashable) -> bool:
            if isinstance(value, tuple):
                return addresses is None or known.issuperset(map(normalise_address, value))
            if not isinstance(value, range):
                return False
            return ports is None or any(each.start <= value.start and value.stop <= each.stop for each in free)

        return matches

    def judge(self, condition: Condition, claim: Claim) -> Substitute | Lookup:
        """Fill in a missing address if the grant has exactly one."""
        value, bindings = claim.options[0] if claim.options else (None, KEEP)
        if not isinstance(value, tuple):
            return super().judge(condition, claim)
        addresses = _list(condition.value, "addresses") or ()
        if not isinstance(bindings, dict) or len(addresses) != 1 or condition.matches(value):
            return KEEP if condition.matches(value) else None
        return {
            port: [{**object_of(each), "HostIp": object_of(each).get("HostIp") or addresses[0]} for each in several]
            for port, several in ((port, list_of(listed) or [{}]) for port, listed in bindings.items())
        }

    def by_default(self, value: Hashable) -> bool:
        """Refuse ports. Without ports, addresses do not matter."""
        return isinstance(value, tuple)

    def least(self, value: Hashable) -> Value | None:
        if isinstance(value, range):
            last = value.stop - 1
            return Pairs((("ports", (f"{value.start}-{last}" if value[1:] else f"{last}",)),))
        return Pairs((("addresses", value),)) if isinstance(value, tuple) else None

    def read_back(self, least: Value) -> tuple[Hashable, ...]:
        addresses = ((text,) for text in _list(least, "addresses") or ())
        return (*map(read_ports, _list(least, "ports") or ()), *addresses)

    def within(self, inner: Value, outer: Value) -> bool:
        matches = self.matcher(outer)
        ports, addresses = _list(inner, "ports"), _list(inner, "addresses")
        fills = addresses is not None and len(addresses) == 1
        if fills and len(_list(outer, "addresses") or addresses or ()) != 1:
            return False  # The outer value does not admit ports without an address.
        has_ports = _list(outer, "ports") is None or (ports is not None and all(map(matches, map(read_ports, ports))))
        return has_ports and (_list(outer, "addresses") is None or matches(addresses))


def _list(granted: Value, name: str) -> tuple[str, ...] | None:
    """Return the listed ports or addresses; None if they are not limited."""
    value = dict(granted.items).get(name) if isinstance(granted, Pairs) else None
    return value if isinstance(value, tuple) else None


def fill(claim: Claim, conditions: Iterable[Condition]) -> Claim:
    """Return a claim of a missing address with the one that a condition fills in, if any."""
    granted = next((each for each in conditions if each.word == "publish" == claim.word), None)
    is_address = any(isinstance(value, tuple) for value, _ in claim.options)
    if granted is None or not is_address or not isinstance(granted.constraint.judge(granted, claim), dict):
        return claim
    return claim._replace(options=((_list(granted.value, "addresses"), KEEP),))


def normalise_address(text: str) -> str:
    """Return an address in canonical form; invalid text is unchanged."""
    return str(read_address(text) or text)


def check_publish(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Each host port must be granted, and its address."""
    opened: dict[tuple[str, str], tuple[str, int]] = {}  # Ports by address, and where each was first.
    bindings = object_of(value)
    _check_count(reading, sum(len(list_of(listed)) or 1 for listed in bindings.values()), path)
    for port, listed in bindings.items():
        # Docker replaces empty values: a free port, any address.
        for number, binding in enumerate(list_of(listed) or [{}]):
            fields = object_of(binding)
            opened.setdefault((str(fields.get("HostPort") or "0"), str(fields.get("HostIp") or "")), (port, number))
    for (free, address), (port, number) in opened.items():
        where = f"{path}[{show(port)}][{number}]"
        _claim_port(reading, free, f"{where}.HostPort")
        if address:
            _claim_address(reading, address, f"{where}.HostIp", address)
        else:  # Addresses are set for all of them at the first.
            claim = Claim("publish", ((_ANY_ADDRESS, bindings),), f"{where}.HostIp", address, _NO_ADDRESS)
            reading.claims.append(claim._replace(target=path) if bindings else claim)
            bindings = {}


def check_publish_all(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Ports that the engine chooses, on all addresses: they are written out, see `check_exposed`."""
    if value is True:
        ports = Claim("publish", ((range(1), False),), path, "any free port", _NO_PORT, target=path)
        reading.claims.append(ports)
        _claim_address(reading, "", path, "")


def check_exposed(reading: Reading, value: Json, _path: str, parent: Object) -> None:
    """With `PublishAllPorts`, list the ports of the request and the image: the engine publishes no others.

    The image is unknown at first, and the name may mean another one when the engine acts.
    """
    host, image = object_of(parent.get("HostConfig")), str(parent.get("Image") or "")
    if host.get("PublishAllPorts") is not True:
        return
    found, lookup = reading.resolve(Kind.IMAGE, image) if image else (None, None)
    of_image = object_of(found.document.get("config") if found is not None else None).get("ExposedPorts")
    free: dict[str, Json] = {port: [{}] for port in (*object_of(value), *object_of(of_image))}
    bindings = {**free, **object_of(host.get("PortBindings"))}
    path = "HostConfig.PublishAllPorts"
    _check_count(reading, sum(len(list_of(listed)) or 1 for listed in bindings.values()), path)
    claim = Claim("publish", ((range(1), bindings),), path, "any free port", _NO_PORT, later=lookup)
    reading.claims.append(claim._replace(target="HostConfig.PortBindings"))


def check_service_ports(reading: Reading, value: Json, path: str, _parent: Object) -> None:
    """Each port must be granted. A swarm opens it on all addresses, and chooses a missing number."""
    _check_count(reading, len(list_of(value)), path)
    for place, port in objects_at(value, path):
        where, published = f"{place}.PublishedPort", port.get("PublishedPort")
        published = published if isinstance(published, int) else 0
        _claim_port(reading, published, where)
        _claim_address(reading, "", where, published)


def _check_count(reading: Reading, count: int, path: str) -> None:
    """Few ports may be published: Docker runs two processes on the host for each."""
    if count > reading.most_ports:
        fix = "publish fewer, or raise ports in quota of the socket"
        reading.violate(path, None, f"publishes {count} ports, but must be at most {reading.most_ports}", fix)


def _claim_port(reading: Reading, port: int | str, path: str) -> None:
    """Claim a host port, or a range; 0 is any free port."""
    ports = read_ports(str(port))
    if ports is None:
        reading.violate(path, port, "not a valid port or range of ports")
    else:
        shown = "any free port" if port == "0" else port
        reading.claim("publish", ports, path, shown, _NO_PORT)


def _claim_address(reading: Reading, address: str, path: str, shown: Json) -> None:
    """Claim the address of a port. Without one, it is opened on all."""
    if address and read_address(address) is None:
        says = "not an IP address that all engines read alike"
        reading.claim("publish", None, path, shown, says, without=True)
    else:
        addresses = (address,) if address else _ANY_ADDRESS
        reading.claim("publish", addresses, path, shown, _NO_ADDRESS)


WORDS: Final = (_Publish("publish", "which ports of the host may be opened, and on which addresses"),)
CHECKS: Final = (check_exposed, check_publish, check_publish_all, check_service_ports)
