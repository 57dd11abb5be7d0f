"""Keys are read from the environment, and refused in words that never show one."""

import base64

import pytest
from django.core.exceptions import ImproperlyConfigured

from realco.keys import UnusableKeys, generate_key, parse_keys


class TestParseKeys:
    def test_reads_them_in_their_order(self) -> None:
        first, second = generate_key(), generate_key()

        assert list(parse_keys(f"2026:{first}, 2025:{second},").items()) == [
            ("2026", first),
            ("2025", second),
        ]

    def test_reads_either_alphabet_with_or_without_padding(self) -> None:
        key = base64.b64encode(b"\xfb\xff" * 16).decode()

        assert parse_keys("a:" + key.replace("+", "-").replace("/", "_").rstrip("="))

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "no field encryption key"),
            (" , ", "no field encryption key"),
            ("justakey", "number 1 is not written as id:base64"),
            ("a:c2hvcnQ=", "'a' has 5 bytes instead of 32"),
            ("a:***secret***", "'a' is not base64"),
            ("a b:c2hvcnQ=", "letters, digits"),
            (f"a:{'A' * 43},a:{'B' * 43}", "'a' comes twice"),
        ],
    )
    def test_says_what_is_wrong_and_never_shows_a_key(self, text: str, said: str) -> None:
        with pytest.raises(UnusableKeys, match=said) as refusal:
            parse_keys(text)

        assert isinstance(refusal.value, ImproperlyConfigured)
        for part in ("c2hvcnQ", "secret", "justakey", "AAAA"):
            assert part not in str(refusal.value)
