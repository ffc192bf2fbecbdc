"""Industry notices of the demo company: made-up news of the county's trades, some of it out of date by now."""

from __future__ import annotations

from datetime import timedelta

from portal.core.db import db
from portal.customers.models import Industry
from portal.risk.notices import IndustryNotice, Outlook
from seed.company import BUSINESS_DATE

BETTER, UNCHANGED, WORSE = Outlook.BETTER, Outlook.UNCHANGED, Outlook.WORSE
NOTICES = (
    (
        Industry.AGRICULTURE,
        4,
        90,
        WORSE,
        "果树套袋期间局部遭遇冰雹",
        "部分乡镇果园幼果受损，预计秋季商品果减少。请核实受灾客户的果园面积、投保情况和秋季还款来源。",
        "农情信息（演示数据）",
    ),
    (
        Industry.TRADE,
        9,
        60,
        UNCHANGED,
        "日用品批发零售客流平稳",
        "县城商铺客流与上月相当，库存周转正常，租金没有明显变化。",
        "市场巡查记录（演示数据）",
    ),
    (
        Industry.CONSTRUCTION,
        15,
        120,
        WORSE,
        "在建项目结算周期拉长",
        "分包和零星工程的工程款结算时间变长，施工队垫资增加。请核实借款人的应收工程款和回款计划。",
        "行业公开信息整理（演示数据）",
    ),
    (
        Industry.TRANSPORT,
        22,
        None,
        BETTER,
        "冷链运输需求上升",
        "鲜果外运进入旺季，冷藏车运价有所回升，个体运输户的出车率提高。",
        "行业公开信息整理（演示数据）",
    ),
    (
        Industry.CATERING,
        31,
        90,
        BETTER,
        "乡村旅游带动餐饮住宿",
        "采摘和民宿客流增加，周末入住率高于去年同期。",
        "市场巡查记录（演示数据）",
    ),
    (
        Industry.AGRICULTURE,
        40,
        30,
        UNCHANGED,
        "春季农资价格平稳",
        "化肥、果袋价格与上年相当，农户备耕资金需求没有明显变化。",
        "农情信息（演示数据）",
    ),
    (
        Industry.MANUFACTURING,
        75,
        None,
        UNCHANGED,
        "果品加工企业开工正常",
        "加工企业原料充足，订单与上年持平，用工稳定。",
        "行业公开信息整理（演示数据）",
    ),
)
"""Industry, days ago, days for which it counts, outlook, title, summary, source."""


def load_notices() -> None:
    """Write them; within a unit of work."""
    for number, (industry, ago, counts, outlook, title, summary, source) in enumerate(NOTICES, 1):
        published = BUSINESS_DATE - timedelta(days=ago)
        db.session.add(
            IndustryNotice(
                code=f"HY-{published.year}-{number:02d}",
                industry=industry,
                published_on=published,
                title=title,
                summary=summary,
                outlook=outlook,
                valid_until=None if counts is None else published + timedelta(days=counts),
                source=source,
            )
        )
