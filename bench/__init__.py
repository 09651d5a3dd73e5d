"""Benchmarks: how far is syncd from the floor, the bare loop that does the same reads?"""
