"""The reviews of a match as its steps read them: a file beside the request, which no step may write.

The catalogue holds them; the file is written from there when a run begins.
"""

from __future__ import annotations

from collections.abc import Sequence

from touchline.domain.layout import WorkFiles
from touchline.domain.review import Review, review_from_plain, review_to_plain
from touchline.errors import DamagedResultError, UntrustedFileError
from touchline.results.files import folder_of, is_there, write_json
from touchline.settings import Settings

_MOST_BYTES = 32 << 20
"""A match has 20,000 reviews at most, of less than 1 KiB each."""


def save_reviews(match_id: str, reviews: Sequence[Review], settings: Settings) -> None:
    """Write all reviews of a match, in order of time; without any none is written."""
    path = WorkFiles(settings.working_dir, match_id).reviews
    if reviews or is_there(path):
        write_json(path, {"reviews": [review_to_plain(one) for one in reviews]})


def load_reviews(match_id: str, settings: Settings) -> tuple[Review, ...]:
    """All reviews of a match, in order of time.

    Raises:
        DamagedResultError: the file is there and cannot be read.
    """
    path = WorkFiles(settings.working_dir, match_id).reviews
    if not is_there(path):
        return ()
    try:
        with folder_of(path) as folder:
            stored = folder.read_json(path.name, _MOST_BYTES)["reviews"]
        return tuple(map(review_from_plain, stored))
    except (OSError, UntrustedFileError, ValueError, KeyError, TypeError) as error:
        raise DamagedResultError(f"{path} cannot be read ({error}): remove it and start the run again, which writes it "
                                 "again from the catalogue") from None
