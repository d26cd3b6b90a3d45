"""Texts made from a seed: prose in both languages that passes the rules, and near copies of it."""

import random
import re

_WORD = re.compile(r"\S+")

_EN = _WORD.findall(
    "river mountain city harbour teacher engine garden letter winter summer market bridge "
    "village music history science museum library forest island planet doctor lawyer farmer "
    "window kitchen morning evening journey ticket railway station mirror picture painter writer"
)
_EN_GLUE = _WORD.findall("the of and to in that with for was on as at by from but which when while")
_ZH = _WORD.findall(
    "城市 河流 山脉 老师 学生 机器 花园 信件 冬天 夏天 市场 桥梁 村庄 音乐 历史 科学 博物馆 图书馆 "
    "森林 岛屿 星球 医生 律师 农民 窗户 厨房 早晨 傍晚 旅行 车票 铁路 车站 镜子 图画 作家 电影 "
    "天气 空气 海洋 文化 社会 经济 法律 政府 公司 工作 生活 问题 方法 系统 数据 语言 文字 声音"
)
_ZH_GLUE = _WORD.findall("的 了 在 和 与 是 有 从 到 对 为 以 把 被 而 但 也 都 还 就")


def english(seed: int, sentences: int = 12) -> str:
    return _prose(random.Random(seed), sentences, _EN, _EN_GLUE, " ", ". ").strip()


def chinese(seed: int, sentences: int = 12) -> str:
    return _prose(random.Random(seed), sentences, _ZH, _ZH_GLUE, "", "。")


def _prose(rng, sentences, nouns, glue, gap, stop) -> str:
    made = []
    for _ in range(sentences):
        words = [rng.choice(nouns if k % 2 else glue) for k in range(rng.randint(9, 17))]
        made.append(gap.join(words) + stop)
    return "".join(made)


def near_copy(text: str, seed: int, changes: int) -> str:
    """Replace so many single characters."""
    rng = random.Random(seed)
    letters = list(text)
    for position in rng.sample(range(len(letters)), changes):
        letters[position] = rng.choice("qxzj")
    return "".join(letters)
