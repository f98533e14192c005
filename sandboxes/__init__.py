"""Docker sandboxes: images, pool, protocol, and the runner and judge inside."""
