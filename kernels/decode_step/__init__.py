"""What a decode step does between its matrix products, in few launches.

`reference` is the PyTorch form of each operation; `fused` launches the Triton kernels and is not
imported from here, because it needs Triton.
"""
