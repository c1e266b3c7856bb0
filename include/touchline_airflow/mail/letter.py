"""What does a mail say? A letter holds it once; from it come the HTML and the text, both with the same content."""

from __future__ import annotations

import hashlib
import textwrap
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, Template

from touchline.domain.text import shown

TEXT_WIDTH = 78


@dataclass(frozen=True)
class Picture:
    """A JPEG shown inside the HTML; its `url` must be in a line as well, for the reader of the text."""

    jpeg: bytes
    caption: str
    url: str = ""

    @property
    def content_id(self) -> str:
        """Name by which the HTML refers to the picture."""
        return f"{hashlib.sha256(self.jpeg).hexdigest()[:24]}@touchline"


@dataclass(frozen=True)
class Line:
    """One line of a table: a name, what there is to say of it, and where to read more."""

    name: str
    says: str
    url: str = ""


@dataclass(frozen=True)
class Section:
    """A heading with what comes below it, in this order."""

    heading: str
    words: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Letter:
    """A mail before it is one.

    :param kind: deadline, failure, summary, cost…: the label of the metric, and what the reader sorts by.
    :param role: operator or coach.
    :param key: repeated letters with the same key are folded together (FOLD_ALARMS_MIN).
    :param lead: the first sentence, which says all that matters.
    """

    kind: str
    role: str
    key: str
    subject: str
    lead: str
    sections: tuple[Section, ...] = ()

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All pictures, each content once."""
        return tuple({one.content_id: one for section in self.sections for one in section.pictures}.values())

    def as_html(self) -> str:
        """The letter for a mail program that shows HTML; everything in it is escaped."""
        return _template().render(letter=self)

    def as_text(self) -> str:
        """The letter as plain text without its pictures, wrapped but for addresses."""
        lines = [_wrapped(self.lead)]
        for section in self.sections:
            lines.append("\n".join(["", shown(section.heading), "-" * len(section.heading)]))
            lines += [_wrapped(words) for words in section.words]
            lines += [_listed(line.name, line.says, line.url) for line in section.lines]
        return "\n".join(lines) + "\n"


def _wrapped(words: str) -> str:
    return textwrap.fill(shown(words), TEXT_WIDTH, break_long_words=False, break_on_hyphens=False)


def _listed(name: str, says: str, url: str) -> str:
    line = textwrap.fill(shown(f"{name}: {says}" if says else name), TEXT_WIDTH, initial_indent="- ",
                         subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return f"{line}\n  {url}" if url else line


@cache
def _template() -> Template:
    place = FileSystemLoader(Path(__file__).parent)
    # What a page puts in is shown as the text shows it, and then escaped.
    return Environment(loader=place, autoescape=True, trim_blocks=True, lstrip_blocks=True,
                       finalize=lambda value: shown(value) if isinstance(value, str) else value
                       ).get_template("letter.html")
