"""Which videos on the mount are not taken because of their format, and how does the operator learn of each once?"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from touchline.catalogue import recordings
from touchline.catalogue.connection import now_ms
from touchline.catalogue.recordings import Look
from touchline.domain.text import shown
from touchline.settings import Settings
from touchline_airflow.mount.find import find_foreign
from touchline_airflow.mount.suffixes import why_foreign


def tell_foreign(settings: Settings, say: Callable[[str], None]) -> None:
    """Say once of each that it is not taken, and why: its row in the catalogue also brings it into the summary."""
    known = recordings.every(settings.catalogue_address)
    for path in find_foreign(settings):
        with contextlib.suppress(OSError):
            if str(path) not in known:
                look, reason = Look.of(str(path), path.stat()), why_foreign(path.name)
                recordings.note_bad(settings.catalogue_address, look, reason, now_ms())
                say(shown(f"{path} is not taken: {reason}"))
