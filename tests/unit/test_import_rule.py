"""Each package has floors: who may import whom. See docs/architecture.md."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "include"

PRODUCT = {
    "alone": 0, "errors": 0, "known_models": 0, "lifeline": 0, "progress": 0,
    "domain": 1, "settings": 1, "storage": 1, "beneath": 1, "mounted": 1,
    "seeing": 2,
    "video": 3, "inference": 3, "spotting": 3, "reels": 3, "exports": 3, "catalogue": 3, "simulator": 3, "sidecars": 3,
    "results": 4,
    "nas": 5, "training": 5,
    "steps": 6,
    "cli": 7,
}
OPERATIONS = {
    "checkout": 0, "deployment": 0, "dag_defaults": 0, "failing": 0, "plain_fields": 0, "lots": 0, "one_by_one": 0,
    "local_clock": 0, "hosts": 0, "mount": 0, "databases": 0,
    "airflow_settings": 1, "brought_settings": 1, "access": 1, "hold": 1, "books": 1,
    "capacity": 2, "metrics": 2, "recovery": 2,
    "mail": 3, "runtime": 3,
    "ops": 4, "ingest": 4,
    "match": 5, "backfill": 5,
    "late": 6, "summary": 6, "upkeep": 6, "sampler": 6, "pages": 6,
    "commands": 7,
    "cli": 8,
}
DEPLOYMENT = {"live_line": 0, "build": 1, "embedded": 1, "generated": 1, "accuracy": 2, "checks": 2, "stack": 2}
FLOOR = {"touchline": PRODUCT, "touchline_airflow": OPERATIONS, "touchline_deploy": DEPLOYMENT}
"""Each room imports lower floors only."""

MAY_USE_VIDEO = {"reels", "spotting", "simulator"}
MODEL_PACKAGES = {"torch", "torchvision", "cv2", "ultralytics", "transformers", "openvino", "rapidocr"}
ONLY_INFERENCE = {"torch", "torchvision", "ultralytics", "transformers", "rapidocr"}


def python_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py"))


def name_of(path: Path) -> str:
    """`touchline.video.probe` for include/touchline/video/probe.py; a package is named without `__init__`."""
    parts = path.relative_to(INCLUDE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> Iterator[tuple[str, int]]:
    """Every module name that the file imports, anywhere in it, with its line."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} is a relative import: write the whole name"
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def room_of(module: str) -> tuple[str, str] | None:
    """`touchline.video.probe` → (`touchline`, `video`); None for what is in no room of ours."""
    package, _, rest = module.partition(".")
    room = rest.partition(".")[0]
    return (package, room) if room in FLOOR.get(package, ()) else None


def may_import(importer: str, imported: str, package: str = "touchline") -> bool:
    if importer == imported or FLOOR[package][imported] < FLOOR[package][importer]:
        return True
    return package == "touchline" and imported == "video" and importer in MAY_USE_VIDEO


def offences_of(module: str, path: Path) -> list[str]:
    here = room_of(module)
    found = []
    for imported, line in imports_of(path):
        there = room_of(imported)
        if here and there and here[0] == there[0] and not may_import(here[1], there[1], here[0]):
            found.append(f"{path}:{line} {here[1]} imports {imported}")
    return found


@pytest.mark.parametrize("package", FLOOR)
def test_every_room_has_a_floor(package):
    rooms = {path.stem for path in (INCLUDE / package).iterdir() if path.suffix == ".py"}
    rooms |= {path.name for path in (INCLUDE / package).iterdir() if (path / "__init__.py").exists()}
    assert rooms - {"__init__", "__main__"} == set(FLOOR[package]), "give each room a floor in FLOOR, and no other"


@pytest.mark.parametrize("package", FLOOR)
def test_no_room_imports_a_higher_floor_or_a_neighbour(package):
    offences = [line for path in python_files(INCLUDE / package) for line in offences_of(name_of(path), path)]
    assert not offences, "\n".join(offences)


@pytest.mark.parametrize(("module", "line"), [
    ("touchline.video.probe", "from touchline.steps import scan"),
    ("touchline.exports.report", "from touchline.catalogue import runs"),
    ("touchline.domain.layout", "import touchline.settings"),
    ("touchline_airflow.books.leases", "from touchline_airflow.match.close_match import close_run"),
    ("touchline_airflow.mail.send", "from touchline_airflow.runtime import container_spec"),
    ("touchline_airflow.deployment", "from touchline_airflow.hold import hold"),
    ("touchline_deploy.build.images", "from touchline_deploy.stack import stack"),
    ("touchline_deploy.embedded.demo", "from touchline_deploy.build.pins import pins"),
])
def test_an_import_that_goes_up_or_next_door_is_found(tmp_path, module, line):
    planted = tmp_path / "planted.py"
    planted.write_text(f"{line}\n")
    assert len(offences_of(module, planted)) == 1


def test_what_is_allowed_is_not_found(tmp_path):
    planted = tmp_path / "planted.py"
    planted.write_text("from touchline.video import probe\nfrom touchline_airflow.books import leases\n"
                       "from touchline_deploy import live_line\n")
    for module in ("touchline.reels.render", "touchline.steps.scan", "touchline_airflow.match.stepless_tasks",
                   "touchline_deploy.stack.stack"):
        assert offences_of(module, planted) == []


@pytest.mark.parametrize(("room", "allowed"), [
    ("domain", {"touchline"}), ("errors", set()), ("known_models", set()), ("progress", set()),
    ("settings", {"touchline"})])
