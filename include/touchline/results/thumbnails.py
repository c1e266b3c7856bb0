"""Which picture belongs to a clip of a reel? Whoever reads one may not trust the step that wrote it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from touchline.domain.layout import WorkFiles
from touchline.errors import UntrustedFileError
from touchline.results.files import folder_of

MOST_BYTES = 1_000_000
"""A thumbnail of 320 pixels takes about 20 kB."""
_NAME = re.compile(r"clip-[0-9]{1,12}-[0-9]{1,12}\.jpg")
_BEGIN, _END = b"\xff\xd8\xff", b"\xff\xd9"


def is_thumbnail(name: object) -> bool:
    """Whether a file name is one that `render_reel` gives to a picture."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def has_thumbnails(result: Mapping[str, Any], files: WorkFiles) -> bool:
    """Whether all thumbnails of a reel's result are there."""
    try:
        with folder_of(files.thumbnails(result["name"]) / "any") as folder:
            return all(is_thumbnail(name) and folder.is_file(name) for name in result["thumbnails"])
    except (OSError, UntrustedFileError):
        return not result["thumbnails"]


def read_thumbnail(files: WorkFiles, reel: str, name: object) -> bytes:
    """The JPEG of one clip.

    Raises:
        UntrustedFileError: the name is none of ours, or what has it is not a picture of a usual size.
        OSError: it is not there.
    """
    path = files.thumbnails(reel) / str(name)
    if not is_thumbnail(name):
        raise UntrustedFileError(files.thumbnails(reel), f"should hold {str(name)[:80]!r}, not a name of ours,")
    with folder_of(path) as folder:
        content = folder.read(path.name, MOST_BYTES)
    if not (content.startswith(_BEGIN) and content.endswith(_END)):
        raise UntrustedFileError(path, "is not a JPEG")
    return content
