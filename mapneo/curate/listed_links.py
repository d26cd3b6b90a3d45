"""Links in texts that a URL list holds."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from mapneo.curate.links import LINK_TRIGGER, find_links
from mapneo.curate.url_lists import UrlLists, look_up


def listed_link_counts(
    texts: pa.Array | pa.ChunkedArray, lists: UrlLists
) -> npt.NDArray[np.float64]:
    """How many links of each text lists hold: float64, shape (rows,).

    A link is what `mapneo.curate.links` takes for one; it is looked up as a document's URL is, by
    domain, host and path at a boundary. Released, an entry anywhere in the text is a hit.
    """
    hits = np.zeros(len(texts), dtype=np.float64)
    has_link = pc.fill_null(pc.match_substring_regex(texts, LINK_TRIGGER), False)
    links: list[str] = []
    owners: list[int] = []
    for row in np.flatnonzero(np.asarray(has_link)).tolist():
        text = str(texts[row].as_py())
        found = [text[span.start : span.end].strip("<>") for span in find_links(text)]
        links += found
        owners += [row] * len(found)
    _, held = look_up(pa.array(links, pa.string()), lists)
    np.add.at(hits, np.array(owners, dtype=np.int64), np.nan_to_num(held) > 0)
    return hits
