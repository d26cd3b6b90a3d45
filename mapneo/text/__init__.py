"""Kernels over Arrow string buffers: Unicode tables, words, hashing, n-grams, union-find.

Nothing here knows what a rule or a stage is. Functions marked `njit` release the GIL, are cached
on disk after their first compilation, and walk UTF-8 bytes without making Python strings.
"""
