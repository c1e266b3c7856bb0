"""Every image of others stands in one file, with a day beside it, and somebody is told when that day is long ago."""

from __future__ import annotations

import re
import warnings
from datetime import date

from touchline_deploy.build.pins import IMAGES, ROOT, Pin, image_names, pins, to_look_at
from touchline_deploy.stack.stack_files import read_env

DOCKER = ROOT / "docker"
REDIS = Pin("REDIS_IMAGE", "redis:8", date(2026, 11, 28), None)
HAPROXY = Pin("HAPROXY_IMAGE", "haproxy:3.2", date(2026, 11, 28), date(2027, 4, 1))


def test_each_image_of_the_file_has_a_day_and_a_tag_that_is_no_latest() -> None:
    assert {pin.name: pin.image for pin in pins()} == read_env(IMAGES)
    for pin in pins():
        assert re.fullmatch(r"[a-z/-]+:v?\d[\w.-]*(@sha256:[0-9a-f]{64})?", pin.image), pin


def test_the_compose_files_take_these_images_and_no_other() -> None:
    named = [image for path in DOCKER.glob("compose*.yaml") for image in re.findall(r"image: (\S+)", path.read_text())]
    others = {image for image in named if not image.startswith("touchline-")}
    assert others == {f"${{{name}}}" for name in image_names({}) if name != "BASE_IMAGE"}


def test_all_dockerfiles_have_the_same_base() -> None:
    files = [*DOCKER.glob("*/Dockerfile"), *ROOT.glob("tests/support/stand-ins/*/Dockerfile")]
    named = {found for path in files for found in re.findall(r"^ARG BASE_IMAGE=(\S+)$", path.read_text(), re.MULTILINE)}
    assert named == {image_names({})["BASE_IMAGE"].partition("@")[0]}


def test_the_clients_of_postgresql_are_those_of_the_server() -> None:
    major = re.match(r"postgres:(\d+)", image_names({})["POSTGRES_IMAGE"])
    client = re.search(r"postgresql-client-(\d+)", (DOCKER / "airflow" / "Dockerfile").read_text())
    assert major and client and major[1] == client[1]


def test_the_environment_wins() -> None:
    assert image_names({"REDIS_IMAGE": "elsewhere/redis:8"})["REDIS_IMAGE"] == "elsewhere/redis:8"


def test_an_image_that_nobody_looked_at_for_a_year_is_told() -> None:
    assert to_look_at([REDIS], date(2027, 11, 28)) == []
    [line] = to_look_at([REDIS], date(2027, 11, 29))
    assert "redis:8: was last looked at on 2026-11-28" in line


def test_an_image_that_gets_no_security_releases_any_more_is_told() -> None:
    assert to_look_at([HAPROXY], date(2027, 4, 1)) == []
    [line] = to_look_at([HAPROXY], date(2027, 4, 2))
    assert "haproxy:3.2: gets no security releases since 2027-04-01" in line


def test_nobody_has_to_look_again_today() -> None:
    """A warning, not a failure: a change must not become red because a day has passed."""
    for line in to_look_at(pins(), date.today()):
        warnings.warn(line, stacklevel=1)
