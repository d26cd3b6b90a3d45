import pytest
from identify import identify

from mapneo.sources.documents import RawFile, ReadOptions
from mapneo.sources.licences import licence_above, licence_tag, tree_licences
from mapneo.sources.plain_text import read_code

LINUX = "GPL-2.0-only WITH Linux-syscall-note"


def licence_text(spdx):
    from identify.vendor import licenses

    return dict(licenses.LICENSES)[spdx]


def tree(tmp_path, files):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return [(name, tmp_path / name) for name in files]


def test_nearest_licence_file_above_counts(tmp_path):
    files = tree(
        tmp_path,
        {
            "LICENSE": licence_text("MIT"),
            "vendor/one/COPYING": licence_text("GPL-3.0"),
            "vendor/two/LICENSE-MIT": licence_text("MIT"),
            "vendor/two/LICENSE-APACHE": licence_text("Apache-2.0"),
            "odd/LICENCE.txt": "Do as you like, but tell nobody.",
            "src/a.py": "x = 1",
        },
    )
    found = tree_licences(files)
    assert licence_above("src/deep/a.py", found) == "MIT"
    assert licence_above("vendor/one/b.c", found) == "GPL-3.0"
    assert licence_above("vendor/two/c.rs", found) == "Apache-2.0 OR MIT"
    assert licence_above("odd/d.py", found) == "unknown (odd/LICENCE.txt)"
    assert licence_above("a.py", {}) is None


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("// SPDX-License-Identifier: MIT\n", "MIT"),
        (f"/* SPDX-License-Identifier: {LINUX} */", LINUX),
        ("<!-- SPDX-License-Identifier: (MIT OR Apache-2.0) -->", "(MIT OR Apache-2.0)"),
        ("x = 1\n", None),
        ("x" * 5000 + "SPDX-License-Identifier: MIT", None),
    ],
)  # fmt: skip
def test_tag_in_the_head_of_a_file(head, expected, tmp_path):
    assert licence_tag(head) == expected
    path = tmp_path / "a.c"
    path.write_text(head + "\nint x;\n")
    (found,) = read_code(RawFile(path=path, relative="a.c"), ReadOptions())
    assert found.licence == expected


def test_the_library_knows_the_licences_it_vendors(tmp_path):
    path = tmp_path / "LICENSE"
    path.write_text(licence_text("BSD-3-Clause"))
    assert identify.license_id(str(path)) == "BSD-3-Clause"
