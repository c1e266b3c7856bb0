"""What does a PromQL expression ask for?"""

from __future__ import annotations

from collections.abc import Iterator

import promql_parser
from promql_parser import BinaryExpr, Expr, VectorSelector

COMPARISONS = (">", "<", "==", "!=", ">=", "<=")


def metric_names(expression: str) -> set[str]:
    """All metrics that it reads."""
    return {node.name for node in _nodes(expression) if isinstance(node, VectorSelector)}


def compared(expression: str) -> list[str]:
    """What it compares with a threshold or with something else: these have a value also while an alert is silent."""
    return [node.lhs.prettify() for node in _nodes(expression)
            if isinstance(node, BinaryExpr) and str(node.op) in COMPARISONS]


def _nodes(expression: str) -> Iterator[Expr]:
    found: list[Expr] = []
    promql_parser.walk(promql_parser.parse(expression), found.append)
    yield from found
