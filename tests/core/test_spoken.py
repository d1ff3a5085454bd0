"""What is said for dates, times, amounts, units, ranges and telephone numbers, in both languages."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigc_studio.core.spoken import chinese_number, spoken


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("今天是2026年11月23日。", "今天是二零二六年十一月二十三日。"),
        ("日期：2026-11-23", "日期：二零二六年十一月二十三日"),
        ("2000年前", "二千年前"),
        ("现在14:05，8:00开始", "现在十四点零五分，八点整开始"),
        ("增长了50%，下降12.5％", "增长了百分之五十，下降百分之十二点五"),
        ("占3%-5%", "占百分之三到百分之五"),
        ("售价￥12.50", "售价十二点五元"),
        ("一共$3亿", "一共三亿美元"),
        ("全长20km，重2 kg", "全长二十公里，重两公斤"),
        ("气温-5℃", "气温负五摄氏度"),
        ("需要3-5天，10~20人", "需要三到五天，十到二十人"),
        ("电话13812345678", "电话幺三八幺二三四五六七八"),
        ("电话010-12345678。", "电话零幺零，幺二三四五六七八。"),
        ("吃了1/2", "吃了二分之一"),
        ("比分是2:1", "比分是二比一"),
        ("有10000人", "有一万人"),
        ("第2章有2个人", "第二章有两个人"),
        ("3×4等于12", "三乘四等于十二"),
        ("价格为¥1,200.00元", "价格为一千二百元"),
        ("2019-2024年，周一至周五9:00-18:00", "二零一九到二零二四年，周一至周五九点整到十八点整"),
        ("AK-47和COVID-19", "AK-47和COVID-19"),
        ("编号007", "编号零零七"),
        ("iPhone 15 卖$999", "iPhone 15 卖九百九十九美元"),
    ],
)
def test_chinese(written, said):
    assert spoken(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("On 2026-11-23 we met.", "On November 23rd, 20 26 we met."),
        ("In 2024 and in 1905.", "In 20 24 and in 19 oh 5."),
        ("the 1990s", "the 19 nineties"),
        ("at 14:05, 3:00 pm and 9:00", "at 14 oh 5, 3 pm and 9 o'clock"),
        ("It costs $12.50, not $1.00.", "It costs 12 dollars 50 cents, not 1 dollar."),
        ("£3 million", "3 million pounds"),
        ("20 km at 10 km/h", "20 kilometers at 10 kilometers per hour"),
        ("1 kg, 25°C", "1 kilogram, 25 degrees Celsius"),
        ("3-5 days, 10–20 people", "3 to 5 days, 10 to 20 people"),
        ("Call 555-123-4567.", "Call 5 5 5, 1 2 3, 4 5 6 7."),
        ("a 16:9 screen", "a 16 to 9 screen"),
        ("1/2 cup, 24/7", "one half cup, 24/7"),
        ("See No. 5.", "See number 5."),
        ("Go to https://example.com/2024-01-02 now", "Go to example.com/2024-01-02 now"),
        ("50% of 1,234.56", "50% of 1,234.56"),
        ("version 2.1.0 at 192.168.1.1", "version 2.1.0 at 192.168.1.1"),
    ],
)
def test_english(written, said):
    assert spoken(written) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("0", "零"),
        ("10", "十"),
        ("101", "一百零一"),
        ("110", "一百一十"),
        ("1005", "一千零五"),
        ("10010", "一万零一十"),
        ("100000", "十万"),
        ("1,000,001", "一百万零一"),
        ("305000000", "三亿零五百万"),
        ("1200.50", "一千二百点五零"),
    ],
)
def test_chinese_numbers(number, said):
    assert chinese_number(number) == said


@given(st.integers(0, 10**16 - 1))
def test_chinese_numbers_can_be_read_back(value):
    total = group = digit = 0
    for character in chinese_number(str(value)):
        if character in "零一二三四五六七八九":
            digit = "零一二三四五六七八九".index(character)
        elif character in "十百千":
            group += (digit or (1 if character == "十" else 0)) * {"十": 10, "百": 100, "千": 1000}[character]
            digit = 0
        elif character == "万":
            total, group, digit = total + (group + digit) * 10_000, 0, 0
        else:
            total, group, digit = (total + group + digit) * 10**8, 0, 0
    assert total + group + digit == value


@given(st.text(st.sampled_from("0123456789.,:/-~%$￥年月日号个km ℃到第和a，。"), max_size=40))
def test_any_numbers_are_said_without_failing(text):
    said = spoken(text)
    assert spoken(text) == said
    assert said or not text


@given(st.text(max_size=60).filter(lambda text: not re.search(r"\d|://", text)))
def test_text_without_numbers_stays(text):
    assert spoken(text) == text
