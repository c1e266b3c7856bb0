"""What lies on this machine for the stack: `.env`, the folders that it names, the keys and passwords.

All is made where it is missing and left where it is there, so that a second `make stack` changes nothing.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path

from touchline.known_models import known_models
from touchline_airflow.checkout import ROOT

EXAMPLE = ROOT / ".env.example"
ROOT_STANDS_FOR = 10001
FOLDERS = ("WORKING_DIR", "SCRATCH_DIR", "LOGS_DIR", "MODELS_DIR", "BACKUP_DIR")
OF_A_GPU_HOST = ("broker_url", "catalogue_url")


class StackError(Exception):
    """One line for a person: what is wrong and what to do."""


# --- .env -----------------------------------------------------------------------------------------------------------

def read_env(path: Path) -> dict[str, str]:
    """NAME=value lines; comments and empty lines are left out."""
    lines = (line.strip() for line in path.read_text().splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#") and "=" in line)


def provide_env(path: Path) -> tuple[dict[str, str], list[str]]:
    """The settings of this machine, and the names that were missing; these are written with the example's values.

    But ids, GPU slots, engine and mount propagation are this machine's own, and models lie where their settings say.
    """
    if not path.exists():
        return new_env(path), []
    there = read_env(path)
    missing = {name: lines for lines, name in re.findall(r"^(# .*\n([A-Z_]+)=.*\n)", EXAMPLE.read_text(), re.MULTILINE)
               if name not in there}
    if missing:
        own = {"ENV_FILE": str(path), **_of_this_machine(), **_models_place(there)}
        path.write_text(f"{path.read_text().rstrip()}\n{_filled(''.join(missing.values()), own)}")
    return read_env(path), list(missing)


def new_env(path: Path, **changes: str) -> dict[str, str]:
    """Write the example with this machine's own values, and these changes."""
    path.write_text(_filled(EXAMPLE.read_text(), {"ENV_FILE": str(path), **_of_this_machine(), **changes}))
    return read_env(path)


def _filled(text: str, own: Mapping[str, str]) -> str:
    return re.sub(r"^([A-Z_]+)=.*$", lambda line: f"{line[1]}={own[line[1]]}" if line[1] in own else line[0], text,
                  flags=re.MULTILINE)


def _of_this_machine() -> dict[str, str]:
    own = {"TOUCHLINE_UID": str(os.getuid() or ROOT_STANDS_FOR), "TOUCHLINE_GID": str(os.getgid() or ROOT_STANDS_FOR)}
    if address := os.environ.get("DOCKER_HOST", "").strip():
        own["DOCKER_SOCKET"] = address.removeprefix("unix://")
    if gpus := _gpus():
        own["GPU_SLOTS"] = str(2 * gpus)
    if not _is_shared(Path("/")):
        own["NAS_PROPAGATION"] = "rprivate"
    return own


def _models_place(env: Mapping[str, str]) -> dict[str, str]:
    """MODELS_DIR for a file that names models and not their folder: without it no container would see them."""
    paths = [env.get(name, "") for name in ("YOLO_MODEL_PATH", "SPOTTER_MODEL_PATH", "ACTION_MODEL_PATH")]
    folders = [os.path.dirname(path) for path in paths if path and path not in known_models()]
    place = os.path.commonpath(folders) if folders and all(map(os.path.isabs, folders)) else "/"
    return {"MODELS_DIR": place} if place != "/" else {}


def _gpus() -> int:
    try:
        done = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return len(done.stdout.splitlines()) if done.returncode == 0 else 0


def _is_shared(point: Path) -> bool:
    """Whether mounts made later are passed on to containers."""
    lines = (line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines())
    return any(words[4] == str(point) and any(word.startswith(("shared:", "master:")) for word in words[6:9])
               for words in lines)


# --- Folders --------------------------------------------------------------------------------------------------------

def provide_folders(env: Mapping[str, str]) -> None:
    """Make what is ours, for the user that the containers run as; what is the NAS's must be there.

    Raises:
        StackError: a folder of the NAS is missing, one of ours cannot be made, or that user may not use one.
    """
    nas, output = Path(env["NAS_MOUNT_PATH"]), Path(env["NAS_OUTPUT_PATH"])
    if not nas.is_dir():
        raise StackError(f"NAS_MOUNT_PATH={nas} is not there: mount the NAS, or name another folder in .env")
    if not output.is_dir():
        if not output.parent.is_dir():
            raise StackError(f"NAS_OUTPUT_PATH={output} is not there: mount the NAS, or name another folder in .env")
        _make(output, "NAS_OUTPUT_PATH", env)
    for name in FOLDERS:
        _make(Path(env[name]), name, env)
    for name in ("NAS_MOUNT_PATH", "MODELS_DIR"):
        _check_rights(name, "read", env)
    for name in ("NAS_OUTPUT_PATH", *(name for name in FOLDERS if name != "MODELS_DIR")):
        _check_rights(name, "written", env)


