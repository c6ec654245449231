# ruff: noqa: E501 - a table: one operation is one line, so that columns can be compared and lines be searched
"""Podman's own operations (libpod, Podman 4 and newer): which exist, at which URL, and what each reveals or changes.

What is not listed here is unknown to the proxy and refused. The columns are those of `docker_table`, with these rules:

- Every name ends in `Libpod`, as Podman's own operationIds do, so that no name is in both tables.
- `{name+}` is only for names of images, artifacts and manifests; `{destination+}` is a name in a registry.
- The section is the segment after `/libpod`; order and phrases are as in `docker_table`.
- Podman is often not root: what a client gains on the host is what the user Podman runs as may do.
"""

from typing import Final

# fmt: off
# method path                                  operation                  access shape  body | what it reveals or changes
LIBPOD: Final = """
GET      /libpod/_ping                         SystemPingLibpod           read   reply  -    | API versions in the headers
HEAD     /libpod/_ping                         SystemPingHeadLibpod       read   reply  -    | the same headers as SystemPingLibpod, without a body

GET      /libpod/artifacts/json                ArtifactListLibpod         read   reply  -    | names, digests and sizes of all artifacts
GET      /libpod/artifacts/{name+}/extract     ArtifactExtractLibpod      read   wait   -    | the files of an artifact
GET      /libpod/artifacts/{name+}/json        ArtifactInspectLibpod      read   reply  -    | which files an artifact holds, their sizes and annotations
POST     /libpod/artifacts/add                 ArtifactAddLibpod          write  wait   raw  | stores the file in the body as an artifact
POST     /libpod/artifacts/local/add           ArtifactLocalLibpod        write  wait   -    | stores any file of the host as an artifact, which can be read
POST     /libpod/artifacts/pull                ArtifactPullLibpod         write  wait   -    | pulls an artifact from any registry, with credentials
DELETE   /libpod/artifacts/remove              ArtifactDeleteAllLibpod    write  reply  -    | deletes several artifacts or all of them
DELETE   /libpod/artifacts/{name+}             ArtifactDeleteLibpod       write  reply  -    | deletes an artifact
POST     /libpod/artifacts/{name+}/push        ArtifactPushLibpod         write  wait   -    | pushes an artifact to any registry, with credentials

POST     /libpod/build                         ImageBuildLibpod           write  stream tar  | runs any command in a build, with host directories and devices

POST     /libpod/commit                        ImageCommitLibpod          write  stream json | creates an image from a container; can replace an image name

GET      /libpod/containers/json               ContainerListLibpod        read   reply  -    | names, commands, labels, ports and mounts of all containers
GET      /libpod/containers/showmounted        ContainerShowMountedLibpod read   reply  -    | host paths at which file systems of containers are mounted
GET      /libpod/containers/stats              ContainersStatsAllLibpod   read   stream -    | live CPU, memory, network and disk usage of all containers
GET      /libpod/containers/{name}/archive     ContainerArchiveLibpod     read   reply  -    | any file of any container, its volumes and bind mounts
HEAD     /libpod/containers/{name}/archive     ContainerArchiveInfoLibpod read   reply  -    | whether any file exists, its size, mode, time and link target
GET      /libpod/containers/{name}/changes     ContainerChangesLibpod     read   reply  -    | paths of the files changed since a container was created
GET      /libpod/containers/{name}/exists      ContainerExistsLibpod      read   reply  -    | whether a container of that name exists
GET      /libpod/containers/{name}/export      ContainerExportLibpod      read   reply  -    | all files of a container's own file system, without volumes
GET      /libpod/containers/{name}/json        ContainerInspectLibpod     read   reply  -    | all settings of a container, with passwords in its environment
GET      /libpod/containers/{name}/logs        ContainerLogsLibpod        read   stream -    | all output of a container, past and future
GET      /libpod/containers/{name}/stats       ContainerStatsLibpod       read   stream -    | live CPU, memory, network and disk usage
GET      /libpod/containers/{name}/top         ContainerTopLibpod         read   stream -    | processes and arguments; ps_args= selects what ps shows
POST     /libpod/containers/{name}/wait        ContainerWaitLibpod        read   stream -    | waits until a container exits, and returns its exit code
POST     /libpod/containers/create             ContainerCreateLibpod      write  reply  json | creates any container: everything that Podman itself may do
POST     /libpod/containers/prune              ContainerPruneLibpod       write  wait   -    | deletes all stopped containers
DELETE   /libpod/containers/{name}             ContainerDeleteLibpod      write  wait   -    | deletes a container, even a running one, and its dependents
PUT      /libpod/containers/{name}/archive     PutContainerArchiveLibpod  write  wait   tar  | writes files anywhere in a container, its volumes and mounts
POST     /libpod/containers/{name}/attach      ContainerAttachLibpod      write  tunnel any  | reads the output of the main process, and writes its input
POST     /libpod/containers/{name}/checkpoint  ContainerCheckpointLibpod  write  wait   -    | saves a container to disk; with export=, sends its memory
POST     /libpod/containers/{name}/exec        ContainerExecLibpod        write  reply  json | prepares a command in a container, as any user, or privileged
GET      /libpod/containers/{name}/healthcheck ContainerHealthcheckLibpod write  wait   -    | a GET that runs the health command of a container
POST     /libpod/containers/{name}/init        ContainerInitLibpod        write  reply  -    | prepares a created container without starting it
POST     /libpod/containers/{name}/kill        ContainerKillLibpod        write  reply  -    | sends any signal to the main process of a container
POST     /libpod/containers/{name}/mount       ContainerMountLibpod       write  reply  -    | mounts a container's file system on the host, at a known path
POST     /libpod/containers/{name}/pause       ContainerPauseLibpod       write  reply  -    | pauses all processes of a container
POST     /libpod/containers/{name}/rename      ContainerRenameLibpod      write  reply  -    | renames a container; others may rely on the name
POST     /libpod/containers/{name}/resize      ContainerResizeLibpod      write  reply  -    | resizes a container's terminal
POST     /libpod/containers/{name}/restart     ContainerRestartLibpod     write  wait   -    | stops a container, and starts it again
POST     /libpod/containers/{name}/restore     ContainerRestoreLibpod     write  wait   tar  | starts a saved container; with import=, any in the body
POST     /libpod/containers/{name}/start       ContainerStartLibpod       write  reply  -    | starts a container that exists
POST     /libpod/containers/{name}/stop        ContainerStopLibpod        write  wait   -    | stops a container, by force after a timeout
POST     /libpod/containers/{name}/unmount     ContainerUnmountLibpod     write  reply  -    | unmounts a container's file system from the host
POST     /libpod/containers/{name}/unpause     ContainerUnpauseLibpod     write  reply  -    | resumes a paused container
POST     /libpod/containers/{name}/update      ContainerUpdateLibpod      write  reply  json | changes limits, environment and health command of a container

GET      /libpod/events                        SystemEventsLibpod         read   stream -    | all events, with names and labels of containers

GET      /libpod/exec/{id}/json                ExecInspectLibpod          read   reply  -    | command line, user and exit code of an exec
POST     /libpod/exec/{id}/remove              ExecRemoveLibpod           write  reply  json | removes an exec, by force even while it runs
POST     /libpod/exec/{id}/resize              ExecResizeLibpod           write  reply  -    | resizes an exec's terminal
POST     /libpod/exec/{id}/start               ExecStartLibpod            write  tunnel json | runs the prepared command, and writes its input

GET      /libpod/generate/kube                 GenerateKubeLibpod         read   reply  -    | containers and pods as Kubernetes YAML, with their environment
GET      /libpod/generate/{name}/systemd       GenerateSystemdLibpod      read   reply  -    | a systemd unit that shows how a container was created

GET      /libpod/images/json                   ImageListLibpod            read   reply  -    | names, labels, sizes and digests of all images
GET      /libpod/images/export                 ImageExportLibpod          read   wait   -    | all files of several images, with their history
GET      /libpod/images/search                 ImageSearchLibpod          read   reply  -    | makes Podman search registries, in term= any
GET      /libpod/images/{name+}/changes        ImageChangesLibpod         read   reply  -    | paths of files that differ between two images
GET      /libpod/images/{name+}/exists         ImageExistsLibpod          read   reply  -    | whether an image of that name exists
GET      /libpod/images/{name+}/get            ImageGetLibpod             read   wait   -    | all files of an image, with its history
GET      /libpod/images/{name+}/history        ImageHistoryLibpod         read   reply  -    | the build steps of an image, with build arguments
GET      /libpod/images/{name+}/json           ImageInspectLibpod         read   reply  -    | all settings of an image, with its environment
GET      /libpod/images/{name+}/resolve        ImageResolveLibpod         read   reply  -    | the full names that a short image name may mean
GET      /libpod/images/{name+}/tree           ImageTreeLibpod            read   reply  -    | the layers of an image and their names
POST     /libpod/images/import                 ImageImportLibpod          write  wait   tar  | creates an image from an archive or any URL
POST     /libpod/images/load                   ImageLoadLibpod            write  wait   tar  | loads images from an archive, and replaces existing names
POST     /libpod/images/prune                  ImagePruneLibpod           write  wait   -    | deletes unused images
POST     /libpod/images/pull                   ImagePullLibpod            write  stream -    | pulls an image from any registry; can replace a name
DELETE   /libpod/images/remove                 ImageDeleteAllLibpod       write  wait   -    | deletes several images or all of them
POST     /libpod/images/scp/{name+}            ImageScpLibpod             write  wait   -    | copies an image to another host (SSH) or another user
DELETE   /libpod/images/{name+}                ImageDeleteLibpod          write  wait   -    | deletes an image or one of its names
POST     /libpod/images/{name+}/push           ImagePushLibpod            write  stream -    | pushes an image to any registry, with credentials
POST     /libpod/images/{name+}/tag            ImageTagLibpod             write  reply  -    | gives an image a name, even that of another image
POST     /libpod/images/{name+}/untag          ImageUntagLibpod           write  reply  -    | removes one or all names of an image

GET      /libpod/info                          SystemInfoLibpod           read   reply  -    | host details, storage paths, registries and user ID ranges

GET      /libpod/kube/generate                 KubeGenerateLibpod         read   reply  -    | the same as GenerateKubeLibpod, at its newer URL
POST     /libpod/kube/apply                    KubeApplyLibpod            write  wait   raw  | applies YAML to a Kubernetes cluster, with a kubeconfig of the host
POST     /libpod/kube/play                     KubePlayLibpod             write  wait   raw  | runs any pod that the YAML describes, even with host directories
DELETE   /libpod/kube/play                     KubePlayDownLibpod         write  wait   raw  | stops and deletes everything that the YAML in the body names

POST     /libpod/local/build                   LocalBuildLibpod           write  stream -    | builds from any host directory, and so reveals its files
POST     /libpod/local/images/load             LocalImagesLibpod          write  reply  -    | loads images from any file of the host

GET      /libpod/manifests/{name+}/exists      ManifestExistsLibpod       read   reply  -    | whether a manifest list of that name exists
GET      /libpod/manifests/{name+}/json        ManifestInspectLibpod      write  reply  -    | a GET that makes Podman query any registry for a manifest list
POST     /libpod/manifests/{name+}             ManifestCreateLibpod       write  wait   json | creates a manifest list
PUT      /libpod/manifests/{name+}             ManifestModifyLibpod       write  wait   json | adds, changes or removes images of a manifest list
DELETE   /libpod/manifests/{name+}             ManifestDeleteLibpod       write  reply  -    | deletes a manifest list; before version 4, one entry
POST     /libpod/manifests/{name+}/registry/{destination+} ManifestPushLibpod write  stream -    | pushes a manifest list to any registry

GET      /libpod/networks/json                 NetworkListLibpod          read   reply  -    | all networks with their address ranges and options
GET      /libpod/networks/{name}               NetworkInspectShortLibpod  read   reply  -    | the same as NetworkInspectLibpod, at a shorter URL
GET      /libpod/networks/{name}/exists        NetworkExistsLibpod        read   reply  -    | whether a network of that name exists
GET      /libpod/networks/{name}/json          NetworkInspectLibpod       read   reply  -    | a network with the names and addresses of its containers
POST     /libpod/networks/create               NetworkCreateLibpod        write  reply  json | creates a network, even one on interfaces of the host
POST     /libpod/networks/prune                NetworkPruneLibpod         write  wait   -    | deletes unused networks
DELETE   /libpod/networks/{name}               NetworkDeleteLibpod        write  reply  -    | deletes a network
POST     /libpod/networks/{name}/connect       NetworkConnectLibpod       write  reply  json | connects any container to a network, with any name and address
POST     /libpod/networks/{name}/disconnect    NetworkDisconnectLibpod    write  reply  json | disconnects any container from a network
POST     /libpod/networks/{name}/update        NetworkUpdateLibpod        write  reply  json | changes the DNS servers of a network

POST     /libpod/play/kube                     PlayKubeLibpod             write  wait   raw  | the same as KubePlayLibpod, at its old URL
DELETE   /libpod/play/kube                     PlayKubeDownLibpod         write  wait   raw  | the same as KubePlayDownLibpod, at its old URL

GET      /libpod/pods/json                     PodListLibpod              read   reply  -    | names, states, labels and containers of all pods
GET      /libpod/pods/stats                    PodStatsAllLibpod          read   stream -    | live CPU, memory, network and disk usage of all pods
GET      /libpod/pods/{name}/exists            PodExistsLibpod            read   reply  -    | whether a pod of that name exists
GET      /libpod/pods/{name}/json              PodInspectLibpod           read   reply  -    | all settings of a pod, with the command that created it
GET      /libpod/pods/{name}/top               PodTopLibpod               read   stream -    | processes with their arguments, of all containers of a pod
POST     /libpod/pods/create                   PodCreateLibpod            write  wait   json | creates a pod, which may use the host's network and directories
POST     /libpod/pods/prune                    PodPruneLibpod             write  wait   -    | deletes all stopped pods
DELETE   /libpod/pods/{name}                   PodDeleteLibpod            write  wait   -    | deletes a pod; by force, with its running containers
POST     /libpod/pods/{name}/kill              PodKillLibpod              write  reply  -    | sends any signal to all containers of a pod
POST     /libpod/pods/{name}/pause             PodPauseLibpod             write  reply  -    | pauses all containers of a pod
POST     /libpod/pods/{name}/restart           PodRestartLibpod           write  wait   -    | stops all containers of a pod, and starts them again
POST     /libpod/pods/{name}/start             PodStartLibpod             write  wait   -    | starts all containers of a pod
POST     /libpod/pods/{name}/stop              PodStopLibpod              write  wait   -    | stops all containers of a pod
POST     /libpod/pods/{name}/unpause           PodUnpauseLibpod           write  reply  -    | resumes all paused containers of a pod

GET      /libpod/quadlets/json                 QuadletListLibpod          read   reply  -    | names, states and host paths of all installed units
GET      /libpod/quadlets/{name}/exists        QuadletExistsLibpod        read   reply  -    | whether an installed unit of that name exists
GET      /libpod/quadlets/{name}/file          QuadletFileLibpod          read   reply  -    | the text of an installed unit, with its environment
POST     /libpod/quadlets                      QuadletInstallLibpod       write  wait   tar  | installs units that systemd runs on the host, even after a reboot
DELETE   /libpod/quadlets                      QuadletDeleteAllLibpod     write  reply  -    | deletes several installed units or all of them
DELETE   /libpod/quadlets/{name}               QuadletDeleteLibpod        write  reply  -    | deletes an installed unit

GET      /libpod/secrets/json                  SecretListLibpod           read   reply  -    | names and labels of all secrets
GET      /libpod/secrets/{name}/exists         SecretExistsLibpod         read   reply  -    | whether a secret of that name exists
GET      /libpod/secrets/{name}/json           SecretInspectLibpod        read   reply  -    | name and labels of a secret; with showsecret=, its value
POST     /libpod/secrets/create                SecretCreateLibpod         write  reply  raw  | stores a secret, by a driver that may run commands on the host
DELETE   /libpod/secrets/{name}                SecretDeleteLibpod         write  reply  -    | deletes a secret

GET      /libpod/swagger                       SwaggerSpecLibpod          read   reply  -    | the description of this API, if it is installed

GET      /libpod/system/df                     SystemDataUsageLibpod      read   wait   -    | names and disk use of images, containers and volumes
POST     /libpod/system/check                  SystemCheckLibpod          write  wait   -    | checks the storage; with repair=, deletes damaged data
POST     /libpod/system/prune                  SystemPruneLibpod          write  wait   -    | deletes all unused objects; if asked, volumes too

GET      /libpod/version                       SystemVersionLibpod        read   reply  -    | versions of Podman, its parts and the kernel

GET      /libpod/volumes/json                  VolumeListLibpod           read   reply  -    | all volumes with host paths and options, sometimes passwords
GET      /libpod/volumes/{name}/exists         VolumeExistsLibpod         read   reply  -    | whether a volume of that name exists
GET      /libpod/volumes/{name}/export         VolumeExportLibpod         read   wait   -    | all files of a volume
GET      /libpod/volumes/{name}/json           VolumeInspectLibpod        read   reply  -    | a volume with its host path and options, sometimes passwords
POST     /libpod/volumes/create                VolumeCreateLibpod         write  reply  json | creates a volume, even of any host directory or network share
POST     /libpod/volumes/prune                 VolumePruneLibpod          write  wait   -    | deletes unused volumes and their data
DELETE   /libpod/volumes/{name}                VolumeDeleteLibpod         write  wait   -    | deletes a volume and its data
POST     /libpod/volumes/{name}/import         VolumeImportLibpod         write  wait   tar  | writes the files of an archive to a volume
"""
# fmt: on
