"""Ask Go again how it reads what we write of the archives of this folder: for a person who has changed the writer.

    PYTHONPATH=tests python tests/corpus/tar/renew.py

It needs Go. The tests read what it leaves.
"""

import subprocess
from pathlib import Path

from wire.tars import find_corpus, written_anew

if __name__ == "__main__":
    oracle = Path(__file__).parent / "oracle.go"
    for archive in find_corpus():
        read = subprocess.run(["go", "run", oracle], input=written_anew(archive), capture_output=True, check=True)
        archive.with_suffix(".json").write_bytes(read.stdout)
