"""Words that docs/glossary.md lets go stay away: from code, messages, docs and tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = ROOT / "docs" / "glossary.md"
FOLDERS = ("include", "dags", "plugins", "docs", "scripts", "docker", "tests")
SUFFIXES = {".py", ".md", ".toml", ".html", ".yaml", ".yml", ".sh"}
NOT_SEARCHED = {GLOSSARY, Path(__file__).resolve()}


def let_go() -> list[str]:
    """All words of the table's column "not"."""
    table = GLOSSARY.read_text().partition("## Words that we let go")[2]
    rows = re.findall(r"^\| .+ \| (`.+`) \|$", table, re.MULTILINE)
    return [word for words in rows for word in re.findall("`(.+?)`", words)]


def found_in(text: str) -> list[str]:
    """Those that a text uses, wherever its lines break."""
    any_of = "|".join(re.escape(word).replace("…", "[^.]{1,60}") for word in let_go())
    return re.findall(rf"\b(?:{any_of})\b", re.sub(r"\s+(?:# )?", " ", text), re.IGNORECASE)


def searched_files() -> Iterator[Path]:
    yield from (ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "Makefile")
    for folder in FOLDERS:
        yield from (path for path in sorted((ROOT / folder).rglob("*"))
                    if path.suffix in SUFFIXES and path.resolve() not in NOT_SEARCHED)


def test_a_word_that_was_let_go_is_not_used() -> None:
    used = {str(path.relative_to(ROOT)): found for path in searched_files() if (found := found_in(path.read_text()))}
    assert not used, "docs/glossary.md has a better word"


def test_the_table_is_read_and_a_planted_word_is_found() -> None:
    assert len(let_go()) > 30
    assert found_in("    # It is computed\n    # anew.") == ["anew"]
    assert found_in("So many matches are made\nas there are slots.") == ["So many matches are made as"]
    assert not found_in("So many matches. As ever.")
