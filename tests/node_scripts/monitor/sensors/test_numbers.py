"""Numbers as tools print them."""

from __future__ import annotations

import pytest

from node_scripts.monitor.sensors.numbers import celsius, number, positive, size_bytes, whole


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3.0),
        (2.5, 2.5),
        ("2.5", 2.5),
        ("2,5", 2.5),
        (" 7 ", 7.0),
        ("-1e3", -1000.0),
        (True, None),
        ("", None),
        ("1.024,5", None),
        ("nan", None),
        (float("inf"), None),
        (10**400, None),
        ("١٢", 12.0),
        (None, None),
        ([1], None),
    ],
)
def test_numbers_have_a_point_or_a_comma(value: object, expected: float | None) -> None:
    """A comma is a decimal comma; two kinds of mark are ambiguous and unknown."""
    assert number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("5", 5), (5.0, 5), (5.5, None), (-1, None), ("x", None), (2**60 + 1, 2**60 + 1)]
)
def test_whole_numbers_are_exact(value: object, expected: int | None) -> None:
    """Bytes of large memories are not rounded through floats."""
    assert whole(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(0, None), (0.1, 0.1), (149, 149.0), (150, None), (-4, None)]
)
def test_temperatures_of_no_sensor_are_unknown(value: float, expected: float | None) -> None:
    """0 °C is a sensor that is not there."""
    assert celsius(value) == expected


def test_zero_is_unknown_where_it_stands_for_unreadable() -> None:
    """A machine that runs does not draw 0 W."""
    assert positive(0.0) is None
    assert positive("0,5") == 0.5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("14336.00M", 14336 * 1024**2),
        ("1024,50M", 1024 * 1024**2 + 512 * 1024),
        ("2G", 2 * 1024**3),
        ("512", 512),
        ("0.00M", 0),
        ("14.336,00M", None),
        ("many", None),
        ("", None),
    ],
)
def test_sizes_have_binary_units(text: str, expected: int | None) -> None:
    """As `sysctl vm.swapusage` prints them."""
    assert size_bytes(text) == expected
