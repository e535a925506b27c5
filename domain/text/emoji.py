"""Emoji that are made of several code points yet read as one sign.

The table is a digest of the Unicode Consortium's emoji-test.txt 15.0 (Unicode licence). It names
the sequences that exist (RGI) rather than their grammar: by the grammar any number of emoji could
be joined into one, and a text of any length would weigh two.
"""

import re
from typing import Final

from domain.text.characters import of_ranges

_SINGLE: Final = """
A9 AE 203C 2049 2122 2139 2194-2199 21A9-21AA 231A-231B 2328 23CF 23E9-23F3 23F8-23FA 24C2
25AA-25AB 25B6 25C0 25FB-25FE 2600-2604 260E 2611 2614-2615 2618 261D 2620 2622-2623 2626 262A
262E-262F 2638-263A 2640 2642 2648-2653 265F-2660 2663 2665-2666 2668 267B 267E-267F 2692-2697
2699 269B-269C 26A0-26A1 26A7 26AA-26AB 26B0-26B1 26BD-26BE 26C4-26C5 26C8 26CE-26CF 26D1
26D3-26D4 26E9-26EA 26F0-26F5 26F7-26FA 26FD 2702 2705 2708-270D 270F 2712 2714 2716 271D 2721
2728 2733-2734 2744 2747 274C 274E 2753-2755 2757 2763-2764 2795-2797 27A1 27B0 27BF 2934-2935
2B05-2B07 2B1B-2B1C 2B50 2B55 3030 303D 3297 3299 1F004 1F0CF 1F170-1F171 1F17E-1F17F 1F18E
1F191-1F19A 1F201-1F202 1F21A 1F22F 1F232-1F23A 1F250-1F251 1F300-1F321 1F324-1F393 1F396-1F397
1F399-1F39B 1F39E-1F3F0 1F3F3-1F3F5 1F3F7-1F4FD 1F4FF-1F53D 1F549-1F54E 1F550-1F567 1F56F-1F570
1F573-1F57A 1F587 1F58A-1F58D 1F590 1F595-1F596 1F5A4-1F5A5 1F5A8 1F5B1-1F5B2 1F5BC 1F5C2-1F5C4
1F5D1-1F5D3 1F5DC-1F5DE 1F5E1 1F5E3 1F5E8 1F5EF 1F5F3 1F5FA-1F64F 1F680-1F6C5 1F6CB-1F6D2
1F6D5-1F6D7 1F6DC-1F6E5 1F6E9 1F6EB-1F6EC 1F6F0 1F6F3-1F6FC 1F7E0-1F7EB 1F7F0 1F90C-1F93A
1F93C-1F945 1F947-1F9FF 1FA70-1FA7C 1FA80-1FA88 1FA90-1FABD 1FABF-1FAC5 1FACE-1FADB 1FAE0-1FAE8
1FAF0-1FAF8
"""

_TAKES_SKIN_TONE: Final = """
261D 26F9 270A-270D 1F385 1F3C2-1F3C4 1F3C7 1F3CA-1F3CC 1F442-1F443 1F446-1F450 1F466-1F469
1F46B-1F46E 1F470-1F478 1F47C 1F481-1F483 1F485-1F487 1F48F 1F491 1F4AA 1F574-1F575 1F57A 1F590
1F595-1F596 1F645-1F647 1F64B-1F64F 1F6A3 1F6B4-1F6B6 1F6C0 1F6CC 1F90C 1F90F 1F918-1F91F 1F926
1F930-1F939 1F93D-1F93E 1F977 1F9B5-1F9B6 1F9B8-1F9B9 1F9BB 1F9CD-1F9CF 1F9D1-1F9DD 1FAC3-1FAC5
1FAF0-1FAF8
"""

