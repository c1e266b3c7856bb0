"""How this match looks: colours, light and camera place, drawn once from the seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from touchline.simulator.held_out import between, is_held_out

Colour = tuple[int, int, int]
"""Blue, green, red, 0..255, as OpenCV wants them."""

KITS: dict[str, str] = {
    "Reds": "#c8102e",
    "Blues": "#1d428a",
    "Whites": "#f2f2f2",
    "Blacks": "#1c1c1c",
    "Yellows": "#f2c200",
    "Oranges": "#e8641b",
    "Skies": "#6cabdd",
    "Maroons": "#6c1d2e",
    "Purples": "#5b2c83",
    "Greens": "#0b6b3a",
}
HELD_OUT_KITS: dict[str, str] = {
    "Teals": "#0e8f8f",
    "Pinks": "#f08fb8",
    "Navies": "#101d42",
    "Limes": "#a6d608",
    "Golds": "#b98a2f",
    "Violets": "#9b6fd1",
}
"""Worn in held-out matches only."""
KEEPER_KITS = ("#f2c200", "#2fb36d", "#e83fa0", "#39d0d8", "#9aa0a6", "#ff7f2a")
REFEREE_KITS = ("#101010", "#e6e600", "#e05a8a")
SKINS = ("#f1c9a5", "#d9a066", "#a5673f", "#6b4226", "#e0ac7e")
HAIRS = ("#1a1410", "#3b2716", "#6b4a2b", "#b98d4f", "#0c0c0c")
DISTINCT = 150.0
"""Least distance in RGB between the colours of two kits, so that people can tell the sides apart."""


@dataclass(frozen=True, slots=True)
class Look:
    """Everything about the picture that a seed decides."""

    names: tuple[str, str]
    kits: tuple[str, str]
    shorts: tuple[str, str]
    keepers: tuple[str, str]
    referee: str
    skins: tuple[str, ...]
    hairs: tuple[str, ...]
    grass: tuple[Colour, Colour]
    light: float
    shadow: tuple[float, float]
    shadow_depth: float
    crowd: tuple[str, ...]
    crowd_fill: float
    camera_x_m: float
    camera_back_m: float
    camera_up_m: float
    zoom: float
    stripes: str


def look_for(seed: int) -> Look:
    """Draw a look; the same seed gives the same look at any picture size."""
    rng = np.random.default_rng([seed, 2])
    kits = HELD_OUT_KITS if is_held_out(seed) else KITS
    home, away = _distinct_pair(rng, tuple(kits.values()))
    keepers = _keepers(rng, (home, away))
    names = tuple(next(name for name, value in kits.items() if value == kit) for kit in (home, away))
    return Look(
        names=(names[0], names[1]),
        kits=(home, away),
        shorts=(_shorts(rng, home), _shorts(rng, away)),
        keepers=keepers,
        referee=_farthest(REFEREE_KITS, (home, away, *keepers)),
        skins=tuple(str(c) for c in rng.choice(SKINS, 25)),
        hairs=tuple(str(c) for c in rng.choice(HAIRS, 25)),
        grass=_grass(rng, seed),
        light=float(rng.uniform(0.86, 1.08)),
        shadow=(float(rng.uniform(-0.7, 0.7)), float(rng.uniform(-0.5, 0.6))),
        shadow_depth=float(rng.uniform(0.55, 0.78)),
        crowd=(home, home, away, "#d8d8d8", "#2b2b33", "#7a6a5a", "#3a5a8c", "#8c3a3a"),
        crowd_fill=float(rng.uniform(0.55, 0.97)),
        camera_x_m=between(rng, -4, 4, seed),
        camera_back_m=between(rng, 26, 40, seed),
        camera_up_m=between(rng, 13, 22, seed),
        zoom=between(rng, 0.88, 1.15, seed),
        stripes=str(rng.choice(["across", "across", "check", "plain"])),
    )


def bgr(colour: str, light: float = 1.0) -> Colour:
    """Turn "#rrggbb" into OpenCV's order, brighter or darker by `light`."""
    red, green, blue = (min(255, round(int(colour[i : i + 2], 16) * light)) for i in (1, 3, 5))
    return blue, green, red


def _distance(one: str, other: str) -> float:
    return float(np.linalg.norm(np.subtract(bgr(one), bgr(other)).astype(float)))


def _distinct_pair(rng: np.random.Generator, colours: tuple[str, ...]) -> tuple[str, str]:
    while True:
        one, other = (str(c) for c in rng.choice(colours, 2, replace=False))
        if _distance(one, other) > DISTINCT:
            return one, other


def _keepers(rng: np.random.Generator, kits: tuple[str, str]) -> tuple[str, str]:
    free = [c for c in KEEPER_KITS if min(_distance(c, kit) for kit in kits) > 90]
    one, other = (str(c) for c in rng.choice(free, 2, replace=False))
    return one, other


def _farthest(colours: tuple[str, ...], others: tuple[str, ...]) -> str:
    return max(colours, key=lambda colour: min(_distance(colour, other) for other in others))


def _shorts(rng: np.random.Generator, kit: str) -> str:
    return str(rng.choice([kit, "#f4f4f4", "#15151a"]))


def _grass(rng: np.random.Generator, seed: int) -> tuple[Colour, Colour]:
    """Two neighbouring shades of green."""
    base = np.array([between(rng, *span, seed) for span in ((38, 62), (105, 140), (50, 88))])
    step = rng.uniform(1.05, 1.16)
    light, dark = base * step, base / step
    return (int(light[0]), int(light[1]), int(light[2])), (int(dark[0]), int(dark[1]), int(dark[2]))
