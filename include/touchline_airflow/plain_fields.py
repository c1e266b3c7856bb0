"""How do a task's arguments get their values, so that no text from outside ever becomes a template?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context


class PlainFields:
    """The first parent of every task class of ours that takes values from other tasks.

    Its `template_fields` are those in which a reference to another task's result is put in. Nothing is rendered: a
    recording may be called `{{ macros }}`. Airflow itself renders what `expand_kwargs` and nested lists and dicts
    bring in from XCom, and looks for files where a text ends like one of `template_ext`.
    """

    template_ext: Sequence[str] = ()

    def render_template(self, content: Any, context: Context, jinja_env: Any = None,
                        seen_oids: set[int] | None = None) -> Any:
        """The result that a reference to another task points to; anything else as it is."""
        if isinstance(content, os.PathLike) or not hasattr(content, "resolve"):
            return content
        return content.resolve(context)
