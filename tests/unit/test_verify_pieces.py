"""Nobody has to know all long checks by heart: each belongs to one piece that `make verify PIECE=name` runs."""

import re
from pathlib import Path

from touchline_deploy.checks.verify_pieces import PIECES

ROOT = Path(__file__).resolve().parents[2]


def test_every_file_with_long_checks_belongs_to_a_piece():
    long = {str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py")
            if re.search(r"\bmark\.verify\b", path.read_text())}
    named = [path for piece in PIECES.values() for path in piece.paths]
    assert set(named) == long
    several = {path for path in named if named.count(path) > 1}
    assert all(piece.only for piece in PIECES.values() if several & set(piece.paths))
