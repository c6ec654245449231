# ruff: noqa: E501 - a table: one operation is one line, so that columns can be compared and lines be searched
"""Docker's operations up to API 1.56: which exist, at which URL, and what each one reveals or changes.

What is not listed here is unknown to the proxy and refused, so a line is added with care:

- In a path `{id}` is exactly one segment. `{name+}` is one or more, only for names of images and plugins,
  which have slashes of their own. The engine's patterns take slashes nearly everywhere; we do not.
- access says what a request can do, whatever its method. `write`: it changes something, runs something, reaches
  an input, or logs in or sends contents to a server that the client picks. A GET may write, a POST may only read.
  Asking a registry is a read (ImageSearch, DistributionInspect, GetPluginPrivileges), though it too connects outward.
- shape says how the answer comes and ends: a `reply` comes soon and ends by itself; a `wait` does too, but comes only
  when something is done that may take long; a `stream` ends perhaps never (or it is progress shown as it comes); a
  `tunnel` stops being HTTP.
- body is what the engine reads after the head: nothing (`-`), `json`, a `tar`, `raw` bytes with a meaning of their
  own, or `any` input of a tunnel.
- Sections (the first segment) stand in alphabetical order; within one come lists, other reads, then writes, by path.
- The phrase after the bar is read by operators: what a client gets to see or can change, in plain words.
"""

from typing import Final