def test_the_lowest_rooms_need_the_standard_library_only(room, allowed):
    base = INCLUDE / "touchline" / room
    files = python_files(base) if base.is_dir() else [base.with_suffix(".py")]
    known = sys.stdlib_module_names | allowed
    offences = [f"{path}:{line} {module}" for path in files for module, line in imports_of(path)
                if module.split(".")[0] not in known]
    assert not offences, "\n".join(offences)


def is_module(name: str) -> bool:
    path = INCLUDE.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").exists()


def top_level_imports(folders: list[Path], forbidden: set[str]) -> list[str]:
    return [f"{path.relative_to(ROOT)}:{line} imports {module}" for folder in folders for path in python_files(folder)
            for module, line in imports_of(path) if module.split(".")[0] in forbidden]


def test_touchline_never_imports_airflow():
    assert not top_level_imports([INCLUDE / "touchline"], {"airflow", "touchline_airflow"})


def test_nothing_at_work_imports_what_deploys_it():
    folders = [INCLUDE / "touchline", INCLUDE / "touchline_airflow", ROOT / "dags", ROOT / "plugins"]
    assert not top_level_imports(folders, {"touchline_deploy"})


BEFORE_AN_INSTALL = ("build.install", "build.engine", "build.images", "build.pins", "checks.run_tests",
                     "embedded.standalone", "stack.stack", "stack.show_dashboards")


@pytest.mark.parametrize("module", BEFORE_AN_INSTALL)
def test_what_runs_before_an_install_needs_the_standard_library_only(module):
    done = subprocess.run([sys.executable, "-S", "-c", f"import touchline_deploy.{module}"], text=True,
                          env={**os.environ, "PYTHONPATH": str(INCLUDE)}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_airflow_side_never_imports_models():
    folders = [INCLUDE / "touchline_airflow", ROOT / "dags", ROOT / "plugins"]
    assert not top_level_imports(folders, MODEL_PACKAGES)


def test_only_inference_imports_the_model_packages():
    others = [path for path in (INCLUDE / "touchline").iterdir() if path.is_dir() and path.name != "inference"]
    assert not top_level_imports(others, ONLY_INFERENCE)


def test_only_video_starts_processes():
    others = [path for path in (INCLUDE / "touchline").iterdir() if path.is_dir() and path.name != "video"]
    assert not top_level_imports(others, {"subprocess", "pty"})
    spawning = [f"{path}:{node.lineno}" for folder in others for path in python_files(folder)
                for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute)
                and node.attr in {"system", "popen", "execv", "execvp", "posix_spawn", "create_subprocess_exec"}
                and isinstance(node.value, ast.Name) and node.value.id in {"os", "asyncio"}]
    assert not spawning, "\n".join(spawning)


def test_no_file_is_longer_than_400_lines():
    folders = [INCLUDE, ROOT / "dags", ROOT / "plugins", ROOT / "tests"]
    long = [f"{path.relative_to(ROOT)}" for folder in folders for path in python_files(folder)
            if len(path.read_text().splitlines()) > 400]
    assert not long, f"one idea per file: split {', '.join(long)}"


BLOCK = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ImportError("blocked for this test: " + name)
sys.meta_path.insert(0, Blocked())
"""


def is_installed(distribution: str) -> bool:
    """Not asked by the module's name: a folder of tests may have it too."""
    try:
        return bool(version(distribution))
    except PackageNotFoundError:
        return False


def run_without(blocked: set[str], code: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a fresh process in which these packages cannot be imported."""
    environ = {**os.environ, "PYTHONPATH": str(INCLUDE)}
    return subprocess.run([sys.executable, "-c", BLOCK.format(blocked=blocked) + code], env=environ, text=True,
                          capture_output=True, check=False)


@pytest.mark.parametrize("argv", [["--help"], ["--version"], ["simulate", "--help"], ["process", "--help"],
                                  ["spot-chunk", "--help"]])
def test_the_command_line_runs_without_airflow_and_models(argv):
    code = f"import sys; sys.argv = ['touchline', *{argv!r}]\nfrom touchline.cli import main\nmain()"
    done = run_without({"airflow", *MODEL_PACKAGES}, code)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not is_installed("torch"), reason="the models' packages are in the worker's environment")
def test_every_module_of_touchline_imports_without_airflow():
    modules = [name_of(path) for path in python_files(INCLUDE / "touchline") if "migrations" not in path.parts]
    code = f"import importlib\nfor name in {modules!r}: importlib.import_module(name)"
    done = run_without({"airflow", "touchline_airflow"}, code)
    assert done.returncode == 0, done.stderr


def test_what_the_airflow_side_uses_of_touchline_imports_without_models():
    used = {module for folder in (INCLUDE / "touchline_airflow", ROOT / "dags", ROOT / "plugins")
            for path in python_files(folder) for module, _ in imports_of(path) if module.startswith("touchline.")}
    modules = sorted(name if is_module(name) else name.rpartition(".")[0] for name in used)
    code = f"import importlib\nfor name in {modules!r}: importlib.import_module(name)"
    done = run_without(MODEL_PACKAGES | {"airflow"}, code)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not is_installed("apache-airflow"), reason="Airflow is in the environment of the Airflow side")
def test_the_dags_and_their_code_import_without_models(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    modules = [name_of(path) for path in python_files(INCLUDE / "touchline_airflow")]
    files = [str(path) for folder in ("dags", "plugins") for path in python_files(ROOT / folder)]
    assert files, "no DAG was found"
    code = (f"import importlib, runpy\nfor name in {modules!r}: importlib.import_module(name)\n"
            f"for path in {files!r}: runpy.run_path(path)")
    done = run_without(MODEL_PACKAGES, code)
    assert done.returncode == 0, done.stderr
