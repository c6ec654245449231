"""`pods`: the pods that an operation is about, or that a container may join, with all that they share."""

from dockerproxy.policy.constraints.names import Names

CONSTRAINT = Names(
    "pods",
    "which pods, by name, glob or full id; joined, with all that they share, are only those, and none on the host",
)
