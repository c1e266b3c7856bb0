"""Which of the two teams in a film is which, and which goalkeeper is ours? Colours say, where they are clear.

The shirts of a film are told apart by their colours alone (`seeing/shirts.py`), and "home" is there the team that is
seen more. Which club that is, only the colours in `match.toml` say.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from touchline.spotting.fusion import fusion_table

CLUBS, SEEN = ("home", "away"), ("first", "second")
Lab = tuple[float, float, float]


@dataclass(frozen=True)
class Sides:
    """The teams by name: "home" and "away" are the club's, where `told_by` is "kits"; else "first" and "second".

    `names` are those of the teams that a spotting's `away_share` calls 0 and 1, empty where no two teams were told
    apart. `kits` holds the colours seen, "#rrggbb" by "home", "home_keeper" and so on. `ours` is our team's name.
    """

    names: tuple[str, ...] = ()
    kits: Mapping[str, str] = field(default_factory=dict)
    told_by: str | None = None
    ours: str | None = None

    def team_of(self, away_share: float) -> str | None:
        """Name of the team that acts; None where it is not known, or not surely."""
        low, high = fusion_table()["sides"]["unsure"]
        if not self.names or low <= away_share <= high:
            return None
        return self.names[0] if away_share < low else self.names[1]


def find_sides(seen: Mapping[str, str], kits: Mapping[str, str | None], our_keeper: str | None) -> Sides:
    """Compare what is seen with what the club wrote down; all colours are "#rrggbb".

    `seen` holds colours by the names that `seeing/sight.py` gives to shirts, `kits` those of `match.toml`.
    """
    if not {"home", "away"} <= set(seen):
        return Sides()
    is_home = first_is_home(seen, kits)
    names = SEEN if is_home is None else CLUBS if is_home else CLUBS[::-1]
    shirts = {shirt.replace(club, name).replace(" ", "_"): colour for club, name in zip(CLUBS, names, strict=True)
              for shirt, colour in seen.items() if shirt.startswith(club)}
    return Sides(names, shirts, None if is_home is None else "kits", our_team(our_keeper, names, kits, shirts))


def first_is_home(seen: Mapping[str, str], kits: Mapping[str, str | None]) -> bool | None:
    """Whether the team that is seen more wears the kit of the club's home team; None where it is not clear.

    Colours of keepers do not count: which team a keeper belongs to is seen less surely than the teams themselves.
    """
    known = [(club, colour) for club in CLUBS if (colour := kits.get(club))]
    as_named = sum(distance(seen[club], colour) for club, colour in known)
    exchanged = sum(distance(seen[_other(club)], colour) for club, colour in known)
    if not known or abs(exchanged - as_named) < fusion_table()["sides"]["clearly"] * len(known):
        return None
    return as_named < exchanged


def our_team(our_keeper: str | None, names: tuple[str, ...], kits: Mapping[str, str | None],
             shirts: Mapping[str, str]) -> str | None:
    """Name of the team whose keeper wears our keeper's colour: as the club's kits say, else as is seen."""
    if our_keeper is None:
        return None
    written = {name: kits.get(f"{name}_keeper") for name in names}
    return _wearer(our_keeper, written) or _wearer(our_keeper, {name: shirts.get(f"{name}_keeper") for name in names})


def _wearer(colour: str, keepers: Mapping[str, str | None]) -> str | None:
    table = fusion_table()["sides"]
    away = sorted((distance(colour, worn), name) for name, worn in keepers.items() if worn)
    if len(away) == 1:
        return away[0][1] if away[0][0] <= table["keeper_near"] else None
    is_clear = len(away) > 1 and away[0][0] <= table["keeper_likely"]
    return away[0][1] if is_clear and away[1][0] - away[0][0] >= table["keeper_clearly"] else None


def distance(one: str, other: str) -> float:
    """Between two colours "#rrggbb": in CIE Lab, lightness counts as the table says."""
    (light, *hues), (other_light, *other_hues) = _lab(one), _lab(other)
    return math.hypot(fusion_table()["sides"]["lightness"] * (light - other_light), *(
        first - second for first, second in zip(hues, other_hues, strict=True)))


def _other(club: str) -> str:
    return CLUBS[1 - CLUBS.index(club)]


def _lab(colour: str) -> Lab:
    """CIE Lab (D65) of sRGB, after IEC 61966-2-1 and CIE 15."""
    red, green, blue = (_linear(channel / 255) for channel in bytes.fromhex(colour[1:]))
    x = _cube_root((0.4124564 * red + 0.3575761 * green + 0.1804375 * blue) / 0.95047)
    y = _cube_root(0.2126729 * red + 0.7151522 * green + 0.0721750 * blue)
    z = _cube_root((0.0193339 * red + 0.1191920 * green + 0.9503041 * blue) / 1.08883)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def _cube_root(share: float) -> float:
    return math.cbrt(share) if share > (6 / 29) ** 3 else share / (3 * (6 / 29) ** 2) + 4 / 29
