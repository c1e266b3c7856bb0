"""Which folders on a share hold no recordings of people, but what a NAS, a computer or a camera keeps for itself?

Previews, recycle bins, snapshots of the past and small copies for viewing: the same pictures again. Folders whose
name begins with a dot (`.Trash-1000`, `.snapshot`, `.zfs`, `.recycle`, `.stversions`) are left out anyway.
"""

from __future__ import annotations

import re
from fnmatch import translate
from pathlib import PurePath

KEPT_FOLDERS = {
    "@eaDir": "Synology DSM: previews and thumbnails beside each file (immich 12566, MediaElch 430)",
    "#recycle": "Synology DSM, UGREEN, TerraMaster: recycle bin of a share",
    "#snapshot": "Synology DSM: snapshots, where they are made visible",
    "@tmp": "Synology DSM: temporary files of its packages",
    "@Recycle": "QNAP QTS: recycle bin of a share (music-assistant 1159)",
    "@Recently-Snapshot": "QNAP QTS: snapshots of a share (music-assistant 1159, aos-AVP 1308)",
    "@Transcode": "QNAP QTS: smaller copies of videos beside them",
    "~snapshot": "NetApp ONTAP: snapshots, as SMB shows them",
    "@GMT-*": "Samba vfs_shadow_copy2: Windows' previous versions",
    "trashbox": "Buffalo LinkStation and TeraStation: recycle bin of a share",
    "$RECYCLE.BIN": "Windows: recycle bin of a drive (syncthing's default ignores)",
    "RECYCLER": "Windows up to XP: recycle bin of a drive",
    "System Volume Information": "Windows: restore points and indexes of a drive (syncthing's default ignores)",
    "Network Trash Folder": "Netatalk, macOS: recycle bin of an AFP share",
    "lost+found": "ext2/3/4, XFS: what fsck found (syncthing's default ignores)",
    "files_trashbin": "Nextcloud: recycle bin of a user's files (recognize 1385)",
    "files_versions": "Nextcloud: earlier versions of a user's files",
    "Plex Versions": "Plex: optimised copies of videos beside them",
    "M4ROOT/SUB": "Sony XAVC: proxies of the clips (Sony's help guide, Proxy shooting)",
    "M4ROOT/GENERAL/SONY/PXTMP": "Sony XAVC: pieces of proxies (Sony's help guide, Proxy shooting)",
    "XDROOT/Sub": "Sony XDCAM: proxies of the clips",
    "CONTENTS/PROXY": "Panasonic P2: proxies of the clips",
    "Proxy": "Blackmagic Proxy Generator, cameras and DaVinci Resolve: proxies beside the clips",
}
"""The end of a folder's path, in any case, with `*` as in a shell → whose it is and what it holds (and a source)."""

_KEPT = re.compile("|".join(f"(?:.*/)?{translate(pattern.casefold())}" for pattern in KEPT_FOLDERS))


def is_kept(folder: PurePath) -> bool:
    """Whether this is the top of such a folder. `folder` is relative to the mount."""
    return bool(_KEPT.match(folder.as_posix().casefold()))


def lies_in_kept(path: PurePath) -> bool:
    """Whether one of the folders on the way to a file (relative to the mount) is such a folder."""
    return any(map(is_kept, path.parents))
