"""Data that ships with forkeval: manifests, the mini benchmark, the tiny model."""
