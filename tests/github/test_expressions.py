"""The reading of GitHub's expressions that other tests rest on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.github.expressions import evaluate, filled, truth

CONTEXTS: dict[str, Any] = {
    "inputs": {"command": "status", "empty": "", "flag": True},
    "steps": {"run": {"outputs": {"exit-code": "5"}, "outcome": "failure"}},
    "github": {"event": {"schedule": "0 6 * * 1"}, "ref_name": "v1.2"},
}


def value(expression: str) -> Any:
    """Evaluate against CONTEXTS, in a job that has failed."""
    return evaluate(expression, CONTEXTS, {"always": lambda: True, "failure": lambda: True})


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("inputs.command", "status"),
        ("inputs['command']", "status"),
        ("steps.run.outputs.exit-code", "5"),
        ("steps.none.outputs.path", None),
        ("inputs.command != ''", True),
        ("inputs.empty != ''", False),
        ("'Status' == inputs.command", True),
        ("steps.run.outputs.exit-code == 5", True),
        ("steps.run.outputs.exit-code > 4", True),
        ("inputs.flag == true", True),
        ("inputs.flag && 'yes' || 'no'", "yes"),
        ("inputs.empty && 'yes' || 'no'", "no"),
        ("!inputs.flag || always()", True),
        ("always() && (inputs.empty || steps.run.outcome == 'failure')", True),
        ("github.event.schedule == '0 6 * * 1'", True),
        ("startsWith(github.ref_name, 'v')", True),
        ("format('--canary {0}', 'mini-1')", "--canary mini-1"),
        ("'it''s'", "it's"),
    ],
)
def test_an_expression_has_githubs_value(expression: str, expected: object) -> None:
    """Coercions, precedence and missing properties are GitHub's."""
    assert value(expression) == expected


@pytest.mark.parametrize("expression", ["secret.KEY", "toJSON(inputs)", "inputs.", "(1", "1 2", "'a' ? 1"])
def test_what_is_not_known_is_refused(expression: str) -> None:
    """Nothing is guessed: a workflow that uses more makes its test fail."""
    with pytest.raises((ValueError, IndexError)):
        value(expression)


def test_text_is_filled() -> None:
    """A missing value is nothing, a number has no needless digits."""
    text = "${{ inputs.command }} ${{ steps.no.outputs.x }}|${{ 12 }}|${{ true }}"
    assert filled(text, CONTEXTS, {}) == "status |12|true"


def test_an_empty_text_is_no_truth() -> None:
    """As in `if: inputs.python-version`."""
    assert [each for each in ("", None, False, 0.0, "false", 1.0) if truth(each)] == ["false", 1.0]
