import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapneo.curate.edits import edit_text
from mapneo.curate.redact import is_chinese_id


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Write to a.b+c@mail.x.co.uk, please.", "Write to <email>, please."),
        ("邮箱zhang@qq.com联系；o'neil-1@a-b.museum。", "邮箱<email>联系；<email>。"),
        ("(me@x.dev) 'me@x.dev' mailto:me@x.dev.", "(<email>) '<email>' mailto:<email>."),
        ("one@a.org,two@b.org", "<email>,<email>"),
        ("me@x.org:8080 or me@x.org/path", "<email>:8080 or <email>/path"),
        ("_x@y.io %@y.io .a@y.io", "<email> %@y.io .<email>"),
    ],
)
def test_email_addresses_are_redacted(text: str, redacted: str):
    assert edit_text(text, ["redact_email"])[0] == redacted


@pytest.mark.parametrize(
    "text",
    [
        "user@example.com, a@b.example, x@mail.example.org, root@localhost, x@y.test",
        "icon@2x.png lodash@4.17.21 pkg@1.0.0 logo@3x.webp",
        "git@github.com:a/b.git ssh://user@host.org/ @name @app.route a@b",
        "x @ y.org, x@ y.org, a@@b.org",
        "unit@service.service self@matrix.shape",
    ],
)
def test_what_only_looks_like_an_email_address_stays(text: str):
    assert edit_text(text, ["redact_email"]) == (text, [])


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Ask 93.184.216.34.", "Ask <ip>."),
        ("IP地址为93.184.216.34，", "IP地址为<ip>，"),
        ("http://93.184.216.34:80/ 93.184.216.34/24", "http://<ip>:80/ <ip>/24"),
        ("from 93.184.216.34-93.184.216.99", "from <ip>-<ip>"),
        ("[2a00:1450:4001:81b::200e]:80", "[<ip>]:80"),
        ("at 240e:1:2:3:4:5:6:7, 2A00::1: yes", "at <ip>, <ip>: yes"),
        ("93.184.216.34 GET /", "<ip> GET /"),
    ],
)
def test_public_ip_addresses_are_redacted(text: str, redacted: str):
    assert edit_text(text, ["redact_ip"])[0] == redacted


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.1 192.168.1.1 172.16.0.9 127.0.0.1 169.254.1.1 0.0.0.0 255.255.255.0 224.0.0.251",
        "192.0.2.7 198.51.100.7 203.0.113.7 2001:db8::1 fe80::1 ::1 fd00::1",
        "version 91.10.3.21, v91.10.3.21, Release 91.10.3.21, 版本91.10.3.21 第91.10.3.21节",
        "nginx/91.10.3.21 foo-91.10.3.21 >= 91.10.3.21 ~=91.10.3.21",
        "see Section\u00a036.4.4.2, 1.2.3.4, 8.8.8.8",
        "36.7.2.1.\u00a0Data Structure\n36.7.2.2 Another\n",
        "91.10.3.21.5 091.10.3.21 91.10.3.256 x91.10.3.21 1.3.6.1.4.1.311",
        "std::vector 2024:10:11 12:30:45 2a00:zz a::b 20:30",
    ],
)
def test_versions_sections_and_addresses_of_nobody_stay(text: str):
    assert edit_text(text, ["redact_ip"]) == (text, [])


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("电话13800138000联系", "电话<phone>联系"),
        ("138-0013-8000, 138 0013 8000, 138.0013.8000", "<phone>, <phone>, <phone>"),
        ("+86 138 0013 8000；(+86)13800138000；8613800138000", "<phone>；<phone>；<phone>"),
        ("(010) 62345678，（010）62345678，0571-87654321", "<phone>，<phone>，<phone>"),
        ("010-62345678-801, 010-62345678转801", "<phone>, <phone>"),
        ("400-810-8888 or 4008-108-888", "<phone> or <phone>"),
        ("(415) 555-2671, 415-555-2671, 1-415-555-2671", "<phone>, <phone>, <phone>"),
        ("+44 20 7946 0958 2024 and +1.415.555.2671.", "<phone> 2024 and <phone>."),
        ("415.555.2671 ext. 12", "<phone>"),
    ],
)
def test_phone_numbers_are_redacted(text: str, redacted: str):
    assert edit_text(text, ["redact_phone"])[0] == redacted


@pytest.mark.parametrize(
    "text",
    [
        "2021-01-01 12:30:45, 3.14159265358979, 1380013800012, x13800138000, 13800138000px",
        "ISBN 978-7-111-54742-6, GB/T 22239-2019, 4155552671, 0123456789",
        "1397066938 1700000000000 12345678901 10-20 100-200-3000",
        "+1 +12 +1234567 -13800138000 #13800138000 1.13800138000",
        "110105194912310021 6222021234567890123",
    ],
)
def test_dates_counts_and_keys_stay(text: str):
    assert edit_text(text, ["redact_phone"]) == (text, [])


def test_chinese_ids_are_redacted_if_province_date_and_checksum_are_right():
    # The number that the standard itself gives as an example.
    good = "11010519491231002X"
    assert edit_text(f"身份证{good}。", ["redact_chinese_id"])[0] == "身份证<id>。"
    assert edit_text(good.lower(), ["redact_chinese_id"])[0] == "<id>"
    for bad in (
        "110105194912310021",  # checksum
        "11010519491331002X",  # month
        "990105194912310026",  # province
        "11010518491231002X",  # century
        f"1{good}",
        f"{good}1",
    ):
        assert edit_text(bad, ["redact_chinese_id"]) == (bad, [])


@settings(deadline=None)
@given(st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_makes_an_id_none(place: int, more: int):
    number = "11010519491231002X"
    digit = str((int(number[place]) + more) % 10)
    assert not is_chinese_id(number[:place] + digit + number[place + 1 :])


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=False))
def test_all_redactions_find_what_is_planted_between_words_of_either_language(rng: random.Random):
    items = {
        "<email>": "li.na+x@mail.acme.org",
        "<ip>": "93.184.216.34",
        "<phone>": "138 0013 8000",
        "<id>": "11010519491231002X",
    }
    words = ["见", "联系", "。", "，", " is ", " (", "） ", ": ", "\n"]
    pieces, wanted = [], []
    for mark in rng.choices(list(items), k=6):
        word = rng.choice(words)
        pieces += [word, items[mark]]
        wanted += [word, mark]
    end = rng.choice(["。", "", " end.", "了", "\n"])
    names = ["redact_email", "redact_ip", "redact_chinese_id", "redact_phone"]
    assert edit_text("".join([*pieces, end]), names)[0] == "".join([*wanted, end])
