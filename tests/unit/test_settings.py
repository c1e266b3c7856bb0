"""Settings are read once; their errors name the variable, its value and what is allowed."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchline.errors import EXIT_USAGE, SettingError
from touchline.known_models import SHIPPED_MODELS
from touchline.settings import Settings

FIELDS = {item.name: item for item in fields(Settings)}
BOUNDED = sorted(name for name, item in FIELDS.items() if item.metadata["low"] is not None)
WITH_CHOICES = sorted(name for name, item in FIELDS.items() if item.metadata["choices"])
NUMBERS = sorted(name for name, item in FIELDS.items() if isinstance(item.default, (int, float)))
PATHS = sorted(name for name, item in FIELDS.items() if isinstance(item.default, Path))


def test_an_empty_environment_gives_the_defaults():
    assert Settings.from_env({}) == Settings()


def test_an_empty_variable_counts_as_unset():
    assert Settings.from_env({"OUTPUT_CRF": "  ", "WORKING_DIR": ""}) == Settings()


def test_the_operators_names_are_known():
    known = {name.upper() for name in FIELDS}
    assert known >= {"NAS_MOUNT_PATH", "NAS_OUTPUT_PATH", "WORKING_DIR", "SCRATCH_DIR", "USE_GPU", "MAX_WORKERS",
                     "CHUNK_DURATION_SEC", "MIN_EVENT_CONFIDENCE", "YOLO_MODEL_PATH", "SPOTTER_MODEL_PATH",
                     "ACTION_MODEL_PATH", "OUTPUT_CODEC", "OUTPUT_CRF", "WATCH_STABLE_TIME_SEC"}
    assert Settings().chunk_duration_sec == 600


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_every_setting_has_a_description_that_is_a_sentence(name):
    assert FIELDS[name].metadata["description"].rstrip().endswith(".")


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_every_default_lies_within_its_own_bounds(name):
    default = FIELDS[name].default
    text = "" if default is None else str(default)
    assert getattr(Settings.from_env({name.upper(): text}), name) == default


@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_has_bounds(name):
    assert FIELDS[name].metadata["low"] is not None
    assert FIELDS[name].metadata["high"] is not None


@pytest.mark.parametrize("name", BOUNDED)
@pytest.mark.parametrize("side", ["low", "high"])
def test_a_bound_is_allowed_and_what_lies_beyond_is_not(name, side):
    bound = FIELDS[name].metadata[side]
    beyond = bound - 1 if side == "low" else bound + 1
    assert getattr(Settings.from_env({name.upper(): str(bound)}), name) == bound
    with pytest.raises(SettingError, match=name.upper()) as caught:
        Settings.from_env({name.upper(): str(beyond)})
    assert str(beyond) in str(caught.value)
    assert str(FIELDS[name].metadata["high"]) in str(caught.value)


@pytest.mark.parametrize("name", BOUNDED)
@pytest.mark.parametrize("text", ["many", "1,5", "0x10", "1e999", "nan", "-inf", "--force", "$(reboot)"])
def test_what_is_no_number_is_refused(name, text):
    with pytest.raises(SettingError, match=name.upper()):
        Settings.from_env({name.upper(): text})


@pytest.mark.parametrize("name", WITH_CHOICES)
def test_a_choice_may_be_written_in_any_case_and_another_is_refused(name):
    choices = FIELDS[name].metadata["choices"]
    assert getattr(Settings.from_env({name.upper(): choices[-1].upper()}), name) == choices[-1]
    with pytest.raises(SettingError, match=", ".join(choices)):
        Settings.from_env({name.upper(): "perhaps"})


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("text", ["output", "./output", "../output"])
def test_a_path_must_be_absolute(name, text):
    with pytest.raises(SettingError, match=f"{name.upper()}=.*absolute"):
        Settings.from_env({name.upper(): text})


def test_a_detector_may_be_named_as_touchline_models_lists_it():
    assert Settings.from_env({"YOLO_MODEL_PATH": "yolov8n.pt"}).yolo_model_path == SHIPPED_MODELS / "yolov8n.pt"
    with pytest.raises(SettingError, match=r"starts with /, or one of yolov8n\.pt, "):
        Settings.from_env({"YOLO_MODEL_PATH": "yolov8m.pt"})
    with pytest.raises(SettingError, match="ACTION_MODEL_PATH"):
        Settings.from_env({"ACTION_MODEL_PATH": "yolov8n.pt"})


def test_without_a_clip_model_there_is_none():
    assert Settings().action_model_path is None
    assert Settings.from_env({"ACTION_MODEL_PATH": "/models/own"}).action_model_path == Path("/models/own")


def test_a_wrong_setting_is_a_usage_error():
    assert SettingError.exit_code == EXIT_USAGE


def test_settings_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Settings().output_crf = 30  # type: ignore[misc]


def test_the_catalogue_lies_in_the_working_folder_unless_told_otherwise():
    assert Settings(working_dir=Path("/w")).catalogue_address == "sqlite:////w/catalogue.db"
    assert Settings(catalogue_url="postgresql://db/touchline").catalogue_address == "postgresql://db/touchline"


def test_the_address_of_the_catalogue_may_stand_in_a_file(tmp_path):
    file = tmp_path / "address"
    file.write_text("postgresql://touchline:secret@db/catalogue\n")
    settings = Settings.from_env({"CATALOGUE_URL_FILE": str(file)})
    assert settings.catalogue_address == "postgresql://touchline:secret@db/catalogue"
    assert Settings.from_env({"CATALOGUE_URL_FILE": str(file), "CATALOGUE_URL": "sqlite:////c.db"}
                             ).catalogue_address == "sqlite:////c.db"


@pytest.mark.parametrize(("content", "why"), [(None, "cannot be read: No such file"), ("", "must hold one line"),
                                              ("secret://a\nsecret://b", "must hold one line"),
                                              (b"\xff\xfe", "it is not text")])
def test_a_file_without_an_address_is_named_and_its_content_is_not(tmp_path, content, why):
    file = tmp_path / "address"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SettingError, match=f"CATALOGUE_URL_FILE={file} .*{why}") as caught:
        _ = Settings.from_env({"CATALOGUE_URL_FILE": str(file)}).catalogue_address
    assert "secret" not in str(caught.value) and "\n" not in str(caught.value)


def test_printed_settings_hold_no_password():
    settings = Settings.from_env({"CATALOGUE_URL": "postgresql://touchline:secret@db/catalogue"})
    assert "secret" not in repr(settings)


@given(st.dictionaries(st.sampled_from([name.upper() for name in FIELDS]), st.text(max_size=30)))
def test_any_environment_gives_settings_or_a_setting_error(environ):
    try:
        assert isinstance(Settings.from_env(environ), Settings)
    except SettingError as error:
        assert any(name in str(error) for name in environ)
