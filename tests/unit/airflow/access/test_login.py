"""The embedded Airflow's password: made once, for its owner only, never the same twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from touchline.errors import UsageError
from touchline_airflow.access.login import USER, login_file, password_of, provide_password


def test_a_password_is_made_once_and_kept(tmp_path: Path) -> None:
    made = provide_password(tmp_path / "state")
    assert provide_password(tmp_path / "state") == password_of(tmp_path / "state") == made
    assert len(made) >= 20 and made != provide_password(tmp_path / "another")


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    provide_password(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["login.json"]
    assert login_file(tmp_path).stat().st_mode & 0o777 == 0o600


def test_airflow_reads_the_same_file(tmp_path: Path) -> None:
    password = provide_password(tmp_path)
    assert json.loads(login_file(tmp_path).read_text()) == {USER: password}


@pytest.mark.parametrize("content", [None, "", "[]", "null", "{}", "no json"])
def test_a_file_without_a_password_is_one_clear_line(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        login_file(tmp_path).write_text(content)
    with pytest.raises(UsageError, match=r"login\.json cannot be used \(.+\): delete it and start Airflow") as said:
        password_of(tmp_path)
    assert "\n" not in str(said.value)
