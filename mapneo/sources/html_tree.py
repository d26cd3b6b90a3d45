"""resiliparse's tree, and the ways of asking it that take linear time.

Reading a collection item by item runs its query again for each item: 47 s for 4,000 links. So a
collection is always taken whole (`elements`). Looking for a tag is ten times faster than a
selector, and one selector with many parts about as fast as one with a single part.
"""

from typing import Any, TypeAlias

Node: TypeAlias = Any
"""An element of the tree, or the tree; its stubs know no difference that would help here."""


def elements(node: Node, selector: str) -> list[Node]:
    """All elements below `node` that match, in document order."""
    return list(node.query_selector_all(selector).values())


def by_tag(node: Node, *tags: str) -> list[Node]:
    """All elements below `node` with one of the tags, tag by tag."""
    return [found for tag in tags for found in node.get_elements_by_tag_name(tag).values()]


def the_only(found: list[Node]) -> Node | None:
    """The element, if there is just one."""
    return found[0] if len(found) == 1 else None
