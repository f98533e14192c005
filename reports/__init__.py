"""Metrics, budget curves, figures and the report page."""

from reports.data import Rates, ReportInput, Settings
from reports.write import render

__all__ = ["Rates", "ReportInput", "Settings", "render"]
