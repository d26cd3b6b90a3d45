"""The released MAP-NEO cleaning code's measures, as shipped, for comparison.

Plain Python over strings, in no hurry; nothing of it but the `table` of all 122 edits and rules is
imported unless a `matrix-released-*` ruleset is asked for. `signals` measures documents.
"""
