"""Files that start a night from cron, systemd, GitHub Actions or Slurm.

In them @FORKEVAL@ stands for the program, @CONFIG@ for the YAML, @PLACE@ for where its nights lie,
each quoted as the file's own language wants it.
"""
