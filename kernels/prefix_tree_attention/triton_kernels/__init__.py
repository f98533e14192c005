"""Triton kernels of decode attention over a prefix tree. Importing them needs Triton."""
