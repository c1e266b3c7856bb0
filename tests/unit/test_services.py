"""A PostgreSQL and a Redis of our own: they answer, survive a kill, and nothing of them stays."""

import tempfile
from pathlib import Path

import pytest

from support.services import Postgres, Redis, ServiceError, missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


@pytest.fixture
def folder():
    """A folder that the services' own users may enter; pytest's are for their owner only."""
    with tempfile.TemporaryDirectory(prefix="touchline-services-") as path:
        Path(path).chmod(0o755)
        yield Path(path)


def test_postgres_keeps_its_data_over_kill_and_stop(folder):
    with Postgres(folder / "postgres") as postgres:
        assert postgres.url("catalogue").endswith(f"@127.0.0.1:{postgres.port}/catalogue")
        postgres.ask("CREATE TABLE t (n int); INSERT INTO t VALUES (7)", "catalogue")
        for end in (postgres.kill, postgres.stop):
            end()
            assert not postgres.answers()
            assert postgres.start().ask("SELECT n FROM t", "catalogue") == "7"
        with pytest.raises(ServiceError, match="relation"):
            postgres.ask("SELECT * FROM nothing")
    assert not postgres.answers()


def test_redis_keeps_its_data_over_a_kill(folder):
    with Redis(folder / "redis") as redis:
        assert redis.answers()
        redis.kill()
        assert not redis.answers()
        assert redis.start().answers()
    assert not redis.answers()
