"""Triton kernels that draw tokens. Importing them needs Triton."""
