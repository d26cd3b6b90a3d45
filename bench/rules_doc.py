"""Write docs/rules.md from the rulesets and signals.

`python -m bench.rules_doc` renews; `python -m bench.rules_doc --check` fails if the page is old.
"""

import sys

from bench.result import RESULTS
from mapneo.curate.rule_docs import rules_markdown

PAGE = RESULTS.parent.parent / "docs" / "rules.md"


def main(check: bool) -> int:
    """Write the page, or compare it with what would be written."""
    new = rules_markdown()
    if check:
        return int(not PAGE.exists() or PAGE.read_text(encoding="utf-8") != new)
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
