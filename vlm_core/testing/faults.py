"""What can go wrong between a client and a vision model, by name."""

from __future__ import annotations

from collections.abc import Mapping

from vlm_core.testing import faults_body, faults_connection, faults_status, faults_stream
from vlm_core.testing.fault_parts import Fault, unknown

__all__ = ["FAULTS", "Fault", "find_fault"]

FAULTS: Mapping[str, Fault] = {
    **faults_connection.FAULTS,
    **faults_status.FAULTS,
    **faults_body.FAULTS,
    **faults_stream.FAULTS,
}
"""All faults by name. A server that cannot be reached at all is one that was stopped."""


def find_fault(name: str) -> Fault:
    """A fault by its name.

    Raises:
        ConfigError: there is none of this name; the hint has the nearest.

    Example:
        >>> find_fault("stalls").does
        'Falls silent amid the answer, and closes after a while.'
        >>> find_fault("stals")
        Traceback (most recent call last):
        vlm_core.errors.ConfigError: Unknown fault stals. Did you mean stalls?
    """
    if name not in FAULTS:
        raise unknown("Unknown fault", name, FAULTS)
    return FAULTS[name]
