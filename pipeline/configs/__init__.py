"""Named configurations, shipped with the package: `forkeval run NAME`."""
