"""Conversations of the corpus: transcripts of what a client and an engine say, read into values.

`tests/corpus/wire/conversations/README.md` says how a transcript is written.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from policy.policies import ID
from proxy.lookups import OTHER, WEB, answer

CONVERSATIONS = Path(__file__).parent.parent / "corpus" / "wire" / "conversations"

SETTINGS = frozenset({"policy", "set", "alone", "greeting", "each"})
"""Steps that are about the whole case, and come first."""

STEPS = frozenset(
    {
        *("client", "client-ends", "client-leaves", "client-pauses"),
        *("engine", "engine-ends", "engine-leaves", "engine-pauses"),
        *("forwarded", "answered", "told", "quiet", "cut", "closed"),
        *("tunnel", "race", "record", "logs"),
    }
)

_MACRO = re.compile(r"\{\{(.*?)\}\}")
_REPEAT = re.compile(r"([0-9]+) x (.*)")
_REQUEST = re.compile(r"([A-Z]+) (\S+)((?: \| .*)?)")
_ANSWERS = {
    "ok": "HTTP/1.1 200 OK\\r\\nContent-Length: 8\\r\\n\\r\\n{}",
    "chunks": "HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n8\\r\\n{}\\r\\n0\\r\\n\\r\\n",
    "token": "{}",
}
_HEADS = {
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n",
    "switch": b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
    "hijack": b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n",
    "stream": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "id": ID.encode(),
    "web": answer(WEB),
    "other": answer(OTHER),
}


@dataclass(frozen=True, slots=True)
class Step:
    """What somebody does, or what must have come to somebody."""

    verb: str
    text: str


@dataclass(frozen=True, slots=True)
class Case:
    """A conversation.

    Attributes:
        name: File and title.
        settings: Steps about the whole case.
        steps: All others, in their order.
    """

    name: str
    settings: tuple[Step, ...]
    steps: tuple[Step, ...]

    def setting(self, verb: str) -> list[str]:
        return [step.text for step in self.settings if step.verb == verb]

    @property
    def is_alone(self) -> bool:
        """Whether what the engine gets does not show whose it is, so that nobody may play it at the same time."""
        return bool(self.setting("alone") or self.setting("greeting"))

    @property
    def is_race(self) -> bool:
        """Whether it may end in more than one way, so that no record is told."""
        return any(step.verb == "race" for step in self.steps) and not self.texts("record")

    def texts(self, *verbs: str) -> list[str]:
        return [step.text for step in self.steps if step.verb in verbs]


def read_cases(*stems: str) -> list[Case]:
    """Read all conversations, or those of some files."""
    paths = sorted(CONVERSATIONS.glob("*.txt"))
    return [case for path in paths if not stems or path.stem in stems for case in _read(path)]


def _read(path: Path) -> list[Case]:
    cases = []
    text = re.sub(r"^#.*\n", "", path.read_text(), flags=re.MULTILINE)
    for block in re.split(r"\n{2,}", text.strip("\n")):
        title, _, rest = block.partition("\n")
        steps: list[Step] = []
        for line in rest.splitlines():
            indent = len(line) - len(line.lstrip(" "))
            if indent > 4:
                last = steps.pop()
                steps.append(Step(last.verb, last.text + line.strip(" ")))
            else:
                steps.append(_read_step(line))
        cases += _multiply(f"{path.stem}: {title}", steps)
    return cases


def _read_step(line: str) -> Step:
    verb, _, words = line.strip(" ").partition(" ")
    return Step(verb, words.strip(" "))


def _multiply(name: str, steps: list[Step]) -> list[Case]:
    """Make a case of each line of `each`, or one if there is none."""
    cases = []
    for each in [step.text for step in steps if step.verb == "each"] or [""]:
        it, why = (part.strip(" ") for part in f" {each} => ".split(" => ")[:2])
        filled = [
            _read_step(f"{step.verb} {step.text}".replace("{{it}}", it).replace("{{why}}", why))
            for step in steps
            if step.verb != "each"
        ]
        assert all(step.verb in SETTINGS | STEPS for step in filled), f"{name}: {filled}"
        cases.append(
            Case(
                f"{name}: {it}" if it else name,
                tuple(step for step in filled if step.verb in SETTINGS),
                tuple(step for step in filled if step.verb in STEPS),
            )
        )
    return cases


@dataclass(frozen=True, slots=True)
class Names:
    """What is unique to one who plays a conversation.

    Attributes:
        mark: In all of its requests, so that the engine's end knows whose a connection is.
    """

    mark: str

    def token(self, name: str) -> str:
        """Return eight characters that are in one answer and nowhere else."""
        return f"{self.mark[-5:]}{name:_>3}"

    def bytes_of(self, text: str, *, forwarded: bool = False) -> bytes:
        """Return the bytes that a text of a transcript means.

        Args:
            text: With escapes, and with words in double braces.
            forwarded: Whether requests are as the engine gets them.
        """
        parts = enumerate(_MACRO.split(text))
        return b"".join(
            self._expand(part, forwarded=forwarded) if index % 2 else _unescape(part) for index, part in parts
        )

    def _expand(self, word: str, *, forwarded: bool) -> bytes:
        if word == "me":
            return self.mark.encode()
        if word in _HEADS:
            return _HEADS[word]
        kind, _, name = word.partition(" ")
        if kind == "sent":
            return self._expand(name, forwarded=False)
        if kind in _ANSWERS:
            return _unescape(_ANSWERS[kind].format(self.token(name)))
        if repeat := _REPEAT.fullmatch(word):
            request = _REQUEST.fullmatch(repeat[2])
            once = self._expand(repeat[2], forwarded=forwarded) if request else _unescape(repeat[2])
            return once * int(repeat[1])
        request = _REQUEST.fullmatch(word)
        assert request, word
        fields = [f"Host: {self.mark}", *request[3].split(" | ")[1:]]
        if forwarded:
            fields = [f"{name.lower()}: {value}" for name, _, value in (field.partition(": ") for field in fields)]
        target = request[2].replace("@", self.mark)
        return "\r\n".join([f"{request[1]} {target} HTTP/1.1", *fields, "", ""]).encode("latin-1")


def _unescape(text: str) -> bytes:
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")
