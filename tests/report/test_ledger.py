import pytest

from mapneo.core.errors import ManifestError
from mapneo.report.forms import Form
from mapneo.report.ledger import Ledger
from mapneo.report.nodes import Node

FACTS = Node(
    file="judge/manifest.json",
    keys=("facts",),
    value={"kept": 30, "in": 40, "none": 0, "name": "en", "parts": [1, 2, 3]},
)


def test_same_field_has_one_entry_however_often_and_in_whatever_form_it_is_shown():
    ledger = Ledger()
    first = ledger.cite(FACTS.at("kept"))
    second = ledger.cite(FACTS.at("kept"), Form.BYTES)
    assert first.entry == second.entry
    assert (first.text, second.text) == ("30", "30 B")
    assert ledger.as_json()["figures"] == {
        first.entry: {"file": "judge/manifest.json", "path": "/facts/kept", "value": 30}
    }


def test_derived_figure_names_what_it_is_made_of():
    ledger = Ledger()
    share = ledger.derive("ratio", [FACTS.at("kept"), FACTS.at("in")], Form.SHARE)
    assert share.text == "75.0 %"
    entry = ledger.as_json()["figures"][share.entry]
    cited = [ledger.as_json()["figures"][name]["path"] for name in entry["of"]]
    assert cited == ["/facts/kept", "/facts/in"]


def test_share_of_nothing_is_a_dash_not_a_crash():
    share = Ledger().derive("ratio", [FACTS.at("kept"), FACTS.at("none")], Form.SHARE)
    assert share.value is None
    assert share.text == "–"
    assert share.number() == 0
    assert share.__html__() == '<data value="" data-n="n3">–</data>'


def test_text_where_a_number_should_be_is_an_error_not_a_zero():
    with pytest.raises(ManifestError, match="'en' should be a number"):
        Ledger().derive("sum", [FACTS.at("kept"), FACTS.at("name")], Form.COUNT)


def test_series_is_one_entry_with_a_path_per_point():
    ledger = Ledger()
    assert ledger.series(FACTS.at("parts").rows()) == [1, 2, 3]
    [entry] = ledger.as_json()["figures"].values()
    assert entry["paths"] == ["/facts/parts/0", "/facts/parts/1", "/facts/parts/2"]
    assert ledger.series([]) == []


def test_tally_and_count_give_numbers_of_things():
    ledger = Ledger()
    assert ledger.tally(FACTS.at("parts")).value == 3
    assert ledger.count([FACTS.at("name"), FACTS.at("kept")]).value == 2


def test_html_of_a_figure_escapes_what_it_shows():
    figure = Ledger().cite(Node(file="f", keys=(), value="<b>"))
    assert "<b>" not in figure.__html__()
