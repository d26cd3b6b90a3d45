"""Scaling laws: from (N, D, loss) of finished runs to a choice for the next one.

points.py    rows of N, D and loss, checked and in one order
laws.py      L(N, D) as a power of a sum of terms; Chinchilla, NEO, OpenAI
solver.py    kernels: the best parameters of a law, and of many resamples at once
fit.py       a law on points; bootstrap.py, profile.py: what the points leave open
judge.py     held-out points; predict.py, budget.py: loss, best N and D
next_run.py  which run would tell most; shapes.py, plan.py: a ladder of runs
"""
