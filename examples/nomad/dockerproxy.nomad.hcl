# A proxy on each client of a Nomad cluster, for jobs that need a Docker or Podman of the machine.
#
# What for:  jobs that mount /var/run/docker.sock now. They mount a directory of the proxy's instead, see the end.
# Start:     in the configuration of the clients: plugin "docker" { config { volumes { enabled = true } } }
#            on each: mkdir -p /run/dockerproxy/vector, at each boot, as with systemd-tmpfiles
#            push the image to a registry of yours, name it below, and: nomad job run dockerproxy.nomad.hcl
# Change:    the image, the policy, and a mount for each socket in it, and start it again: each machine gets a new proxy.
#
# No cluster has run it; its keys are those of Nomad's documentation. Users who can submit a job that mounts any path are
# root there even with a proxy.

job "dockerproxy" {
  type = "system"

  group "dockerproxy" {
    task "dockerproxy" {
      driver       = "docker"
      kill_signal  = "SIGTERM"
      kill_timeout = "10s" # more than SHUTDOWN_GRACE, which the image sets to 5 seconds

      config {
        image           = "registry.example/dockerproxy:0.2.0"
        args            = ["serve", "--policy", "/local/policy.yaml"]
        network_mode    = "none"
        readonly_rootfs = true
        cap_drop        = ["all"]
        security_opt    = ["no-new-privileges"]

        mount {
          type     = "bind"
          source   = "/run/docker.sock"
          target   = "/var/run/docker.sock"
          readonly = true
        }

        mount {
          type   = "bind"
          source = "/run/dockerproxy/vector"
          target = "/proxied/vector"
        }
      }

      env {
        LOG_FORMAT = "json"
      }

      template {
        destination = "local/policy.yaml"
        data        = <<-EOT
          sockets:
            vector:
              path: /proxied/vector/docker.sock
              allow: [preset:vector]
        EOT
      }

      resources {
        cpu    = 50
        memory = 128
      }
    }
  }
}

# In the task of the client, where it looks for /var/run/docker.sock:
#
#        mount {
#          type     = "bind"
#          source   = "/run/dockerproxy/vector"
#          target   = "/var/run"
#          readonly = true
#        }
