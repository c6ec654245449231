"""`remove_volumes`: whether its unnamed volumes go too."""

from dockerproxy.policy.constraints.base import Flag

CONSTRAINT = Flag("remove_volumes", "whether its unnamed volumes go too")
