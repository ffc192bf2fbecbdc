"""Made-up names: people, the shops of traders, and firms.

Surnames are the common ones of the Jiaodong peninsula with roughly their weight, given names go with the generation.
Shops and firms are called by an unusual pair of characters, so that none is meant to be, or to be taken for, one that
exists; any likeness is chance.
"""

from __future__ import annotations

from random import Random
from typing import Literal

from portal.customers.rules import Sex

# One character stands for one share: 王 is seven times as frequent as 衣.
_SURNAMES = (
    "王王王王王王王李李李李李刘刘刘刘孙孙孙孙张张张张张林林林于于于徐徐衣牟柳郝崔范慕姜曲邹杨杨赵赵陈陈马高高宋宋"
    "史史迟隋栾谢吕周吴郭潘蒋丁孔冷战盛路邢唐冯韩董"
)

_GIVEN_NAMES: dict[tuple[Sex, str], str] = {
    ("male", "old"): (
        "建国 建军 国强 志强 玉山 德福 春生 永利 文广 洪波 世杰 忠义 福田 学文 立志 军 勇 强 刚 平 "
        "树林 广山 明利 吉庆 振东 兆河 培松 守信 云峰 殿臣"
    ),
    ("female", "old"): (
        "秀英 桂兰 玉珍 淑华 春梅 爱华 丽华 秀荣 凤英 翠玲 玉芹 美荣 桂香 月娥 红霞 兰 英 芳 梅 霞 "
        "秋菊 彩云 素芬 香莲 巧云 淑贞 金凤 延红 瑞芝 永红"
    ),
    ("male", "young"): (
        "伟 磊 鹏 超 浩 杰 凯 涛 斌 飞 晓东 海涛 志鹏 建波 宁 文博 俊杰 子豪 浩然 宇航 "
        "晓光 兴华 成龙 绍辉 明阳 家乐 昊 天宇 晨 松涛"
    ),
    ("female", "young"): (
        "静 敏 娟 丽 艳 婷 雪 倩 晓燕 海燕 丽娜 春晓 晓敏 文静 佳 欣怡 雨桐 思雨 梦瑶 雅琪 "
        "莹 晓红 慧 丹 园园 金玲 妮 爱玲 若男 晓梅"
    ),
}
_GIVEN = {key: names.split() for key, names in _GIVEN_NAMES.items()}

_FIRST = "穗棠岫霁沅柘荻蘅筠霭榛苒屿澍濛"
_SECOND = "禾坞岚溪峦汀畦渚柯霖陌麓墅蔚翊"

Trade = Literal["fruit", "cold_store", "inputs", "machinery", "packaging", "food", "shop", "catering", "transport"]

_SHOPS: dict[Trade, list[str]] = {
    "fruit": ["果品购销部", "苹果收购站", "果蔬行"],
    "cold_store": ["冷库", "气调库"],
    "inputs": ["农资店", "果树苗木店", "肥料经营部"],
    "machinery": ["农机维修部", "农机配件店"],
    "packaging": ["纸箱经营部", "果袋经营部"],
    "food": ["面食坊", "食品店"],
    "shop": ["超市", "五金店", "服装店", "家电经营部"],
    "catering": ["饭店", "农家乐", "小吃店"],
    "transport": ["货运部", "配货站"],
}

_FIRMS: dict[Trade, list[str]] = {
    "fruit": ["果品有限公司", "果蔬专业合作社", "苹果种植专业合作社"],
    "cold_store": ["冷藏有限公司", "冷链物流有限公司"],
    "inputs": ["农业科技有限公司", "苗木有限公司"],
    "machinery": ["农业机械有限公司", "机械制造有限公司"],
    "packaging": ["包装制品有限公司", "纸业有限公司"],
    "food": ["食品有限公司", "果汁饮料有限公司"],
    "shop": ["商贸有限公司"],
    "catering": ["餐饮管理有限公司"],
    "transport": ["运输有限公司"],
}

GENERATION_TURN = 1978
"""Births up to this year get the names of the older generation."""


def person(rng: Random, sex: Sex, born_in: int) -> str:
    """A personal name of two or three characters."""
    return rng.choice(_SURNAMES) + rng.choice(_GIVEN[sex, "old" if born_in <= GENERATION_TURN else "young"])


def brand(rng: Random) -> str:
    """Two characters that a shop or firm goes by; 225 there are."""
    return rng.choice(_FIRST) + rng.choice(_SECOND)


def shop(rng: Random, town: str, trade: Trade) -> str:
    """A trader's shop: 桃村棠溪果蔬行."""
    return f"{town}{brand(rng)}{rng.choice(_SHOPS[trade])}"


def firm(rng: Random, town: str, trade: Trade) -> str:
    """A small enterprise: 栖霞桃村棠溪冷藏有限公司."""
    return f"栖霞{town}{brand(rng)}{rng.choice(_FIRMS[trade])}"
