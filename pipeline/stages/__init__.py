"""The five stages, one module each: load, sample, execute, rerank, report.

A stage goes from records to records. It is handed what it reads as plain collections, where its
rows go as a function, and the services it needs; where rows lie on disk is the store's business.
"""
