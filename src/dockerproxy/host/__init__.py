"""Access to the operating system: sockets, files, processes and the sandbox."""
