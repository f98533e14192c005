"""`forkeval bench engine`: the engine's speed beside floors and peers measured in the same run."""