def _check_rights(name: str, done: str, env: Mapping[str, str]) -> None:
    """Asked from inside the folder: containers mount it alone, whatever the folders above it allow.

    Only root and that user can ask, root not on a NAS where it is nobody; `check_nas` finds what is not asked here.
    """
    uid, gid, me = int(env["TOUCHLINE_UID"]), int(env["TOUCHLINE_GID"]), os.getuid()
    if me not in (0, uid):
        return
    user, group, groups = (uid, gid, ()) if me == 0 else (None, None, None)
    question = ["test", "-r" if done == "read" else "-w", ".", "-a", "-x", "."]
    try:
        answer = subprocess.run(question, cwd=env[name], check=False, user=user, group=group, extra_groups=groups)
    except PermissionError:
        return
    if answer.returncode:
        raise StackError(f"{name}={env[name]} cannot be {done} by user {uid}: let user {uid} do that, or name another "
                         "folder, or another TOUCHLINE_UID and TOUCHLINE_GID, in .env")


def _make(folder: Path, name: str, env: Mapping[str, str]) -> None:
    uid, gid = int(env["TOUCHLINE_UID"]), int(env["TOUCHLINE_GID"])
    if folder.is_dir():
        return
    try:
        folder.mkdir(parents=True)
        if os.getuid() == 0:
            os.chown(folder, uid, gid)
    except OSError as error:
        raise StackError(f"{name}={folder} cannot be made ({error.strerror}): run "
                         f"`sudo install -d -o {uid} -g {gid} {folder}`, or name another folder in .env") from None


# --- Keys and passwords ---------------------------------------------------------------------------------------------

def provide_secrets(env: Mapping[str, str], names: Collection[str] = ()) -> list[str]:
    """Make the files that are missing in SECRETS_DIR, all of them or those of some names; returns their names.

    The folder is its owner's only, so nobody else reaches the files; inside the containers they are readable by the
    group TOUCHLINE_GID.

    Raises:
        StackError: the folder cannot be written, or this is a GPU host and a file of the main host is missing.
    """
    folder = Path(env["SECRETS_DIR"])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        if env["MAIN_HOST"]:
            return _copied_secrets(folder, env)
        return [name for name, content in _wanted(folder).items()
                if (not names or name in names) and _write(folder / name, content, env)]
    except OSError as error:
        raise StackError(f"SECRETS_DIR={folder} cannot be used ({error.strerror}): make it yours, or name another "
                         "folder in .env") from None


def _copied_secrets(folder: Path, env: Mapping[str, str]) -> list[str]:
    for name in OF_A_GPU_HOST:
        if not (folder / name).is_file():
            raise StackError(f"{folder / name} is missing: copy it from the main host's SECRETS_DIR")
        _give(folder / name, env)
    return []


def _wanted(folder: Path) -> dict[str, str]:
    """All files in order; addresses follow from passwords that are there, the rest is random."""
    redis = _kept(folder / "redis_password")
    return {
        "postgres_password": secrets.token_hex(24),
        "airflow_database_url": f"postgresql+psycopg2://airflow:{secrets.token_hex(24)}@postgres:5432/airflow",
        "catalogue_url": f"postgresql+psycopg2://catalogue:{secrets.token_hex(24)}@postgres:5432/catalogue",
        "redis_password": redis,
        "broker_url": f"redis://:{redis}@redis:6379/0",
        "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "jwt_secret": secrets.token_hex(64),
        "api_secret_key": secrets.token_hex(32),
        "admin_password": secrets.token_urlsafe(15),
        "service_password": secrets.token_hex(24),
        "flower_login": f"touchline:{secrets.token_urlsafe(15)}",
        "grafana_password": secrets.token_urlsafe(15),
        "smtp_password": "",  # yours, if ALERT_USER is set
    }


def _kept(path: Path) -> str:
    return path.read_text().strip() if path.exists() else secrets.token_hex(24)


def _write(path: Path, content: str, env: Mapping[str, str]) -> bool:
    """Write a secret that is missing, or an address whose password was changed; True when it was written."""
    is_address = path.name == "broker_url"
    if path.exists() and not (is_address and path.read_text().strip() != content):
        return False
    making = path.with_suffix(".part")
    descriptor = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(content)  # no end of line: Airflow would take it for a part of the key
    _give(making, env)
    making.rename(path)
    return True


def _give(path: Path, env: Mapping[str, str]) -> None:
    path.chmod(0o640)
    if os.getuid() == 0:
        os.chown(path, int(env["TOUCHLINE_UID"]), int(env["TOUCHLINE_GID"]))
