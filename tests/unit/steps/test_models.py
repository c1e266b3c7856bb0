"""A detector is fetched whole and right or not at all, and the line says why; by a real server and a real proxy."""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from support.model_server import model_server
from touchline.cli import main
from touchline.errors import ModelError, StorageError, UsageError
from touchline.inference import download
from touchline.known_models import SHIPPED_MODELS, KnownModel, default_detector, known_models
from touchline.steps import models
from touchline.steps.models import fetch, state_of

CONTENT = os.urandom(300_000)


@pytest.fixture(autouse=True)
def _a_network_of_our_own(monkeypatch):
    """No proxy of this machine, and little patience."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(download, "CONNECT_SEC", 0.5)
    monkeypatch.setattr(download, "SILENCE_SEC", 0.5)


@pytest.fixture
def server():
    with model_server(CONTENT) as running:
        yield running


@pytest.fixture
def model(server, tmp_path) -> KnownModel:
    return KnownModel(tmp_path / "tiny.pt", "people", "AGPL-3.0", "https://models.example/card",
                      f"{server.address}/tiny.pt", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


def refused(model: KnownModel) -> str:
    """The line with which a fetch fails; nothing of it is left in the folder."""
    folder = model.path.parent
    before = sorted(folder.iterdir())
    with pytest.raises(ModelError) as caught:
        fetch(model)
    assert sorted(folder.iterdir()) == before
    line = str(caught.value)
    assert line.startswith("tiny.pt could not be fetched: ") and "\n" not in line
    assert "the shipped small detector, which finds people but not the ball" in line
    assert model.url in line and str(folder) in line
    return line


# --- Fetch ----------------------------------------------------------------------------------------------------------

def test_a_model_is_fetched_once(model, server, tmp_path):
    assert fetch(model)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.pt"]
    assert (tmp_path / "tiny.pt").read_bytes() == CONTENT
    assert not fetch(model)
    assert server.asked == ["/tiny.pt"]


def test_a_server_may_send_on_to_another_place_as_github_does(model, server):
    server.way = "moved"
    assert fetch(model)
    assert server.asked == ["/tiny.pt", "/good"]


def test_another_file_than_the_right_one_is_refused(model):
    assert "another sha256" in refused(replace(model, sha256="0" * 64))


@pytest.mark.parametrize(("way", "why"), [
    ("404", "127.0.0.1 answers 404 instead of sending it"),
    ("cut", "the connection to 127.0.0.1 broke after 1"),
    ("silent", "127.0.0.1 said nothing for 0.5 s"),
    ("stuck", "the connection to 127.0.0.1 broke after 1"),
    ("endless", "127.0.0.1 sends more than its 300000 bytes"),
    ("odd", "127.0.0.1 cannot be reached"),
])
def test_a_server_that_misbehaves_is_one_line_and_leaves_nothing(model, server, way, why):
    server.way = way
    started = time.monotonic()
    assert why in refused(model)
    assert time.monotonic() - started < 10


def test_fewer_or_more_bytes_than_the_table_says_are_refused(model):
    assert "sent 300000 of 300001 bytes" in refused(replace(model, size_bytes=300_001))
    assert "more than its 299999 bytes" in refused(replace(model, size_bytes=299_999))


def test_a_server_that_drips_is_given_up(model, server, monkeypatch):
    server.way = "drip"
    monkeypatch.setattr(download, "TOTAL_SEC", 0.2)
    assert "of 300000 bytes in 0.2 s" in refused(model)


@pytest.mark.parametrize("place", ["a port where nobody listens", "an address that leads nowhere"])
def test_without_a_network_it_takes_seconds(model, place):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    host = "127.0.0.1" if place.startswith("a port") else "192.0.2.1"  # RFC 5737: leads nowhere
    started = time.monotonic()
    assert f"{host} cannot be reached" in refused(replace(model, url=f"http://{host}:{port}/tiny.pt"))
    assert time.monotonic() - started < 10


def test_a_connection_that_is_not_trusted_is_told_from_none(model):
    assert "the certificate of 127.0.0.1 is not trusted" in refused(
        replace(model, url=model.url.replace("http:", "https:")))


def test_certificates_that_are_away_are_named(model, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/club.pem")
    assert "/nowhere/club.pem" in refused(replace(model, url=model.url.replace("http:", "https:")))


def test_a_half_file_of_an_earlier_try_is_neither_used_nor_kept(model, tmp_path):
    (tmp_path / "tiny.pt").write_bytes(CONTENT[:1000])
    (tmp_path / ".tiny.pt.0123456789abcdef.part").write_bytes(CONTENT[:1000])
    assert state_of(model).startswith("damaged")
    assert fetch(model)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.pt"]
    assert state_of(model) == "here, sha256 is right"


def test_a_failed_fetch_leaves_what_was_there(model, server, tmp_path):
    (tmp_path / "tiny.pt").write_bytes(b"older")
    server.way = "404"
    refused(model)
    assert (tmp_path / "tiny.pt").read_bytes() == b"older"


def test_a_folder_that_cannot_be_written_is_named(model):
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        if user == 0:
            os.seteuid(65534)
        try:
            with pytest.raises(StorageError, match=f"{folder}.* cannot be written by user"):
                fetch(replace(model, path=Path(folder) / "tiny.pt"))
        finally:
            os.seteuid(user)
        assert os.listdir(folder) == []


# --- Through a proxy -------------------------------------------------------------------------------------------------

def test_a_proxy_is_asked_where_the_environment_names_one(model, server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", server.address)
    assert fetch(replace(model, url="http://models.example/tiny.pt"))
    assert server.asked == ["http://models.example/tiny.pt"]


def test_no_proxy_is_heeded(model, server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert fetch(model)


@pytest.mark.parametrize("proxy", ["http://club:secret@127.0.0.1:9", "http://club:secret@/", "http://club:secret@:x"])
def test_a_proxy_that_is_away_is_named_without_its_password(model, monkeypatch, proxy):
    monkeypatch.setenv("HTTP_PROXY", proxy)
    line = refused(replace(model, url="http://models.example/tiny.pt"))
    assert "the proxy that HTTPS_PROXY or HTTP_PROXY names cannot be reached" in line
    assert "secret" not in line


def test_a_proxy_that_answers_with_a_page_of_its_own_is_refused(model, server, monkeypatch):
    server.way = "404"
    monkeypatch.setenv("HTTP_PROXY", server.address)
    assert "models.example answers 404" in refused(replace(model, url="http://models.example/tiny.pt"))


# --- The command, and the one rule for the default ------------------------------------------------------------------

def test_the_list_names_state_licence_and_card_of_each(capsys):
    assert main(["models"]) == 0
    shown = capsys.readouterr().out
    for known in known_models().values():
        assert f"{known.name}: " in shown and known.licence in shown and known.card in shown
    assert "in use: detector.pt" in shown
    assert f"spotter: {SHIPPED_MODELS / 'spotter'} " in shown and "clip model: none " in shown


def test_a_chosen_model_is_shown_as_the_one_in_use(capsys, monkeypatch):
    monkeypatch.setenv("YOLO_MODEL_PATH", "yolov8n.pt")
    assert main(["models"]) == 0
    assert "in use: yolov8n.pt" in capsys.readouterr().out


@pytest.mark.parametrize(("argv", "why"), [(["fetch", "yolov9.pt"], "use one of yolov8n.pt"),
                                           (["fetch", "detector.pt"], "nothing to fetch"),
                                           (["fetch", "../../x"], "use one of"), (["list", "x"], "takes no name"),
                                           (["verify", "x"], "use one of")])
def test_a_wrong_name_is_one_line(argv, why, capsys):
    assert main(["models", *argv]) == UsageError.exit_code
    line = capsys.readouterr().err
    assert why in line and line.count("\n") == 1


def test_what_was_put_there_by_hand_is_verified(model, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(models, "known_models", lambda: {"tiny.pt": model})
    assert main(["models", "verify", "tiny.pt"]) == 1
    assert "tiny.pt: not here" in capsys.readouterr().err
    (tmp_path / "tiny.pt").write_bytes(CONTENT[::-1])
    assert main(["models", "verify", "tiny.pt"]) == 1
    assert "its sha256 is not the right one" in capsys.readouterr().err
    (tmp_path / "tiny.pt").write_bytes(CONTENT)
    assert main(["models", "verify", "tiny.pt"]) == 0
    assert capsys.readouterr().out == "tiny.pt: here, sha256 is right\n"


def test_the_default_is_the_first_that_is_here(tmp_path):
    names = ("coco.pt", "small.pt")
    assert default_detector(tmp_path, names) == tmp_path / "small.pt"
    (tmp_path / "coco.pt").write_bytes(b"x")
    assert default_detector(tmp_path, names) == tmp_path / "coco.pt"


def test_the_table_is_complete():
    for known in known_models().values():
        assert known.sees and known.licence and known.card
        assert not known.url or (known.url.startswith("https://github.com/ultralytics/assets/releases/download/")
                                 and known.url.endswith(f"/{known.name}") and len(known.sha256) == 64
                                 and 1_000_000 < known.size_bytes < 10_000_000)
