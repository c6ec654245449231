# The image of dockerproxy: one directory of Python files on an image that has Python.
#
#   docker build --tag dockerproxy .
#
# BASE_IMAGE    what the result stands on: any Debian-like image with Python 3.11 or newer, `env` and libseccomp2 (where
#               that is missing, the proxy runs without a filter of system calls, and says so). It needs no pip and no
#               shell; what it does bring stays in the result, so a smaller base is a smaller attack surface.
# BUILD_IMAGE   where the program is put together: needs a shell, and pip unless wheels/ holds it. It must have the
#               same Python version and C library as BASE_IMAGE, because uvloop and PyYAML are compiled for both.
ARG BASE_IMAGE=docker.io/library/python:3.13-slim
ARG BUILD_IMAGE=${BASE_IMAGE}


FROM ${BUILD_IMAGE} AS build
USER root
WORKDIR /build
COPY . .

# Where no registry can be reached (an offline site, a reproducible build from wheels that somebody has vetted, this
# project's own tests), a directory wheels/ in the context is the only source of packages, pip itself among them:
#   pip download --dest wheels --only-binary=:all: --python-version 3.13 pip hatchling uvloop pyyaml
RUN set -eu; \
    if [ -d wheels ]; then \
        export PIP_NO_INDEX=1 PIP_FIND_LINKS=/build/wheels; \
        PYTHONPATH="$(echo wheels/pip-*.whl)"; export PYTHONPATH; \
    fi; \
    python3 -m pip install --no-cache-dir --no-compile --disable-pip-version-check --root-user-action=ignore \
        --target /result/opt/dockerproxy .; \
    rm -r /result/opt/dockerproxy/bin

# The command. -I and -S keep the environment, the working directory and the packages of the base image out of it.
# A new volume mounted on /proxied takes its mode from here: any user can make the socket in it, and, because of the
# sticky bit, no other user can take that socket away.
RUN set -eu; \
    mkdir -p /result/usr/local/bin /result/docker /result/proxied; \
    chmod 1777 /result/proxied; \
    printf '%s\n' \
        '#!/usr/bin/env -S python3 -IS' \
        'import sys' \
        'sys.path.insert(0, "/opt/dockerproxy")' \
        'from dockerproxy.cli.main import entry' \
        'sys.exit(entry())' \
        > /result/usr/local/bin/dockerproxy; \
    chmod 755 /result/usr/local/bin/dockerproxy


FROM ${BASE_IMAGE}
COPY --from=build /result/ /

# Root, because the engine's socket is root's; any other user that may open it will do. Of root's capabilities it
# needs CAP_DAC_OVERRIDE where the socket belongs to somebody else, and no other.
USER root
WORKDIR /

# Import everything once: it leaves compiled bytecode beside each module that is used, those of the standard library
# among them, which the official Python images ship without. On a read-only root file system it could not be kept.
RUN ["python3", "-ISc", "import sys; sys.path.insert(0, '/opt/dockerproxy'); import dockerproxy, pkgutil; [__import__(found.name) for found in pkgutil.walk_packages(dockerproxy.__path__, 'dockerproxy.') if not found.name.endswith('.__main__')]"]

# The engine's socket is looked for at /docker/docker.sock, then at /var/run/docker.sock: DOCKER_SOCKET_PATH, when
# it is set, ends that search, so it is not set here; nor is PROXIED_SOCKET_PATH, /proxied/docker.sock by itself, which a
# policy file says in its own way. An engine kills a container ten seconds after it asked it to stop; what clients have
# open, such as a stream of events, has to be cut before that.
ENV SHUTDOWN_GRACE=5

HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["dockerproxy", "healthcheck"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["dockerproxy"]
CMD ["serve"]

ARG BASE_IMAGE
LABEL org.opencontainers.image.title="dockerproxy" \
      org.opencontainers.image.description="A filtering proxy for the Docker and Podman socket, over unix sockets only" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${BASE_IMAGE}"
