"""A FUSE file system that shows a folder read-only and misbehaves on demand; for the tests, run by the system's Python.

    /usr/bin/python3 unwell_nas.py SOURCE MOUNT_POINT CONTROL

CONTROL is a file with one of: "well" · "error ESTALE [BYTES]" (every call fails; with BYTES only reads from there on) ·
"hang" (no answer until it says something else) · "slow 5" (MB/s). Needs Debian's python3-fusepy and libfuse2.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from pathlib import Path

from fusepy import FUSE, FuseOSError, Operations


class UnwellNas(Operations):
    """The source folder, as the control file says."""

    def __init__(self, source, control):
        self.source, self.control = source, Path(control)

    def path(self, path):
        return self.source + path

    def suffer(self, offset=None, size=0):
        """Do to this call what the control file says; `offset` is None for all calls but reads."""
        while (words := self.control.read_text().split())[:1] == ["hang"]:
            time.sleep(0.05)
        if words[:1] == ["slow"] and size:
            time.sleep(size / 1e6 / float(words[1]))
        if words[:1] == ["error"] and (len(words) == 2 or (offset is not None and offset + size > int(words[2]))):
            raise FuseOSError(getattr(errno, words[1]))

    def getattr(self, path, fh=None):
        self.suffer()
        status = os.lstat(self.path(path))
        return {name: getattr(status, name) for name in dir(status) if name.startswith("st_")
                and name in ("st_atime", "st_ctime", "st_gid", "st_mode", "st_mtime", "st_nlink", "st_size", "st_uid")}

    def readdir(self, path, fh):
        self.suffer()
        return [".", "..", *os.listdir(self.path(path))]

    def open(self, path, flags):
        self.suffer()
        return os.open(self.path(path), os.O_RDONLY)

    def read(self, path, size, offset, fh):
        self.suffer(offset, size)
        return os.pread(fh, size, offset)

    def release(self, path, fh):
        os.close(fh)

    def statfs(self, path):
        self.suffer()
        found = os.statvfs(self.path(path))
        return {name: getattr(found, name) for name in ("f_bavail", "f_bfree", "f_blocks", "f_bsize", "f_frsize")}


if __name__ == "__main__":
    FUSE(UnwellNas(sys.argv[1], sys.argv[3]), sys.argv[2], foreground=True, ro=True, direct_io=True, allow_other=True,
         attr_timeout=0, entry_timeout=0, negative_timeout=0, fsname="nas:/recordings")
