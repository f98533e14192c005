"""The pipeline: what runs, in what order, on what records."""
