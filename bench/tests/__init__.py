"""Tests of what can be tested without root and without a network; seconds.

python3 -m unittest discover --start-directory bench/tests --top-level-directory bench
"""
