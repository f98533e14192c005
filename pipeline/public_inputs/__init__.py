"""Public inputs: the calls in a prompt's own documentation, and what a program gives for them.

All of it is made from the prompt alone; no hidden test comes near.

- `values`, `calls`: documented examples to plain values.
- `inputs`: the calls that a problem's programs are observed on.
- one module a language in `observers`: the test text that makes those calls and prints the values.
- `outputs`: what was printed, as values that can be compared.
"""
