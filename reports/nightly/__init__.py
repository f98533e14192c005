"""The files of a nightly evaluation, drawn from the JSON documents of its nights."""
