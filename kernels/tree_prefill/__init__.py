"""Attention of prompts' tokens over a prefix tree: each sees its path's keys up to its own.

`reference` is the PyTorch form; `attention` launches the kernel and needs Triton.
"""
