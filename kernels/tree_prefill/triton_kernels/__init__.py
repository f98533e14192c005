"""Kernels, compiled by Triton when first used."""
