"""Which steps `touchline process` runs, of which none does any work here; a real match is in the integration tests."""

from touchline.domain.layout import WorkFiles
from touchline.domain.step_table import STEPS
from touchline.results.result import reuse_or_compute
from touchline.steps import process

RESULTS = {"probe": {"recordings": [{"duration_ms": 20_000}]}, "plan_chunks": {"chunks": [{"chunk_id": "chunk-0000"}]}}
"""What process reads of them."""


def test_a_match_goes_through_all_steps_of_the_table_in_their_order(own_settings, monkeypatch):
    done = []

    def stand_in(step):
        def run(match_id, *part_and_settings, force):
            done.append(step.name)
            part = "" if len(part_and_settings) == 1 else part_and_settings[0]
            path = step.result(WorkFiles(own_settings.working_dir, match_id), part)
            return reuse_or_compute(path, step.name, {}, lambda: RESULTS.get(step.name, {}), force=force)
        return run

    for step in STEPS:
        monkeypatch.setattr(process, step.name, stand_in(step), raising=False)
    recording = own_settings.nas_mount_path / "cup.mp4"
    recording.write_bytes(b"no film")
    process.process([recording], own_settings.nas_output_path, own_settings, ("highlights",))
    assert done == [step.name for step in STEPS]
