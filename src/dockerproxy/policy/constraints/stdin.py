"""`stdin`: whether the client can type into it. A request has to say so or not: engines differ if it does not."""

from dockerproxy.policy.constraints.base import Flag

CONSTRAINT = Flag(
    "stdin",
    "whether the client can type into it; a request has to say so or not, for engines differ where it says nothing",
)
