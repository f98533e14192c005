"""GPU kernels, each a folder with the kernel, its PyTorch reference, a benchmark and results."""
