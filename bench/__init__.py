"""Side-by-side timings against peers, and the long proofs. Results: bench/results/*.json."""
