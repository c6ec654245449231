"""Conditions on requests: what a grant may demand besides the operation."""

import re
from dataclasses import dataclass
from typing import Final

from dockerproxy.api.request import CanonicalRequest

_NAMESPACE: Final = re.compile(r"[a-z0-9_-]+")
"""In a reference, a first part with a capital is a host too (distribution/reference, splitDockerDomain)."""


@dataclass(frozen=True, slots=True)
class NamesNoHost:
    """A parameter names no registry host, so that the engine asks the one it is configured for.

    Docker takes the first part of `host/name` for a host if it has a dot or a colon or is `localhost` (moby
    daemon/pkg/registry, splitReposSearchTerm). Podman's search takes whatever stands before the first slash
    (containers/common libimage/search.go), so there no slash may stand at all.

    Attributes:
        parameter: Name of the query parameter; every value is looked at.
        namespaces: Whether a plain word before a slash is a namespace of the configured registry.
    """

    parameter: str
    namespaces: bool

    def holds(self, request: CanonicalRequest) -> bool:
        """Whether no value of the parameter has a host."""
        return not any(self._has_host(value) for value in request.values(self.parameter))

    def _has_host(self, reference: str) -> bool:
        first, slash, _ = reference.partition("/")
        namespace = self.namespaces and _NAMESPACE.fullmatch(first) and first != "localhost"
        return bool(slash) and not namespace

    def __str__(self) -> str:
        return f"{self.parameter} names no registry host"


@dataclass(frozen=True, slots=True)
class NamesNoBuilder:
    """The container to be created is none that BuildKit's client starts for itself.

    When a build finds no way to the engine's own builder, buildx falls back to a privileged container of its own,
    named `buildx_buildkit_` and the builder's name (buildx driver/docker-container), without being asked to.
    """

    def holds(self, request: CanonicalRequest) -> bool:
        """Whether no value of the name is a builder's. The engine drops a slash in front."""
        return not any(name.lstrip("/").startswith("buildx_buildkit_") for name in request.values("name"))

    def __str__(self) -> str:
        return "name is not one of a privileged builder, buildx_buildkit_..."
