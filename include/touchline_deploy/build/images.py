"""How are the worker and the Airflow image built, also where no registry can be reached?

With a registry it is a plain `docker build`. Without one, a stand-in for the base image is made of Debian's packages
under the name that the FROM line asks for, and pip gets its packages from a folder that this machine's own pip fills.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import hashlib
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from touchline.known_models import SHIPPED_MODELS, known_models
from touchline_airflow.checkout import ROOT
from touchline_deploy.build.engine import HOW_TO_RUN, EngineError, install_engine
from touchline_deploy.build.install import ENVIRONMENTS, Environment
from touchline_deploy.build.pins import image_names

SUITE = "bookworm"
PULL_SEC = 300
# One port, if it is free: a build argument is part of the key under which the engine keeps a layer.
WHEEL_PORT = 18765
STAND_IN_LABEL = "touchline.stand-in"


@dataclass(frozen=True)
class Image:
    """One image: its Dockerfile, and the virtual environment here that holds the same packages."""

    name: str
    environment: Environment

    @property
    def dockerfile(self) -> str:
        """Path inside the repository."""
        return f"docker/{self.name}/Dockerfile"


IMAGES = (
    Image("worker", next(one for one in ENVIRONMENTS if one.name == ".venv-worker")),
    Image("airflow", next(one for one in ENVIRONMENTS if one.name == ".venv")),
)


class ImageError(Exception):
    """One line for a person: what is wrong and what to do."""


def main() -> int:
    """Build the images that were asked for; errors are one line."""
    parser = argparse.ArgumentParser(description="Build touchline's images; the engine is DOCKER_HOST's.")
    parser.add_argument("images", nargs="*", metavar="worker|airflow", help="default: both")
    parser.add_argument("--torch", choices=("cpu", "cuda"), default="cpu", help="default: %(default)s")
    parser.add_argument("--stand-in", action="store_true", help="make the base image here; implies --wheelhouse")
    parser.add_argument("--wheelhouse", action="store_true", help="have this machine's pip get the packages")
    arguments = parser.parse_args()
    known = {image.name: image for image in IMAGES}
    if unknown := [name for name in arguments.images if name not in known]:
        parser.error(f"{unknown[0]} is not an image: use worker or airflow")
    try:
        check_engine()
        for image in [known[name] for name in arguments.images or known]:
            build(image, arguments.torch, stand_in=arguments.stand_in, wheelhouse=arguments.wheelhouse)
    except (ImageError, EngineError) as error:
        print(f"images: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nimages: interrupted; run it again: it goes on where it stopped.", file=sys.stderr)
        return 130
    return 0


def check_engine() -> None:
    """Say what to do where no engine answers."""
    if not shutil.which("docker") or subprocess.run(["docker", "version"], capture_output=True, check=False).returncode:
        where = os.environ.get("DOCKER_HOST", "its usual socket")
        raise ImageError(f"no Docker engine answers at {where}: start one and set DOCKER_HOST, or run "
                         f"`{HOW_TO_RUN} run -- make images` as root")


def build(image: Image, torch: str, *, stand_in: bool, wheelhouse: bool) -> None:
    """Build one image and say how large it became and how long it took."""
    started = time.monotonic()
    tag = f"touchline-{image.name}:{version()}"
    is_stand_in = provide_base(base_image(), stand_in=stand_in)
    with contextlib.ExitStack() as stack:
        arguments = {"BASE_IMAGE": base_image(), "VERSION": version(), "REVISION": revision()}
        if image.name == "worker":
            arguments |= {"TORCH": torch, "TORCH_INDEX_URL": os.environ.get("TORCH_INDEX_URL", "")}
        if wheelhouse or is_stand_in:
            address = stack.enter_context(served(fill_wheelhouse(image)))
            arguments |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": address, "TORCH_INDEX_URL": ""}
        print(f"images: building {tag}", flush=True)
        _docker_build(image, tag, arguments)
    size = int(_docker("image", "inspect", "--format", "{{.Size}}", tag))
    print(f"images: {tag} is there, {size / 1e6:.0f} MB, {time.monotonic() - started:.0f} s; detectors in it: "
          f"{', '.join(detectors())}", flush=True)


def detectors() -> list[str]:
    """Names of the detectors that an image carries when it is built now: those that are here."""
    return [name for name in known_models() if (SHIPPED_MODELS / name).is_file()]


def version() -> str:
    """The project's version, which is the tag of its images."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def revision() -> str:
    """The commit that is built, with "-dirty" where files differ from it; "unknown" outside a git checkout."""
    done = subprocess.run(["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def base_image() -> str:
    """What both images are built on."""
    return image_names()["BASE_IMAGE"]


def _docker_build(image: Image, tag: str, arguments: dict[str, str]) -> None:
    # The host's network, because an engine of engine.py has no other.
    argv = ["docker", "build", "--network=host", "--file", image.dockerfile, "--tag", tag]
    for name, value in arguments.items():
        if value:
            argv += ["--build-arg", f"{name}={value}"]
    done = subprocess.run([*argv, "."], cwd=ROOT, env=_builder_environment(), check=False)
    if done.returncode != 0:
        raise ImageError(f"docker build ended with exit code {done.returncode}; its last lines above say why")


def _builder_environment() -> dict[str, str]:
    """BuildKit where the docker command has it, else the builder that needs no plugin."""
    has_buildx = subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False).returncode == 0
    return {**({} if has_buildx else {"DOCKER_BUILDKIT": "0"}), **os.environ}


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise ImageError(f"docker {' '.join(arguments[:2])}: {lines[-1]}")
    return done.stdout.strip()


# --- The base image -------------------------------------------------------------------------------------------------

def provide_base(name: str, *, stand_in: bool) -> bool:
    """Have the base image in the engine: there already, pulled, or made here. True when it is the stand-in."""
    there = _base_there(name)
    if there is None and not stand_in:
        there = _pull(name)
    if there is None:
        _make_stand_in(name)
        there = True
    if there:
        print(f"images: {name} is a STAND-IN made of Debian's packages on this machine, not the published image: "
              "for development and tests, not for publishing", flush=True)
    return there


def _base_there(name: str) -> bool | None:
    done = subprocess.run(["docker", "image", "inspect", "--format", "{{json .Config.Labels}}", name],
                          capture_output=True, text=True, check=False)
    return STAND_IN_LABEL in (json.loads(done.stdout) or {}) if done.returncode == 0 else None


def _pull(name: str) -> bool | None:
    try:
        done = subprocess.run(["docker", "pull", name], capture_output=True, text=True, timeout=PULL_SEC, check=False)
    except subprocess.TimeoutExpired:
        print(f"images: {name} could not be pulled within {PULL_SEC} s", flush=True)
        return None
    if done.returncode != 0:
        print(f"images: {name} cannot be pulled here ({done.stderr.strip().splitlines()[-1]})", flush=True)
        return None
    return False


def _make_stand_in(name: str) -> None:
    """Import a minimal Debian as `name`, with security updates on, and slim: no docs, no translations."""
    if "@" in name:
        raise ImageError(f"{name} cannot be pulled, and a stand-in has no digest: take it out of docker/images.env")
    install_engine()
    if os.geteuid() != 0:
        raise ImageError(f"{name} cannot be pulled, and making a stand-in for it needs root: run this as root")
    sources = debian_sources()
    print(f"images: making a stand-in for {name} with debootstrap", flush=True)
    with tempfile.TemporaryDirectory(prefix="touchline-base-") as folder:
        root = Path(folder) / "root"
        log = Path(folder) / "debootstrap.log"
        with log.open("wb") as handle:
            done = subprocess.run(["debootstrap", "--variant=minbase", SUITE, str(root), sources[SUITE]],
                                  stdout=handle, stderr=handle, check=False)
        if done.returncode != 0:
            raise ImageError(f"debootstrap failed: {log.read_text().strip().splitlines()[-1]}")
        _make_slim(root, sources)
        with subprocess.Popen(["tar", "--create", "--numeric-owner", "--directory", str(root), "."],
                              stdout=subprocess.PIPE) as tar:
            imported = subprocess.run(["docker", "import", "--change", "CMD bash", "--change",
                                       f"LABEL {STAND_IN_LABEL}=true", "-", name], stdin=tar.stdout,
                                      capture_output=True, text=True, check=False)
        if tar.returncode != 0 or imported.returncode != 0:
            raise ImageError(f"docker import failed: {imported.stderr.strip()}")


def debian_sources() -> dict[str, str]:
    """The mirrors that this machine's own apt uses for the suite, its updates and its security updates."""
    subprocess.run(["apt-get", "-qq", "update"], check=False)
    asked = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(RELEASE) $(SITE)", "Identifier: Packages"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    sources = parse_sources(told)
    if SUITE not in sources:
        raise ImageError(f"a stand-in needs a machine with Debian {SUITE}: its apt names no mirror of it")
    return sources


def parse_sources(told: str) -> dict[str, str]:
    """Mirror by suite, from lines "Debian bookworm-security http://…"; what others publish is left out."""
    lines = [line.split() for line in told.splitlines()]
    return {words[1]: words[2] for words in lines
            if len(words) == 3 and words[0] == "Debian" and words[1].partition("-")[0] == SUITE}


def _make_slim(root: Path, sources: dict[str, str]) -> None:
    """What the published slim image leaves out as well; packages that come later leave it out too."""
    left_out = ("usr/share/doc", "usr/share/info", "usr/share/locale", "usr/share/man")
    for path in (*left_out, "var/cache/apt/archives", "var/lib/apt/lists", "var/log"):
        shutil.rmtree(root / path, ignore_errors=True)
        (root / path).mkdir()
    (root / "etc/dpkg/dpkg.cfg.d/slim").write_text("".join(f"path-exclude /{path}/*\n" for path in left_out))
    (root / "etc/apt/sources.list").write_text("".join(f"deb {site} {suite} main\n" for suite, site in sources.items()))
    # As in the published image: apt keeps no packages.
    (root / "etc/apt/apt.conf.d/docker-clean").write_text(
        'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };\n'
        'APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };\n'
        'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";\n')
    for name in ("etc/resolv.conf", "etc/hostname"):
        (root / name).unlink(missing_ok=True)


# --- The wheels -----------------------------------------------------------------------------------------------------

def fill_wheelhouse(image: Image) -> Path:
    """A folder with the wheels of all that the image's pip commands install, got by this machine's own pip."""
    environment, python = image.environment, image.environment.python
    if not python.exists():
        raise ImageError(f"{python} is missing: run `make install` first")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "touchline" / "wheels" / image.name
    lock, unlocked = environment.locks[0], environment.unlocked
    digest = _digest([lock, unlocked])
    stamp = folder / "digest"
    if stamp.exists() and stamp.read_text() == digest:
        return folder
    print(f"images: getting the wheels of {image.name} into {folder}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pip = [str(python), "-m", "pip", "download", "-qq", "--disable-pip-version-check", "--dest", str(folder)]
    _run_pip([*pip, "--no-deps", "--require-hashes", "--requirement", lock])
    if unlocked:
        with versions_of(lock) as constraints:
            _run_pip([*pip, "--find-links", str(folder), "--requirement", unlocked, "--constraint", str(constraints)])
    stamp.write_text(digest)
    return folder


@contextlib.contextmanager
def versions_of(lock: str) -> Iterator[Path]:
    """A file of constraints with a lock file's versions: what comes with torch is of these.

    Without the hashes, which would count for torch as well.
    """
    pins = re.findall(r"^(\S+==\S+) \\$", (ROOT / lock).read_text(), re.MULTILINE)
    with tempfile.NamedTemporaryFile("w", prefix="touchline-versions-", suffix=".txt") as file:
        file.write("\n".join(pins) + "\n")
        file.flush()
        yield Path(file.name)


def _run_pip(argv: list[str]) -> None:
    if os.environ.get("TORCH_INDEX_URL"):
        argv = [*argv, "--extra-index-url", os.environ["TORCH_INDEX_URL"]]
    if subprocess.run(argv, cwd=ROOT, check=False).returncode != 0:
        raise ImageError("pip could not get the wheels; its last lines above say why")


def _digest(files: list[str]) -> str:
    digest = hashlib.sha256()
    for name in filter(None, files):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder to this machine only, for as long as the context lasts; gives the address."""
    handler = functools.partial(_QuietHandler, directory=str(folder))
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", WHEEL_PORT), handler)
    except OSError:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: pip's own lines are enough."""


if __name__ == "__main__":
    sys.exit(main())
