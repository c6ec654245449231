"""`python -m dockerproxy`."""

from dockerproxy.cli.main import entry

if __name__ == "__main__":
    entry()
