"""`forkeval nightly`: a matrix of runs every night, a history, gates, an exit code."""
