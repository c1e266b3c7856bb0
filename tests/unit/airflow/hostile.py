"""Values that nobody should trigger a run with, and names that a file may really have."""

from __future__ import annotations

from typing import Any

NO_SUCH_RECORDING: tuple[Any, ...] = (
    "", " ", "\n", "\t", ".", "..", "/", "//", "./", "../", "../../etc/passwd", "/etc/passwd", "/etc", "/dev/zero",
    "/dev/stdin", "/proc/self/environ", "/proc/self/fd/0", "~", "~/x.mp4", "~root/x.mp4", "$HOME", "$(id)", "`id`",
    "; rm -rf /", "&& reboot", "| cat", "> /tmp/x", "a.mp4; id", "a.mp4\0", "\0", "a.mp4\n", "a.mp4/..",
    "a.mp4/../../secret.mp4", "folder", "folder/", "folder/..", "-", "--", "-h", "--help", "--force", "-rf",
    "--output=/",
    "[", "[1]", "[a-z]", "*", "?", "*.mp4", "{a,b}",
    "{{ ti }}", "{{ var.value.x }}", "{% raw %}", "%s", "%(x)s",
    "file:///etc/passwd", "http://127.0.0.1/a.mp4", "concat:a.mp4|a.mp4", "subfile,,start,0,end,9,,:a.mp4", "pipe:0",
    "data:,x", "tcp://127.0.0.1:1", "\\\\nas\\share\\a.mp4", "C:\\a.mp4", "a.mp4:stream", "A.MP4", "a.mp4 ", " a.mp4",
    "x" * 300, "x/" * 3000, "é" * 5000, "\ud800", "\u202egpj.mp4", "null", "true", "0", "'", '"', "''", "' OR 1=1 --",
    "out/../../secret.mp4", "output/reel.mp4", "link-out.mp4", "link-round.mp4", "pipe.mp4",
    None, 0, 1.5, True, [], ["a.mp4"], {}, {"path": "a.mp4"},
)

NO_SUCH_REELS: tuple[Any, ...] = (
    None, "", "highlights", 0, True, {}, [], ["nope"], ["highlights", "nope"], ["../highlights"], ["/etc"], ["-h"],
    ["--force"], ["[highlights]"], ["highlights;id"], ["highlights\n"], ["Highlights"], [None], [0], [["highlights"]],
    [{"a": 1}], ["$(id)"], ["{{ ti }}"],
)

NO_MATCH_ID: tuple[Any, ...] = (
    "", "x", "../x-0123456789ab", "-x-0123456789ab",
    "--force", "x-0123456789AB", "x-0123456789ab\n", "x y-0123456789ab",
    "/x-0123456789ab", "x-0123456789ab/..", "{{ ti }}", 0, [], True,
)

HARMLESS_NAMES = (
    "-rf.mp4", "--help.mp4", "--force", "[1].mp4", "[a-z]*?.mp4", "a b.mp4", " lead.mp4", "trail .mp4", "it's.mp4",
    'say "hi".mp4', "a&b.mp4", "a;id.mp4", "$(id).mp4", "`id`.mp4", "$HOME.mp4", "a|b.mp4", "a>b.mp4",
    "\\.mp4", "{{ ti }}.mp4", "{% raw %}.mp4", "%s.mp4", "#a.mp4", "!a.mp4", "~a.mp4", "a=b.mp4",
    "file:a.mp4", "concat:a|b.mp4", "é 🎉 日本.mp4", "\u202egpj.mp4", "null", "a,b.mp4", "@list.mp4", "(a).mp4",
)
