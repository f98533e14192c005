"""Triton kernels of `kernels.fixed_shape`."""
