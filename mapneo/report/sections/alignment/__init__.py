"""From base model to chat: conversations, fine-tuning, reward model, rounds, answers."""
