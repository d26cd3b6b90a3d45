"""Alignment: conversations, two-stage SFT, reward model, preference pairs, DPO, and chat."""
