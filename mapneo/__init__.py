"""mapneo: from raw pages to an aligned, evaluated, explainable language model."""

__version__ = "0.1.0"
