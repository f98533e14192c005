"""Samples in the files of other harnesses: `forkeval export` and `forkeval import`."""
