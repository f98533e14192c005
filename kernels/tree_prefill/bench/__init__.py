"""Speed of prefill attention, beside PyTorch's and the chip's rate measured in the same run.

`python -m kernels.tree_prefill.bench --help`; results as JSON in `results` beside it.
"""
