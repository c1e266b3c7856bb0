"""What does a backup, or a manifest, say? Each is data from a disk: what is damaged is refused in one line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from touchline.domain.layout import is_match_id
from touchline.errors import TouchlineError
from touchline.storage import reading

MOST_BYTES = 256_000_000
"""Of one list: 10,000 matches with ten files each take 15 MB."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ADVICE = "take another backup"


def read_facts(path: Path) -> dict[str, Any]:
    """`backup.json`: when and by which versions a backup was made, and what the databases held.

    Raises:
        TouchlineError: it is damaged, or something of it is missing.
    """
    facts = _read_table(path)
    for name, is_right in _FACTS.items():
        if not is_right(facts.get(name)):
            raise TouchlineError(f"{path} is damaged, it says nothing that can be used about {name!r}: {_ADVICE}")
    return facts


def read_published(path: Path) -> dict[str, dict[str, Any]]:
    """`published.json`: of each published folder its manifest's digest, and digest and size of its files by name.

    A folder that is listed in another form counts as not listed.

    Raises:
        TouchlineError: it is damaged.
    """
    return {name: folder for name, folder in _read_table(path).items() if is_match_id(name) and _is_folder(folder)}


def read_sums(path: Path) -> dict[str, str]:
    """SHA256SUMS: the digest of each file by its name.

    Raises:
        OSError: it is not there.
        ValueError: it is damaged.
    """
    sums = {name: digest for digest, name in (line.split("  ", 1) for line in path.read_text().splitlines())}
    if not all(is_name_inside(name) and "/" not in name for name in sums):
        raise ValueError("a name leads out of the backup")
    return sums


def files_of_manifest(content: bytes) -> dict[str, dict[str, Any]]:
    """Digest and size of each file that a manifest names; empty where it is damaged or names what lies elsewhere."""
    try:
        files = {name: {"sha256": entry["sha256"], "size_bytes": entry["size_bytes"]}
                 for name, entry in json.loads(content)["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    return files if all(is_name_inside(name) and _is_file(entry) for name, entry in files.items()) else {}


def is_name_inside(name: str) -> bool:
    """Whether a relative name stays in its folder: "reels/highlights.mp4"."""
    return name.isprintable() and len(name) <= 255 and not {"", ".", ".."} & set(name.split("/"))


def is_count(value: Any) -> bool:
    """A whole number from 0 on that a database can hold."""
    return type(value) is int and 0 <= value < 1 << 53


def is_digest(value: Any) -> bool:
    """Hex of a sha256."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _read_table(path: Path) -> dict[str, Any]:
    with reading(path), path.open("rb") as handle:
        content = handle.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise TouchlineError(f"{path} is larger than {MOST_BYTES // 1_000_000} MB, no backup has that: {_ADVICE}")
    try:
        return dict(json.loads(content))
    except (ValueError, TypeError, RecursionError):
        raise TouchlineError(f"{path} is damaged, it is not a JSON table: {_ADVICE}") from None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable()


def _is_text_or_nothing(value: Any) -> bool:
    return value is None or _is_text(value)


def _are_databases(value: Any) -> bool:
    return isinstance(value, dict) and _is_content(value.get("catalogue")) and _is_content(value.get("airflow"))


def _is_content(value: Any) -> bool:
    return isinstance(value, dict) and _is_text_or_nothing(value.get("revision")) \
        and isinstance(value.get("rows"), dict) and all(map(is_count, value["rows"].values()))


def _is_folder(value: Any) -> bool:
    return isinstance(value, dict) and is_digest(value.get("manifest")) and isinstance(value.get("files"), dict) \
        and all(is_name_inside(name) and _is_file(entry) for name, entry in value["files"].items())


def _is_file(entry: Any) -> bool:
    return isinstance(entry, dict) and is_digest(entry.get("sha256")) and is_count(entry.get("size_bytes"))


_FACTS: Mapping[str, Callable[[Any], bool]] = {
    "made_at": _is_text, "touchline": _is_text, "airflow": _is_text_or_nothing, "databases": _are_databases,
    "files": is_count, "fernet_key": _is_text_or_nothing, "warning": _is_text_or_nothing,
}
