"""The language model: configuration, layers, generation, and the Hugging Face layout."""
