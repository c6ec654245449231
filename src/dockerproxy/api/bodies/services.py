# ruff: noqa: E501 - a table: one field is one line, so that columns can be compared and lines be searched
"""Bodies of a swarm: what makes and changes a service, a secret, a config. `fields.py` says what a line means.

A service is a container in another spelling, and is held to the same rules. Its mounts have the same fields, so their
lines are those of the container. The specification calls two fields otherwise than the engine reads them: `HealthCheck`
(read without regard to case) and `PluginPrivilege`, which is `privileges`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from dockerproxy.api.bodies.containers import CONTAINERS
from dockerproxy.api.bodies.fields import Field, read_fields, within
from dockerproxy.api.bodies.repeats import with_repeats

_MOUNTS: Final = tuple(
    replace(each, path=each.path.removeprefix("HostConfig."))
    for each in CONTAINERS["ContainerCreate"][1]
    if each.path.startswith("HostConfig.Mounts[]")
)

# fmt: off
# path                                             type     since how              | what it can do
_CONTAINER: Final = read_fields("""
Image                                              string   1.24  images!          | chooses which code runs, on every node
Labels.*                                           string   1.24  labels!          | puts labels on its containers, which other programs may act on
Command[]                                          string   1.24  any              | is what runs
Args[]                                             string   1.24  any              | is what runs
Hostname                                           string   1.25  any              | names the host inside the container
Env[]                                              string   1.24  any              | sets environment variables
Dir                                                string   1.24  any              | is where the command starts
User                                               string   1.24  user!            | runs it as that user and group of the container
Groups[]                                           string   1.25  unset            | a group may own files of the host, like the engine's socket
Privileges.CredentialSpec.Config                   string   1.40  unset            | it is about Windows only
Privileges.CredentialSpec.File                     string   1.29  unset            | it is about Windows only
Privileges.CredentialSpec.Registry                 string   1.29  unset            | it is about Windows only
Privileges.SELinuxContext.Disable                  boolean  1.30  unset            | turns confinement off
Privileges.SELinuxContext.User                     string   1.30  unset            | it chooses another confinement
Privileges.SELinuxContext.Role                     string   1.30  unset            | it chooses another confinement
Privileges.SELinuxContext.Type                     string   1.30  unset            | it chooses another confinement
Privileges.SELinuxContext.Level                    string   1.30  unset            | it chooses another confinement
Privileges.Seccomp.Mode                            string   1.44  =default         | turns confinement off
Privileges.Seccomp.Profile                         string   1.44  unset            | it is a confinement of the client's own
Privileges.AppArmor.Mode                           string   1.44  =default         | turns confinement off
Privileges.NoNewPrivileges                         boolean  1.44  no_new_privileges! | keeps set-user-id programs from working
Init                                               boolean  1.37  any              | runs an init process in it
StopSignal                                         string   1.28  any              | is the signal that stops it
StopGracePeriod                                    integer  1.24  any              | nanoseconds until it is killed
TTY                                                boolean  1.24  any              | gives it a terminal
OpenStdin                                          boolean  1.25  any              | keeps its input open
ReadOnly                                           boolean  1.27  any              | keeps its own files from being written
Healthcheck.Test[]                                 string   1.26  any              | is a command that is run again and again in the container
Healthcheck.Interval                               integer  1.26  any              | nanoseconds between two checks
Healthcheck.Timeout                                integer  1.26  any              | nanoseconds for one check
Healthcheck.Retries                                integer  1.26  any              | failures after which it is unhealthy
Healthcheck.StartPeriod                            integer  1.29  any              | nanoseconds in which failures do not count
Healthcheck.StartInterval                          integer  1.44  any              | nanoseconds between checks in that time
Hosts[]                                            string   1.25  any              | gives names to addresses, in the container
DNSConfig.Nameservers[]                            string   1.25  any              | is asked for names
DNSConfig.Search[]                                 string   1.25  any              | is about asking for names
DNSConfig.Options[]                                string   1.25  any              | is about asking for names
Secrets[].SecretID                                 string   1.25  part             | is the secret
Secrets[].SecretName                               string   1.25  part             | is the secret's name
Secrets[].File.Name                                string   1.25  any              | is where it appears in the container
Secrets[].File.UID                                 string   1.25  any              | is who owns it in the container
Secrets[].File.GID                                 string   1.25  any              | is which group owns it in the container
Secrets[].File.Mode                                integer  1.25  any              | is who may do what with it
Secrets[]                                          object   1.25  secrets          | reads secrets of the swarm
Configs[].ConfigID                                 string   1.30  part             | is the config
Configs[].ConfigName                               string   1.30  part             | is the config's name
Configs[].File.Name                                string   1.30  any              | is where it appears in the container
Configs[].File.UID                                 string   1.30  any              | is who owns it in the container
Configs[].File.GID                                 string   1.30  any              | is which group owns it in the container
Configs[].File.Mode                                integer  1.30  any              | is who may do what with it
Configs[].Runtime                                  empty    1.40  absent           | it is about Windows only
Configs[]                                          object   1.30  configs          | reads configs of the swarm
Isolation                                          string   1.35  =default         | it is about Windows only
Sysctls.*                                          string   1.40  unset            | it sets parameters of the kernel
CapabilityAdd[]                                    string   1.41  capabilities     | root in the container can do more
CapabilityDrop[]                                   string   1.41  any              | root in the container can do less
Ulimits[].Name                                     string   1.41  limits           | is the name of a limit; by some a process goes before all others on the host
Ulimits[].Soft                                     integer  1.41  any              | is what the limit is at first
Ulimits[].Hard                                     integer  1.41  any              | is what it may be raised to
OomScoreAdj                                        integer  1.46  oom_score        | says who is killed first when memory is short
""")

_GENERIC: Final = read_fields("""
GenericResources[].NamedResourceSpec.Kind          string   1.32  part             | is the kind of a thing that a node offers, like a GPU
GenericResources[].NamedResourceSpec.Value         string   1.32  part             | is that thing
GenericResources[].DiscreteResourceSpec.Kind       string   1.32  part             | is the kind of things that a node offers, like GPUs
GenericResources[].DiscreteResourceSpec.Value      integer  1.32  part             | is how many of them
GenericResources[]                                 object   1.32  unset            | it reaches devices of the nodes
""")

_NETWORK: Final = read_fields("""
[].Target                                          string   1.24  part             | is the network, by name, id or the beginning of an id
[].Aliases[]                                       string   1.24  any              | are names in the network
[].DriverOpts.*                                    string   1.32  unset            | it sets parameters of the kernel for the interface
[]                                                 object   1.24  service_networks | joins networks
""")

_ROLLOUT: Final = read_fields("""
Parallelism                                        integer  1.24  any              | is how many tasks are changed at once
Delay                                              integer  1.24  any              | nanoseconds between changes
FailureAction                                      string   1.24  any              | says what happens when that fails; what it goes back to ran before
Monitor                                            integer  1.25  any              | nanoseconds in which a task may fail
MaxFailureRatio                                    number   1.25  any              | is how many may fail
Order                                              string   1.29  any              | says whether the old task stops first
""")

_TASK: Final = read_fields("""
PluginSpec.Name                                    string   1.31  unset            | it installs a plugin on every node, which can be root there
PluginSpec.Remote                                  string   1.31  unset            | it installs a plugin on every node, which can be root there
PluginSpec.Disabled                                boolean  1.31  unset            | it installs a plugin on every node, which can be root there
PluginSpec.PluginPrivilege[].Name                  string   1.31  part             | is what a plugin may do
PluginSpec.PluginPrivilege[].Description           string   1.31  part             | is what a plugin may do
PluginSpec.PluginPrivilege[].Value[]               string   1.31  part             | is what a plugin may do
PluginSpec.PluginPrivilege[]                       object   1.31  unset            | it lets a plugin reach the nodes
PluginSpec.privileges[].Name                       string   1.31  part             | is what a plugin may do
PluginSpec.privileges[].Description                string   1.31  part             | is what a plugin may do
PluginSpec.privileges[].Value[]                    string   1.31  part             | is what a plugin may do
PluginSpec.privileges[]                            object   1.31  unset            | it lets a plugin reach the nodes
PluginSpec.env[]                                   string   1.40  unset            | it is for a plugin
NetworkAttachmentSpec.ContainerID                  string   1.38  unset            | it joins a network with another container
Resources.Limits.NanoCPUs                          integer  1.24  cpus!            | bounds its processors, in billionths
Resources.Limits.MemoryBytes                       integer  1.24  memory!          | bounds its memory, in bytes
Resources.Limits.Pids                              integer  1.41  service_pids!    | bounds its processes
Resources.Reservations.NanoCPUs                    integer  1.24  any              | is what a node must have left, in billionths of a processor
Resources.Reservations.MemoryBytes                 integer  1.24  any              | is what a node must have left, in bytes
Resources.SwapBytes                                integer  1.52  swap             | bounds its swap
Resources.MemorySwappiness                         integer  1.52  any              | is how readily its memory is swapped
RestartPolicy.Condition                            string   1.24  any              | says when it is started again
RestartPolicy.Delay                                integer  1.24  any              | nanoseconds before it is
RestartPolicy.MaxAttempts                          integer  1.24  any              | says how often
RestartPolicy.Window                               integer  1.24  any              | nanoseconds in which that is counted
Placement.Constraints[]                            string   1.24  any              | leaves out nodes; without it all may be chosen, managers too
Placement.Preferences[].Spread.SpreadDescriptor    string   1.28  any              | spreads tasks over nodes
Placement.MaxReplicas                              integer  1.40  any              | is how many tasks a node runs at most
Placement.Platforms[].Architecture                 string   1.30  any              | leaves out nodes of another kind
Placement.Platforms[].OS                           string   1.30  any              | leaves out nodes of another kind
ForceUpdate                                        integer  1.25  any              | starts all tasks anew
Runtime                                            string   1.30  =container       | a plugin can be root on every node
LogDriver.Name                                     string   1.24  =json-file,local,none,journald | a log driver may connect anywhere from the host
LogDriver.Options.*                                string   1.24  log_options      | makes the engine connect somewhere, or read files of the host
""")

_SERVICE: Final = read_fields("""
Name                                               string   1.24  names!           | is what it is called
Labels.*                                           string   1.24  labels!          | puts labels on it, which other programs may act on
Mode.Replicated.Replicas                           integer  1.24  any              | is how many tasks it has
Mode.Global                                        empty    1.24  any              | runs a task on every node
Mode.ReplicatedJob.MaxConcurrent                   integer  1.41  any              | is how many tasks run at once
Mode.ReplicatedJob.TotalCompletions                integer  1.41  any              | is how many tasks must end well
Mode.GlobalJob                                     empty    1.41  any              | runs a task on every node, until it ends
EndpointSpec.Mode                                  string   1.24  any              | says whether it has an address of its own
EndpointSpec.Ports[].Name                          string   1.24  any              | names a port
EndpointSpec.Ports[].Protocol                      string   1.24  any              | is tcp, udp or sctp
EndpointSpec.Ports[].TargetPort                    integer  1.24  any              | is the port in the container
EndpointSpec.Ports[].PublishedPort                 integer  1.24  part             | is a port of the hosts; 0 for any free one
EndpointSpec.Ports[].PublishMode                   string   1.32  any              | says whether nodes without a task open it too
EndpointSpec.Ports[]                               object   1.24  service_ports    | opens ports of every node
""")

_SERVICE_UPDATE: Final = read_fields("""
?version                                           integer  1.24  any              | is which state of it is changed
?registryAuthFrom                                  string   1.25  =spec,previous-spec | says whose credentials for the registry are used from now on
?rollback                                          string   1.28  =none            | goes back to what it was before, whatever the body says
""")

_SECRET: Final = read_fields("""
Name                                               string   1.25  names!           | is what it is called
Labels.*                                           string   1.25  labels!          | puts labels on it, which other programs may act on
Data                                               string   1.25  any              | is the value, in base64
Driver.Name                                        string   1.31  unset            | it has a plugin, or for Podman a command of the host, keep the value
Driver.Options.*                                   string   1.31  unset            | it has Podman keep the value anywhere on the host
Templating.Name                                    string   1.37  unset            | it is filled in with other secrets of a service
Templating.Options.*                               string   1.37  unset            | it is about templates
""")

_CONFIG: Final = read_fields("""
Name                                               string   1.30  names!           | is what it is called
Labels.*                                           string   1.30  labels!          | puts labels on it, which other programs may act on
Data                                               string   1.30  any              | is the value, in base64; it can be read again
Templating.Name                                    string   1.37  unset            | it is filled in with the secrets of a service
Templating.Options.*                               string   1.37  unset            | it is about templates
""")

_UPDATE: Final = read_fields("""
?version                                           integer  1.25  any              | is which state of it is changed
""")
# fmt: on

_SPEC: Final = (
    *_SERVICE,
    *within("TaskTemplate.ContainerSpec.", _CONTAINER),
    *within("TaskTemplate.ContainerSpec.", _MOUNTS, Mounts="service_mounts"),
    *within("TaskTemplate.", _TASK),
    *within("TaskTemplate.Resources.Limits.", _GENERIC),
    *within("TaskTemplate.Resources.Reservations.", _GENERIC),
    *within("TaskTemplate.Networks", _NETWORK),
    *within("Networks", _NETWORK),
    *within("UpdateConfig.", _ROLLOUT),
    *within("RollbackConfig.", _ROLLOUT),
)
"""`Networks` at the top is read by engines up to 28, and by newer ones below version 1.44, if the task has none."""

SERVICES: Final[Mapping[str, tuple[str, tuple[Field, ...]]]] = {
    "ServiceCreate": ("json", _SPEC),
    "ServiceUpdate": ("json", with_repeats((*_SERVICE_UPDATE, *_SPEC))),
    "SecretCreate": ("json", with_repeats(_SECRET)),
    "SecretUpdate": ("json", with_repeats((*_UPDATE, *_SECRET))),
    "ConfigCreate": ("json", with_repeats(_CONFIG)),
    "ConfigUpdate": ("json", with_repeats((*_UPDATE, *_CONFIG))),
}
"""By operation: what its body is, and its fields. Of a secret or config an update can only change the labels: the
engine refuses another name or value, so what names bound is what is changed."""
