"""Drawing a token of each row on the GPU: filters, one uniform a row, log-probabilities, row state.

`draw` launches the Triton kernels and is not imported from here, because it needs Triton.
"""
