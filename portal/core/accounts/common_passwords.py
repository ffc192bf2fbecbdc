"""Passwords that everybody tries first: what leaked lists have on top, and what is typed in Chinese offices.

Kept without digits and signs at the end and in small letters, so that `Password2026!` is found as `password`.
"""

from __future__ import annotations

import re

_STEMS = """
password passwd passw0rd p@ssw0rd p@ssword pass word welcome letmein iloveyou monkey dragon sunshine princess football
baseball superman batman trustno master shadow qwerty qwertyuiop qwert asdfgh asdfghjkl zxcvbn zxcvbnm qazwsx qazwsxedc
qweasd qweasdzxc qwerasdf abcdef abcdefgh abcabc aaaaaa aaaaaaaa abc abcd test testtest guest admin administrator root
toor user login changeme default secret hello computer internet michael jordan google
woaini woaiwojia woaizhongguo zhongguo beijing shanghai shandong yantai qixia dearbook xiaoming wangwei zhangwei
nihao caonima mima mimamima yonghu guanliyuan yinhang daikuan xiaodai xinyong gongsi
gridlend bank loan finance company
"""
_WHOLE = """
1234567890 12345678910 0123456789 9876543210 0987654321 1122334455 1111111111 0000000000 1q2w3e4r 1q2w3e4r5t 1qaz2wsx
1qaz2wsx3edc 1qazxsw2 zaq12wsx q1w2e3r4 q1w2e3r4t5 a1b2c3d4 a1b2c3d4e5 qwer1234 asdf1234 abcd1234 1234qwer 123qweasd
123qwe123 qwe123qwe asd123asd 147258369 159357 5201314 1314520 woaini1314 woaini520 a123456789 zxc123456 qq123456789
1qaz@wsx 1qaz!qaz !qaz2wsx !qaz@wsx admin@123 passw0rd!
"""

STEMS = frozenset(_STEMS.split())
WHOLE = frozenset(_WHOLE.split())


def is_common(password: str) -> bool:
    """Whether the password, or what is left without digits and signs around it, is among the first guesses."""
    small = password.casefold()
    stem = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", small)
    one_character = len(set(small)) <= 2
    return one_character or small in WHOLE or small in STEMS or stem in STEMS or not stem