# fmt: off
# method path                                      operation                access shape  body | what it reveals or changes
DOCKER: Final = """
GET      /_ping                                    SystemPing               read   reply  -    | API version, builder version and swarm state in the headers
HEAD     /_ping                                    SystemPingHead           read   reply  -    | the same headers as SystemPing, without a body

POST     /auth                                     SystemAuth               write  reply  json | sends a password to any registry that the client names

POST     /build                                    ImageBuild               write  stream tar  | runs any command in a build, fetches URLs, replaces image names
POST     /build/cancel                             BuildCancel              write  reply  -    | stops a running build by its ID
POST     /build/prune                              BuildPrune               write  wait   -    | deletes build cache

POST     /commit                                   ImageCommit              write  wait   json | creates an image from a container; can replace an image name

GET      /configs                                  ConfigList               read   reply  -    | every config with its contents, which often hold passwords
GET      /configs/{id}                             ConfigInspect            read   reply  -    | one config with its contents
POST     /configs/create                           ConfigCreate             write  reply  json | stores a new config for services
DELETE   /configs/{id}                             ConfigDelete             write  reply  -    | deletes a config
POST     /configs/{id}/update                      ConfigUpdate             write  reply  json | changes the labels of a config

GET      /containers/json                          ContainerList            read   reply  -    | names, commands, labels, addresses and mounts of all containers
GET      /containers/{id}/checkpoints              CheckpointList           read   reply  -    | saved checkpoints; with dir=, folders in any host directory
GET      /containers/{id}/archive                  ContainerArchive         read   reply  -    | any file of any container, its volumes and bind mounts
HEAD     /containers/{id}/archive                  ContainerArchiveInfo     read   reply  -    | whether any file exists, its size, mode, time and link target
GET      /containers/{id}/changes                  ContainerChanges         read   reply  -    | paths of the files changed since a container was created
GET      /containers/{id}/export                   ContainerExport          read   reply  -    | all files of a container's own file system, without volumes
GET      /containers/{id}/json                     ContainerInspect         read   reply  -    | all settings of a container, with passwords in its environment
GET      /containers/{id}/logs                     ContainerLogs            read   stream -    | all output of a container, past and future
GET      /containers/{id}/stats                    ContainerStats           read   stream -    | live CPU, memory, network and disk usage
GET      /containers/{id}/top                      ContainerTop             read   reply  -    | processes and arguments; with ps_args=e, their environment
POST     /containers/{id}/wait                     ContainerWait            read   stream -    | waits until a container exits, and returns its exit code
POST     /containers/create                        ContainerCreate          write  reply  json | creates any container: root on the host
POST     /containers/prune                         ContainerPrune           write  wait   -    | deletes all stopped containers
DELETE   /containers/{id}                          ContainerDelete          write  wait   -    | deletes a container, even a running one, and anonymous volumes
PUT      /containers/{id}/archive                  PutContainerArchive      write  wait   tar  | writes files anywhere in a container, its volumes and mounts
POST     /containers/{id}/attach                   ContainerAttach          write  tunnel any  | reads the output of the main process, and writes its input
GET      /containers/{id}/attach/ws                ContainerAttachWebsocket write  tunnel -    | a GET that writes the input of the main process (WebSocket)
POST     /containers/{id}/checkpoints              CheckpointCreate         write  wait   json | saves a container's memory to disk, in any host directory
DELETE   /containers/{id}/checkpoints/{checkpoint} CheckpointDelete         write  reply  -    | deletes a checkpoint; with dir=, any directory on the host
POST     /containers/{id}/exec                     ContainerExec            write  reply  json | prepares a command in a container, as any user, or privileged
POST     /containers/{id}/kill                     ContainerKill            write  reply  -    | sends any signal to the main process of a container
POST     /containers/{id}/pause                    ContainerPause           write  reply  -    | pauses all processes of a container
POST     /containers/{id}/rename                   ContainerRename          write  reply  -    | renames a container; others may rely on the name
POST     /containers/{id}/resize                   ContainerResize          write  reply  -    | resizes a container's terminal
POST     /containers/{id}/restart                  ContainerRestart         write  wait   -    | stops a container, and starts it again
POST     /containers/{id}/start                    ContainerStart           write  reply  -    | starts a container that exists
POST     /containers/{id}/stop                     ContainerStop            write  wait   -    | stops a container, by force after a timeout
POST     /containers/{id}/unpause                  ContainerUnpause         write  reply  -    | resumes a paused container
POST     /containers/{id}/update                   ContainerUpdate          write  reply  json | changes the limits and the restart policy of a container

GET      /distribution/{name+}/json                DistributionInspect      read   reply  -    | makes the engine query any registry about an image

GET      /events                                   SystemEvents             read   stream -    | all events, with names, labels and exec command lines

GET      /exec/{id}/json                           ExecInspect              read   reply  -    | command line, user and exit code of an exec
POST     /exec/{id}/resize                         ExecResize               write  reply  -    | resizes an exec's terminal
POST     /exec/{id}/start                          ExecStart                write  tunnel json | runs the prepared command, and writes its input

POST     /grpc                                     Grpc                     write  tunnel any  | all of BuildKit: runs any build, reads and deletes its cache

GET      /images/json                              ImageList                read   reply  -    | names, labels, sizes and digests of all images
GET      /images/get                               ImageGetAll              read   wait   -    | all files of several images, with their history
GET      /images/search                            ImageSearch              read   reply  -    | makes the engine search a registry, in term= any
GET      /images/{name+}/attestations              ImageAttestations        read   reply  -    | how and from what an image was built, as recorded with it
GET      /images/{name+}/get                       ImageGet                 read   wait   -    | all files of an image, with its history
GET      /images/{name+}/history                   ImageHistory             read   reply  -    | the build steps of an image, with build arguments
GET      /images/{name+}/json                      ImageInspect             read   reply  -    | all settings of an image, with its environment
POST     /images/create                            ImageCreate              write  stream tar  | pulls or imports an image from any server; can replace a name
POST     /images/load                              ImageLoad                write  stream tar  | loads images from an archive, and replaces existing names
POST     /images/prune                             ImagePrune               write  wait   -    | deletes unused images
DELETE   /images/{name+}                           ImageDelete              write  wait   -    | deletes an image or one of its names
POST     /images/{name+}/push                      ImagePush                write  stream -    | pushes an image to any registry, with credentials
POST     /images/{name+}/tag                       ImageTag                 write  reply  -    | gives an image a name, even that of another image

GET      /info                                     SystemInfo               read   reply  -    | host name, kernel, storage, proxies, registries, swarm managers

GET      /networks                                 NetworkList              read   reply  -    | all networks with their address ranges and options
GET      /networks/{id}                            NetworkInspect           read   reply  -    | a network with the names and addresses of its containers
POST     /networks/create                          NetworkCreate            write  reply  json | creates a network, even one on interfaces of the host
POST     /networks/prune                           NetworkPrune             write  wait   -    | deletes unused networks
DELETE   /networks/{id}                            NetworkDelete            write  reply  -    | deletes a network
POST     /networks/{id}/connect                    NetworkConnect           write  reply  json | connects any container to a network, with any name and address
POST     /networks/{id}/disconnect                 NetworkDisconnect        write  reply  json | disconnects any container from a network

GET      /nodes                                    NodeList                 read   reply  -    | all nodes of the swarm with addresses, resources and labels
GET      /nodes/{id}                               NodeInspect              read   reply  -    | one node of the swarm with address, resources and labels
DELETE   /nodes/{id}                               NodeDelete               write  reply  -    | removes a node from the swarm
POST     /nodes/{id}/update                        NodeUpdate               write  reply  json | promotes a node to manager, drains it, changes its labels

GET      /plugins                                  PluginList               read   reply  -    | all plugins with their settings and environment
GET      /plugins/privileges                       GetPluginPrivileges      read   reply  -    | makes the engine query any registry about a plugin's privileges
GET      /plugins/{name+}/json                     PluginInspect            read   reply  -    | one plugin with its environment, mounts and devices
POST     /plugins/create                           PluginCreate             write  wait   tar  | adds a plugin from an archive: root on the host if enabled
POST     /plugins/pull                             PluginPull               write  stream json | installs a plugin from any registry: root on the host
DELETE   /plugins/{name+}                          PluginDelete             write  reply  -    | removes a plugin
POST     /plugins/{name+}/disable                  PluginDisable            write  reply  -    | disables a plugin, even one that checks access
POST     /plugins/{name+}/enable                   PluginEnable             write  reply  -    | enables a plugin, which may run as root on the host
POST     /plugins/{name+}/push                     PluginPush               write  stream -    | pushes a plugin to any registry, with credentials
POST     /plugins/{name+}/set                      PluginSet                write  reply  json | changes a plugin's environment, mounts and devices
POST     /plugins/{name+}/upgrade                  PluginUpgrade            write  stream json | replaces a plugin's code from any registry: root on the host

GET      /secrets                                  SecretList               read   reply  -    | names and labels of all secrets, never their values
GET      /secrets/{id}                             SecretInspect            read   reply  -    | name and labels of a secret; with Podman its value, if asked
POST     /secrets/create                           SecretCreate             write  reply  json | stores a new secret for services
DELETE   /secrets/{id}                             SecretDelete             write  reply  -    | deletes a secret
POST     /secrets/{id}/update                      SecretUpdate             write  reply  json | changes the labels of a secret

GET      /services                                 ServiceList              read   reply  -    | all services with the environment of their containers
GET      /services/{id}                            ServiceInspect           read   reply  -    | one service with the environment of its containers
GET      /services/{id}/logs                       ServiceLogs              read   stream -    | all output of the containers of a service
POST     /services/create                          ServiceCreate            write  reply  json | runs any container on any node: root on all of them
DELETE   /services/{id}                            ServiceDelete            write  reply  -    | stops and deletes a service
POST     /services/{id}/update                     ServiceUpdate            write  reply  json | changes what a service runs and mounts: root on all nodes

POST     /session                                  Session                  write  tunnel any  | lets a build fetch files, secrets and keys from the client

GET      /swarm                                    SwarmInspect             read   reply  -    | join tokens of managers and workers, in plain text
GET      /swarm/unlockkey                          SwarmUnlockkey           read   reply  -    | the key that unlocks the managers' stored data
POST     /swarm/init                               SwarmInit                write  reply  json | makes this host a swarm manager and opens ports on it
POST     /swarm/join                               SwarmJoin                write  reply  json | hands this host over to the managers of any swarm
POST     /swarm/leave                              SwarmLeave               write  reply  -    | removes this host from its swarm; the last manager ends it
POST     /swarm/unlock                             SwarmUnlock              write  reply  json | unlocks a locked manager with the key
POST     /swarm/update                             SwarmUpdate              write  reply  json | replaces join tokens, keys and certificates of the swarm

GET      /system/df                                SystemDataUsage          read   wait   -    | names, labels and disk use of images, containers and volumes

GET      /tasks                                    TaskList                 read   reply  -    | all tasks with the environment of their containers
GET      /tasks/{id}                               TaskInspect              read   reply  -    | one task with the environment of its container
GET      /tasks/{id}/logs                          TaskLogs                 read   stream -    | all output of the container of a task

GET      /version                                  SystemVersion            read   reply  -    | versions of the engine, its parts and the kernel

GET      /volumes                                  VolumeList               read   reply  -    | all volumes with host paths and options, sometimes passwords
GET      /volumes/{name}                           VolumeInspect            read   reply  -    | a volume with its host path and options, sometimes passwords
POST     /volumes/create                           VolumeCreate             write  reply  json | creates a volume, even of any host directory or network share
POST     /volumes/prune                            VolumePrune              write  wait   -    | deletes unused volumes; before API 1.42, named ones too
PUT      /volumes/{name}                           VolumeUpdate             write  reply  json | changes where and whether a cluster volume can be used
DELETE   /volumes/{name}                           VolumeDelete             write  wait   -    | deletes a volume and its data
"""
# fmt: on
