"""A matrix product in which a row's bits depend neither on the other rows nor on how many they are.

`product` needs Triton and is not imported from here.
"""
