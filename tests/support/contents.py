"""What does a folder hold?"""

from __future__ import annotations

import hashlib
from pathlib import Path


def contents(folder: Path) -> dict[str, tuple[str, int]]:
    """Digest and moment of the last change of every file: a file that was written again is seen."""
    return {str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
            for path in sorted(folder.rglob("*")) if path.is_file()}
