"""Choose the files of the image, and put them into a folder.

The image gets every module that our imports can reach, compiled; the libraries that these map into memory; and the
interpreter. It has no shell, no other program, no pip, no OpenSSL, and no source code.

    files.py NATIVE TARGET RESULT

NATIVE has the unpacked packages of the Python that runs this script, and TARGET the packages to copy from. They differ
only if the image is for another architecture: NATIVE is run to choose the files, and TARGET has the same files.

Attack: a module that is imported late is missing, and a verb or a lock fails without it -> Defence: imports are run
and also followed through the code (test: test_every_verb_is_in_the_image).
Attack: a package brings another program, or a setuid one -> Defence: only chosen files are copied, with modes that this
script sets (test: test_the_image_has_no_program_but_python_and_no_source).
"""

import contextlib
import ctypes
import importlib
import os
import pkgutil
import py_compile
import sys
import sysconfig
from collections.abc import Iterator
from modulefinder import ModuleFinder
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
SOURCES: Final = HERE.parent / "src"
OURS: Final = Path("usr/lib/dockerproxy")
PACKAGES: Final = Path("usr/lib/python3/dist-packages")
TRIPLETS: Final = {
    "x86_64-linux-gnu": Path("usr/lib64/ld-linux-x86-64.so.2"),
    "aarch64-linux-gnu": Path("usr/lib/ld-linux-aarch64.so.1"),
}
"""The path at which programs look for the dynamic loader, by architecture."""

UNUSED: Final = (
    *("_bz2", "_hashlib", "_lzma", "_ssl", "bz2", "lzma", "ssl"),
    *("doctest", "email", "ftplib", "http.client", "multiprocessing", "pdb", "pydoc", "test", "unittest", "webbrowser"),
    *("urllib.request", "xmlrpc"),
)
"""Modules that their importers can do without, and modules for features that are not used here."""

DRAWN: Final = ("dockerproxy.cli.top_table", "dockerproxy.cli.top_view")
"""Modules that need the extra `tui`, which is not in the image."""

COMMAND: Final = """\
#!/usr/bin/{python} -IS
import sys
sys.path.insert(0, "/{ours}")
from dockerproxy.cli.main import entry
sys.exit(entry())
"""
USERS: Final = "root:x:0:0:root:/:\nnobody:x:65534:65534:nobody:/:\n"
GROUPS: Final = "root:x:0:\nnogroup:x:65534:\n"


def main(native: Path, target: Path, result: Path) -> None:
    """Fill the result folder."""
    python = f"python3.{sys.version_info.minor}"
    modules = [*find_modules(native)]
    ours, theirs = find_triplet(native), find_triplet(target)
    libraries = [*find_libraries(native)]
    for path in sorted({Path("usr/bin", python), Path("usr/lib/os-release"), *modules, *libraries}):
        name = Path(str(path).replace(ours, theirs).replace(TRIPLETS[ours].name, TRIPLETS[theirs].name))
        print(name)
        place = OURS / name.relative_to(PACKAGES) if name.is_relative_to(PACKAGES) else name
        put(target / name, result / place, f"/{place}")
    link(result / "etc/os-release", "../usr/lib/os-release")
    loader = TRIPLETS[theirs]
    link(result / loader, os.path.relpath(f"usr/lib/{theirs}/{loader.name}", loader.parent))
    for folder in sorted({"bin", "lib", loader.parent.name}):
        link(result / folder, f"usr/{folder}")
    for source in sorted(SOURCES.rglob("*")):
        if source.is_file() and source.suffix != ".pyc":
            place = OURS / source.relative_to(SOURCES)
            put(source, result / place, f"/{place}")
    write(result / "usr/bin/dockerproxy", COMMAND.format(python=python, ours=OURS))
    (result / "usr/bin/dockerproxy").chmod(0o755)
    write(result / "etc/passwd", USERS)
    write(result / "etc/group", GROUPS)
    write(result / "usr/share/doc/dockerproxy/copyright", (HERE.parent / "LICENSE").read_text())
    (result / "docker").mkdir()
    # A new volume takes its mode from here: any user can create a socket in it, and no other user can remove that.
    (result / "proxied").mkdir()
    (result / "proxied").chmod(0o1777)


def find_triplet(root: Path) -> str:
    """Return Debian's name for the architecture of unpacked packages in paths."""
    return next(each for each in TRIPLETS if (root / "usr/lib" / each).is_dir())


def find_modules(root: Path) -> Iterator[Path]:
    """Import all our modules, and follow what they would import later; return the files that are not ours."""
    sys.path[:0] = [str(SOURCES), str(root / PACKAGES)]
    for name in UNUSED:
        sys.modules[name] = None  # type: ignore[assignment] # Its import fails here, as it will in the image.
    importlib.import_module("dockerproxy.no_tls").forgo_tls()
    package = importlib.import_module("dockerproxy")
    for found in pkgutil.walk_packages(package.__path__, "dockerproxy."):
        if not found.name.endswith(".__main__") and found.name not in DRAWN:
            importlib.import_module(found.name)
    sysconfig.get_paths()  # It computes the name of a module to import.
    loaded = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    finder = ModuleFinder(excludes=list(UNUSED))
    for name in sorted(name for name, file in loaded.items() if file):
        with contextlib.suppress(ImportError):  # A module compiled into another one has no file.
            finder.import_hook(name)
    files = {*loaded.values(), *(getattr(module, "__file__", None) for module in finder.modules.values())}
    for file in sorted(filter(None, files)):
        if Path(file).is_relative_to(root):
            yield Path(file).relative_to(root)


def find_libraries(root: Path) -> Iterator[Path]:
    """Return the libraries mapped into memory, under all their names."""
    ctypes.CDLL("libseccomp.so.2")
    folder = root / "usr/lib" / find_triplet(root)
    mapped = {os.path.realpath(line.split()[-1]) for line in Path("/proc/self/maps").read_text().splitlines()}
    for path in folder.iterdir():
        if os.path.realpath(path) in mapped:
            yield path.relative_to(root)


def put(source: Path, place: Path, name: str) -> None:
    """Copy a file or a link, or compile a module.

    Args:
        source: The file to copy.
        place: The destination.
        name: The path in the image, which a traceback shows.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    if source.suffix == ".py":
        # Without the time of its source, so that it depends only on the text.
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        py_compile.compile(str(source), f"{place}c", name, doraise=True, invalidation_mode=mode)
    elif source.is_symlink():
        place.symlink_to(source.readlink())
    else:
        place.write_bytes(source.read_bytes())
        place.chmod(0o755 if os.access(source, os.X_OK) else 0o644)


def link(place: Path, target: str) -> None:
    """Make a symbolic link."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)


def write(place: Path, text: str) -> None:
    """Write a small file."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    place.chmod(0o644)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
