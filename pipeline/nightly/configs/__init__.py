"""Named nightly configurations, shipped with the package."""
