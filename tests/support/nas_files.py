"""Files on the mount, for tests that need no film."""

from __future__ import annotations

from pathlib import Path

from touchline.settings import Settings


def drop(settings: Settings, name: str, content: bytes | str = b"film") -> Path:
    """A file of this name there, in folders that are made where they are missing."""
    path = settings.nas_mount_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
