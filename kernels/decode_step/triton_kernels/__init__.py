"""Triton kernels of a decode step. Importing them needs Triton."""
