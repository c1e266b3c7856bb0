from __future__ import annotations

from dataclasses import replace

import pytest

from touchline.errors import SettingError
from touchline.settings import Settings
from touchline.video import encoder


@pytest.fixture
def nvenc(monkeypatch):
    return lambda works: monkeypatch.setattr(encoder, "nvenc_works", lambda: works)


@pytest.mark.parametrize(
    ("wanted", "use_gpu", "works", "chosen"),
    [
        ("auto", "auto", True, "h264_nvenc"),
        ("auto", "auto", False, "libx264"),
        ("auto", "false", True, "libx264"),
        ("copy", "auto", True, "h264_nvenc"),
        ("copy", "auto", False, "libx264"),
        ("copy", "false", True, "libx264"),
        ("libx264", "true", True, "libx264"),
        ("h264_nvenc", "auto", True, "h264_nvenc"),
    ],
)
def test_takes_what_is_wanted_where_it_works(nvenc, wanted, use_gpu, works, chosen):
    nvenc(works)
    assert encoder.choose_encoder(replace(Settings(), output_codec=wanted, use_gpu=use_gpu)) == chosen


def test_a_demanded_encoder_that_is_missing_is_an_error_that_names_the_variable(nvenc):
    nvenc(False)
    with pytest.raises(SettingError, match="OUTPUT_CODEC=h264_nvenc"):
        encoder.choose_encoder(replace(Settings(), output_codec="h264_nvenc"))


def test_the_answer_comes_from_encoding_and_is_kept():
    encoder.nvenc_works.cache_clear()
    assert encoder.nvenc_works() is encoder.nvenc_works()
    assert encoder.nvenc_works.cache_info().misses == 1
