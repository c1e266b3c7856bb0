"""What must be set before the model libraries are imported, so that they keep to themselves?

ultralytics looks for the internet, installs packages, reports usage and writes settings to the home folder;
transformers asks a hub; onnxruntime sends reports from 1.29 on and keeps a number of the machine in the home folder.
All of that is switched off by variables that they read once, at import.
"""

from __future__ import annotations

import os
from pathlib import Path

NO_REPORTS = {"ORT_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
"""Set when this package is imported, so that no way to a library leads past them."""


def keep_offline(scratch_dir: Path) -> None:
    """Forbid downloads and installs; settings of the libraries go below `scratch_dir`.

    Must run before ultralytics or transformers is imported; calling it again does nothing new.
    """
    folder = scratch_dir / "libraries"
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.update({
        "YOLO_OFFLINE": "true",
        "YOLO_AUTOINSTALL": "false",
        "YOLO_VERBOSE": "false",
        "YOLO_CONFIG_DIR": str(folder),
        "ULTRALYTICS_SAFE_LOAD": "true",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "TRANSFORMERS_VERBOSITY": "error",
    })
    os.environ.setdefault("MPLCONFIGDIR", str(folder))
