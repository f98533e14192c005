"""Speed of decode attention over a prefix tree, beside floors measured in the same run.

`python -m kernels.prefix_tree_attention.bench --help`; results as JSON in `results` beside it.
"""