# What joins with what, without joiners, skin tones and variation selectors: each of the signs on
# the left may be followed by each of the groups on the right.
_JOINED: Final = (
    ("👨👩🧑", "⚕ ⚖ ✈ 🌾 🍳 🍼 🎓 🎤 🎨 🏫 🏭 💻 💼 🔧 🔬 🚀 🚒 🦯 🦰 🦱 🦲 🦳 🦼 🦽"),
    ("👨👩", "❤💋👨 ❤👨 🤝👨 👩👦👦 👩👧👦 👩👧👧 👩👦 👩👧 👦👦 👧👦 👧👧 👦 👧"),
    ("👨", "👨👦👦 👨👧👦 👨👧👧 👨👦 👨👧"),
    ("👩", "❤💋👩 ❤👩 🤝👩"),
    ("🧑", "❤💋🧑 ❤🧑 🤝🧑 🎄"),
    ("⛹🏃🏄🏊🏋🏌👮👯👰👱👳👷💁💂💆💇🕵🙅🙆🙇🙋🙍🙎🚣🚴🚵🚶🤦🤵🤷🤸🤹🤼🤽🤾", "♀ ♂"),
    ("🦸🦹🧍🧎🧏🧔🧖🧗🧘🧙🧚🧛🧜🧝🧞🧟", "♀ ♂"),
    ("❤", "🔥 🩹"),
    ("🏳", "🌈 ⚧"),
    ("🏴", "☠"),
    ("🐈🐦", "⬛"),
    ("🐕", "🦺"),
    ("🐻", "❄"),
    ("👁", "🗨"),
    ("😮", "💨"),
    ("😵", "💫"),
    ("😶", "🌫"),
    ("🫱", "🫲"),
)

_NATIONS: Final = ("gbeng", "gbsct", "gbwls")
_TAG: Final = 0xE0000
_TAGS_END: Final = chr(_TAG + 0x7F)

_JOINER: Final = "\u200d"
_SELECTOR: Final = "\ufe0f"
_KEYCAP: Final = "\u20e3"
_SKIN_TONES: Final = "\U0001f3fb-\U0001f3ff"
REGIONAL: Final = "\U0001f1e6-\U0001f1ff"


def _characters(ranges: str) -> str:
    """The characters of ranges written as hexadecimal numbers."""
    ends = (span.split("-") for span in ranges.split())
    return of_ranges((int(span[0], 16), int(span[-1], 16)) for span in ends)


EMOJI: Final = _characters(_SINGLE)
_BASES: Final = _characters(_TAKES_SKIN_TONE)


def _joined_pattern(heads: str, tails: str) -> str:
    # The style of each part is left open: texts carry selectors or not, whatever the table says.
    style = f"[{_SELECTOR}{_SKIN_TONES}]?"
    chains = [
        "".join(f"{_JOINER}{sign}{style}" for sign in tail)
        for tail in sorted(tails.split(), key=len, reverse=True)
    ]
    return f"[{heads}]{style}(?:{'|'.join(chains)})"


def _nation_pattern() -> str:
    tagged = ("".join(chr(_TAG + ord(letter)) for letter in nation) for nation in _NATIONS)
    return f"\U0001f3f4(?:{'|'.join(tagged)}){_TAGS_END}"


# Longest first: the first alternative that fits is the emoji.
SEQUENCE: Final = re.compile(
    "|".join(
        (
            *(_joined_pattern(heads, tails) for heads, tails in _JOINED),
            f"[{_BASES}][{_SKIN_TONES}]",
            f"[{EMOJI}]{_SELECTOR}",
            f"[#*0-9]{_SELECTOR}?{_KEYCAP}",
            f"[{REGIONAL}]{{2}}",
            _nation_pattern(),
        )
    )
)
_MARKS_OF_SEQUENCES: Final = re.compile(
    f"[{_JOINER}{_SELECTOR}{_KEYCAP}{_SKIN_TONES}{REGIONAL}{_TAGS_END}]"
)


def merge_sequences(text: str, stand_in: str) -> str:
    """The text with each emoji of several code points replaced by one character."""
    if not _MARKS_OF_SEQUENCES.search(text):
        return text
    return SEQUENCE.sub(stand_in, text)
