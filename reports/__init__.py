"""Metrics, budget curves, figures and the report page."""
