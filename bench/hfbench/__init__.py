"""The parts of the benchmark: see bench/README.md for what is measured, and how."""
