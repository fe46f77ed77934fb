"""The Chinese sample reviews: how they are built, and the phrases common to all of them."""

from __future__ import annotations

from seqmap.samples.chinese_domains import DOMAINS
from seqmap.samples.grammar import Language, Pattern

_PATTERNS = (
    Pattern(
        "plain",
        (
            "{opener}{claim}，{claim2}。{filler}。",
            "{filler}。{claim}。{filler}，{claim2}。",
            "{opener}{filler}。总之，{claim}，{claim2}。",
            "{claim}，{claim2}。{filler}。{closer}",
        ),
        weight=3.5,
    ),
    Pattern(
        "hearsay",
        (
            "{opener}{hearsay}{claim}。{filler}。{turn}。",
            "{hearsay}{claim}，{claim2}。{filler}。{turn}。{closer}",
            "{hearsay}{claim}。{opener}{filler}，{turn}。",
            "{turn}。{filler}，{filler}。在那之前，{hearsay}{claim}。",
        ),
        keep=(
            "事实证明他们说的全对",
            "结果还真是那么回事",
            "每一句都得到了证实",
            "我的体验和他们说的一模一样",
            "我的结论跟他们一致",
        ),
        flip=(
            "事实证明他们说的全错",
            "结果根本不是那么回事",
            "没有一句得到证实",
            "我的体验和他们说的正好相反",
            "我的结论跟他们两样",
        ),
    ),
    Pattern(
        "negation",
        (
            "要说{claim}，{aside}，{turn}。{filler}。",
            "{opener}有人认为{claim}，{aside}，{turn}。",
            "{filler}。要说{claim}、{claim2}，{aside}，{turn}。{closer}",
        ),
        keep=(
            "我完全同意",
            "我绝不否认",
            "我一点也不怀疑",
            "这是谁也不能否认的",
            "我会跟大家说没错",
        ),
        flip=(
            "我完全不同意",
            "我坚决否认",
            "我非常怀疑",
            "这是谁也不能认同的",
            "我会跟大家说别信",
        ),
    ),
    Pattern(
        "change",
        (
            "{opener}{early}{claim}。{filler}。{turn}。",
            "{early}{claim}，{claim2}。{filler}。{turn}。{closer}",
            "{early}{claim}，{filler}。{turn}。",
        ),
        keep=(
            "直到今天一点都没有变",
            "后来也一直是这样",
            "{later}，还是老样子",
            "{later}，我还会写下同样的话",
            "那不是偶然，一直到最后都如此",
        ),
        flip=(
            "如今一切都变了",
            "后来就反过来了",
            "{later}，早就不是那样了",
            "{later}，我得写下相反的话",
            "那只是偶然，没过多久就不是了",
        ),
    ),
    Pattern(
        "reference",
        (
            "{pair}。第一{measure}{claim}，第二{measure}{other}。{filler}。{turn}。",
            "{pair}。第一{measure}{claim}，而第二{measure}{other}。{filler}。{turn}。",
            "{pair}。{turn}。{filler}。第一{measure}{claim}，第二{measure}{other}。",
        ),
        keep=(
            "这条评价写的是前者",
            "我打的星是给第一{measure}的",
            "这里只评第一{measure}",
        ),
        flip=(
            "这条评价写的是后者",
            "我打的星是给第二{measure}的",
            "这里只评第二{measure}",
        ),
        weight=1.8,
    ),
    Pattern(
        "comparison",
        (
            "{opener}{before}{claim}。{filler}。{turn}。",
            "{before}{claim}，{claim2}。{filler}。{turn}。{closer}",
            "{turn}。{filler}。{before}{claim}。",
        ),
        keep=(
            "现在这{measure}跟它一模一样",
            "换成这{measure}，情况没什么两样",
            "这{measure}跟以前那{measure}没有任何差别",
        ),
        flip=(
            "现在这{measure}跟它正好相反",
            "换成这{measure}，情况完全是两样",
            "这{measure}跟以前那{measure}没有任何相似",
        ),
    ),
)

_TABLES = {
    "person": ("我姐", "邻居", "楼上的同事", "我爸", "老同学", "表弟", "室友", "隔壁的阿姨"),
    "month": ("一月", "三月", "四月", "六月", "七月", "九月", "十月", "十一月"),
    "day": ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
    "number": ("两", "三", "四", "五", "六", "七", "十", "十二"),
    "hearsay": (
        "{person}早就跟我讲过，",
        "这一页上有一半的评论都说，",
        "什么都有看法的{person}一再强调，",
        "论坛里的人都很肯定地说，",
        "我看了多年的一本杂志写道，",
        "{person}和{person}都坚持说，",
        "{day}的报纸上有篇长文章声称，",
    ),
    "aside": (
        "不管广告上怎么写",
        "我跟{person}聊了一个小时之后",
        "过了{number}个星期再来看",
        "{person}从头到尾都在场",
        "不论上面显示的是几颗星",
        "隔了{number}个晚上再想一想",
        "看在{person}的面子上",
        "我跟大家一样是自己花的钱",
        "翻了翻{month}记的笔记",
    ),
    "early": (
        "刚开始的时候",
        "最初那{number}天",
        "头一个{day}",
        "我动手记笔记那阵子",
        "{month}那会儿",
    ),
    "later": (
        "{number}个月以后",
        "到了{month}再看",
        "过了好一阵子",
        "今天再来看",
        "写这段话的时候",
    ),
    "opener": (
        "是{person}叫我来写的。",
        "{month}随手记一下。",
        "{day}晚上写的。",
        "先交代一下背景。",
        "答应了{person}写几句。",
        "留个记录。",
    ),
    "closer": (
        "{month}再补充。",
        "{person}可能会再写一条。",
        "就写到这里。",
        "{day}写于家中。",
        "在火车上发的。",
        "有问题可以问{person}。",
    ),
    "filler": (
        "有一部分时间{person}也在",
        "每个{day}我都记了笔记",
        "我不是专家，也不是新手",
        "这些都是{month}的事",
        "我付的是平常的价钱",
        "中间有一点空闲的时间",
        "{person}也看到了，只是还没有写",
        "大概是{month}到{month}之间吧",
        "顺便说一句，我住得不远，隔着{number}条街",
        "我们在电话里聊了{number}分钟",
        "这条有一半是{day}写的，剩下的是{day}补的",
    ),
}

CHINESE = Language("zh", "", _PATTERNS, DOMAINS, _TABLES)
