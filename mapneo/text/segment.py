"""TEMPORARY"""

from mapneo.text.kernel import kernel


@kernel
def segment_words(code_points, dictionary, ends):
    for i in range(code_points.size):
        ends[i] = i + 1
    return code_points.size


def cut(text):
    return list(text)
