"""The policy that signing in follows. Its values are dated parameters; an area above the kit reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """Defaults in the spirit of 网络安全等级保护 (GB/T 22239-2019), levels 2 and 3."""

    password_length: int = 10
    """Least number of characters."""
    password_kinds: int = 2
    """Least number of kinds: small letters, capitals, digits, others."""
    password_history: int = 5
    """How many former passwords may not come back."""
    password_days: int = 90
    """Days after which a password has to be changed; 0 for never."""
    lock_attempts: int = 5
    """Wrong attempts of one login before it has to wait."""
    lock_address_attempts: int = 30
    """Wrong attempts from one address, whatever the login; a branch office may share one."""
    lock_seconds: int = 60
    """The first wait; it doubles with each further wrong attempt."""
    lock_minutes: int = 60
    """The longest wait."""
    idle_minutes: int = 30
    """Minutes without activity after which a session ends."""
    second_factor_roles: frozenset[str] = frozenset()
    """Roles whose members need a second factor."""
    key_days: int = 365
    """The longest life of an API key."""


_source: list[Callable[[], Policy]] = [Policy]


def register_policy(source: Callable[[], Policy]) -> Callable[[], Policy]:
    """The function that knows the policy in force."""
    _source[:] = [source]
    return source


def policy() -> Policy:
    """The policy in force today."""
    return _source[0]()
