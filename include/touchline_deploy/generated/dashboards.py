"""Which dashboards does Grafana show? `make docs` writes them to docker/grafana/dashboards, with Grafana's own SDK."""

from __future__ import annotations

import sys
from string import ascii_uppercase

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DataSourceRef

from touchline_airflow.checkout import ROOT
from touchline_deploy.generated.dashboard_panels import BOARDS, Board, Panel

FOLDER = ROOT / "docker" / "grafana" / "dashboards"
SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
HEIGHTS = {"number": 4, "lines": 8, "stacked": 8}


def main() -> int:
    """Write every dashboard."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for board in BOARDS:
        (FOLDER / f"{board.name}.json").write_text(as_json(board))
        print(f"docker/grafana/dashboards/{board.name}.json: written")
    return 0


def as_json(board: Board) -> str:
    """The dashboard as Grafana reads it."""
    made = (dashboard.Dashboard(f"touchline: {board.name}").uid(f"touchline-{board.name}").description(board.purpose)
            .tags(["touchline"]).refresh("30s").time("now-6h", "now").timezone("browser").readonly()
            .tooltip(DashboardCursorSync.CROSSHAIR)
            .link(dashboard.DashboardLink("touchline").type("dashboards").icon("dashboard").tags(["touchline"]).keep_time(True)))
    for heading, panels in board.rows.items():
        made = made.with_row(dashboard.Row(heading))
        for panel in panels:
            made = made.with_panel(_panel(panel))
    return JSONEncoder(sort_keys=True, indent=2).encode(made.build()) + "\n"


def _panel(panel: Panel) -> stat.Panel | timeseries.Panel:
    made: stat.Panel | timeseries.Panel = stat.Panel() if panel.look == "number" else _over_time(panel)
    made = (made.title(panel.title).unit(panel.unit).datasource(SOURCE).min(0)
            .span(panel.width).height(HEIGHTS[panel.look]))
    if panel.meaning:
        made = made.description(panel.meaning)
    for letter, query in zip(ascii_uppercase, panel.queries, strict=False):
        asked = prometheus.Dataquery().ref_id(letter).expr(query.expr).legend_format(query.legend or "__auto")
        made = made.with_target(asked.instant() if panel.look == "number" else asked.range())
    return made


def _over_time(panel: Panel) -> timeseries.Panel:
    legend = (common.VizLegendOptions().show_legend(True).display_mode(kinds.LegendDisplayMode.LIST)
              .placement(kinds.LegendPlacement.BOTTOM))
    tooltip = common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI).sort(kinds.SortOrder.DESCENDING)
    made = timeseries.Panel().legend(legend).tooltip(tooltip)
    if panel.look == "stacked":
        return made.fill_opacity(60).stacking(common.StackingConfig().mode(kinds.StackingMode.NORMAL))
    return made.fill_opacity(5)


if __name__ == "__main__":
    sys.exit(main())
