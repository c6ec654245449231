"""`stream`: whether the answer goes on, a line a second."""

from dockerproxy.policy.constraints.base import Flag

CONSTRAINT = Flag("stream", "whether the answer goes on, a line a second")
