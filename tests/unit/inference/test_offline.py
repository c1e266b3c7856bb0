"""What the models' libraries do besides: nothing is sent, and nothing is written to the home folder."""

import os
import subprocess
import sys
from pathlib import Path

READ = """
import numpy as np
from touchline.inference.text_reader import TextReader
TextReader(1).read(np.full((96, 160, 3), 255, np.uint8))
"""
SUPPRESSING = ("CI", "TF_BUILD", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "TEAMCITY_VERSION", "BUILDKITE",
               "TRAVIS", "APPVEYOR", "CODEBUILD_BUILD_ID", "ORT_RUNNING_UNIT_TESTS")
"""Where one of these is set, onnxruntime is quiet by itself, and the test would see nothing."""


def test_reading_texts_leaves_no_number_of_the_machine_in_the_home_folder(tmp_path):
    """onnxruntime 1.29 and later keep one, and send reports with it, unless they are told not to."""
    environ = {name: value for name, value in os.environ.items()
               if name not in (*SUPPRESSING, "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")}
    folders = {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp")}
    for folder in folders.values():
        Path(folder).mkdir()
    subprocess.run([sys.executable, "-c", READ], env={**environ, **folders}, check=True, timeout=300)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
