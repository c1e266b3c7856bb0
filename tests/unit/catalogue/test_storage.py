"""A catalogue whose disk is full says so in one line, and goes on when there is space again."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from touchline.catalogue.connection import reading, writing
from touchline.errors import StorageError


def test_a_full_disk_is_told_and_the_transaction_is_gone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'catalogue.db'}"
    with writing(url) as connection:
        connection.execute(text("CREATE TABLE big (content BLOB)"))
    line = rf"{tmp_path / 'catalogue.db'} is full: [0-9]+ MB free; free some space or move it, the task is tried again"
    with pytest.raises(StorageError, match=line), writing(url) as connection:
        connection.execute(text("PRAGMA max_page_count = 1"))  # SQLite then answers as on a full disk
        connection.execute(text("INSERT INTO big VALUES (zeroblob(1000000))"))
    with writing(url) as connection:
        connection.execute(text("INSERT INTO big VALUES (zeroblob(10))"))
    with reading(url) as connection:
        assert connection.execute(text("SELECT count(*) FROM big")).scalar() == 1


def test_a_catalogue_whose_file_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "catalogue.db").mkdir()
    with pytest.raises(StorageError, match=r"catalogue\.db is away or incomplete"), reading(
            f"sqlite:///{tmp_path / 'catalogue.db'}"):
        pass
