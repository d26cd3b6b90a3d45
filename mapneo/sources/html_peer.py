"""trafilatura's extraction, by choice: an optional dependency, loaded when asked for."""

from mapneo.core.errors import ConfigError
from mapneo.sources.documents import ReadOptions


def trafilatura_text(html: str, options: ReadOptions) -> str:
    """The main text of a page as trafilatura finds it; "" if it finds none.

    Raises:
        ConfigError: trafilatura is not installed.
    """
    try:
        import trafilatura
    except ImportError as error:
        raise ConfigError(
            "extract.html = \"trafilatura\" needs the package: pip install 'mapneo[trafilatura]'"
        ) from error
    text = trafilatura.extract(
        html,
        include_comments=False,
        include_tables=True,
        output_format="markdown" if options.tables == "markdown" else "txt",
    )
    return text or ""
