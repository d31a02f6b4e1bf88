"""Stand-in vendors for demo, tests and benchmarks: a separate program that imports nothing of the project."""
