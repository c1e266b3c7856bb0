"""What may stand beside a recording under the name of a sidecar? Seeded notes, most of them hostile."""

from __future__ import annotations

import os
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HOSTILE_TEXTS = (
    "Reds\0Blues", "a\nb", "\u202egnp.exe", "\u2028", "{{ 7*7 }}", "{% raw %}", "%s%n", "{0.__class__}",
    "$(touch PWNED)", "`touch PWNED`", "<script>alert(1)</script>", "'; DROP TABLE matches; --", "\ud7ff", "\ufffe",
    "é" * 40, "é" * 70_000, "\x1b[31mred", "\x7f", "..", "../../etc/passwd", "/etc/passwd", " ", "", "A" * 300,
    "🎉" * 100, "\x85", "\u200b",
)
_GOOD_TOML = 'title = "Reds – Blues"\nhome = "Reds"\naway = "Blues"\ndate = 2026-01-31\nkick_offs = ["00:00", "0:01"]\n'
_GOOD_MARKS = "time,label\n0:01,Foul\n0:02,Goal\n"
_SIGNS = (b"[", b"]", b'"', b"=", b",", b"\n", b"\0", b"#", b"{", b"'''", b"\r", b";")
_KEYS = ("title", "home", "away", "date", "kick_offs", "kits", "our_keeper", "kits.home", "whatever", "a.b.c")


@dataclass(frozen=True)
class Note:
    """A sidecar: its kind, how it comes to be, and the seed of its content."""

    kind: str
    how: str
    seed: str

    def put(self, path: Path) -> None:
        """Write it, or whatever else it is."""
        _MAKERS[self.how](self.kind, random.Random(self.seed))(path)


def hostile_notes(seed: int, count: int) -> Iterator[Note]:
    """So many notes, every way of making one in turn."""
    makers = list(_MAKERS)
    for number in range(count):
        kind = ("match.toml", "marks.csv")[number // len(makers) % 2]
        yield Note(kind, makers[number % len(makers)], f"sidecar-{seed}-{number}")


def _bytes(content: bytes) -> Callable[[Path], None]:
    return lambda path: _write(path, content)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _spoiled(kind: str, chance: random.Random) -> Callable[[Path], None]:
    content = bytearray((_GOOD_TOML if kind == "match.toml" else _GOOD_MARKS).encode())
    for _ in range(chance.choice((1, 2, 8))):
        how, at = chance.randrange(4), chance.randrange(len(content))
        if how == 0:
            content[at] = chance.randrange(256)
        elif how == 1:
            del content[at:]
            content += b"x"
        elif how == 2:
            content[at:at] = chance.randbytes(chance.choice((1, 10)))
        else:
            content[at:at] = chance.choice(_SIGNS)
    return _bytes(bytes(content))


def _noise(_: str, chance: random.Random) -> Callable[[Path], None]:
    return _bytes(chance.randbytes(chance.choice((1, 100, 5000, 1 << 20))))


def _texts(kind: str, chance: random.Random) -> Callable[[Path], None]:
    text = chance.choice(HOSTILE_TEXTS)
    if kind == "marks.csv":
        rows = (f"0:01,{text}", f"{text},Goal", f'"0:01","{text}"', f"0:01,Goal,{text}")
        return _bytes(("time,label\n" + chance.choice(rows) + "\n").encode("utf-8", "surrogatepass"))
    escaped = "".join(f"\\U{ord(letter):08X}" for letter in text)
    line = f'{chance.choice(_KEYS)} = "{escaped}"\n'
    return _bytes(line.encode())


def _values(kind: str, chance: random.Random) -> Callable[[Path], None]:
    value = chance.choice((
        "1e400", "-1", "nan", "inf", "0x7fffffffffffffffffff", "9" * 5000, "1979-05-27T07:32:00Z", "07:32:00", "true",
        "[]", "[[[[]]]]", "{}", "{a = 1}", '[""]', '["99999999:99"]', '["-1:00"]', "0000-00-00", "9999-12-31", '"0:00"',
        "[" * 500 + "]" * 500, "[" + "1," * 9000 + "]"))
    if kind == "marks.csv":
        times = ("99:99:99", "-0:01", "0:01.9999999", "1e9", "०:०१", "0:0१", " 0:01 ", "0:01\u00a0", "0:60", "9" * 400,
                 "")
        return _bytes(f"{chance.choice(times)},{chance.choice(('Goal', 'goal ', 'Göal', ''))}\n".encode())
    return _bytes(f"{chance.choice(_KEYS)} = {value}\n".encode())


def _many(kind: str, chance: random.Random) -> Callable[[Path], None]:
    count = chance.choice((100, 5000, 74_000))
    if kind == "marks.csv":
        return _bytes(b"0:01,Goal\n" * min(count, 100_000))
    line = "kick_offs = [" + ", ".join(['"0:01"'] * count) + "]\n"
    keys = "".join(f'k{number} = "{chance.choice(string.ascii_letters)}"\n' for number in range(count // 10))
    return _bytes((line + keys).encode()[: (1 << 20) - 10] if chance.random() < 0.3 else (line + keys).encode())


def _deep(kind: str, chance: random.Random) -> Callable[[Path], None]:
    depth = chance.choice((50, 900, 100_000))
    if kind == "marks.csv":
        return _bytes(('"' * depth + "\n").encode())
    return _bytes(chance.choice((f"kits = {'[' * depth}", f"{'a.' * depth}a = 1\n", f"[{'a.' * depth}a]\n")).encode())


def _encodings(kind: str, chance: random.Random) -> Callable[[Path], None]:
    text = _GOOD_TOML if kind == "match.toml" else _GOOD_MARKS
    if chance.random() < 0.3:
        return _bytes(text.replace("\n", chance.choice(("\r", "\r\n", "\n\r"))).encode())
    return _bytes(text.encode(chance.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "cp037")), "replace"))


def _huge(_: str, chance: random.Random) -> Callable[[Path], None]:
    def put(path: Path) -> None:
        with path.open("wb") as handle:
            handle.truncate(chance.choice(((1 << 20) + 1, 1 << 34)))

    return put


def _special(_: str, chance: random.Random) -> Callable[[Path], None]:
    kind = chance.randrange(6)

    def put(path: Path) -> None:
        if kind == 0:
            path.mkdir()
        elif kind == 1:
            os.mkfifo(path)
        else:
            target = {2: "/etc/passwd", 3: "/dev/zero", 4: path.name, 5: "../elsewhere/secret.txt"}[kind]
            path.symlink_to(target)

    return put


_MAKERS: dict[str, Callable[[str, random.Random], Callable[[Path], None]]] = {
    "spoiled": _spoiled, "noise": _noise, "texts": _texts, "values": _values, "many": _many, "deep": _deep,
    "encodings": _encodings, "huge": _huge, "special": _special}
