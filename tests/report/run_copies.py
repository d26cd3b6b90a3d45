"""What dedup leaves for the page, made up: facts about clusters, and samples of them."""

from mapneo.curate.cluster_samples import differences


def copy_facts(reasons: list[dict[str, object]]) -> dict[str, object]:
    pairs = [
        {**reason, "source": source, "survivor_source": "git-doc"}
        for reason in reasons
        for source in ("git-doc", "debian-faq", *(f"s-{number}" for number in range(4)))
    ]
    return {
        "clusters": 431,
        "largest_cluster": 24,
        "cluster_sizes": [[2, 380], [3, 40], [7, 10], [24, 1]],
        "pairs": pairs,
    }


def cluster_rows(excerpts: dict[str, str], hostile: str) -> list[dict[str, object]]:
    return [
        {
            "cluster_id": f"git-doc/first/{language}.html",
            "language": language,
            "size": 7,
            "copies": [
                {
                    "doc_id": f"git-doc/copies/{language}.html",
                    "kind": "minhash",
                    "similarity": 0.91,
                    "pieces": differences(text, text[:40] + hostile + text[60:]),
                }
            ],
        }
        for language, text in excerpts.items()
    ]
