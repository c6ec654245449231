"""`follow`: whether the answer goes on as more is printed."""

from dockerproxy.policy.constraints.base import Flag

CONSTRAINT = Flag("follow", "whether the answer goes on as more is printed")
