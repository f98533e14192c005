"""The sampling engine: one prompt forked into many sequences over a prefix tree of KV.

`loading` turns a checkpoint into a `Decoder`; `session.Engine` completes requests with it.
"""
