"""Shared styles: density, boxes, small HTML parts."""

from typing import Any

import panel as pn
import panel_material_ui as pmui

from rustpbx_lab.plots.theme import FONT, Palette

BOX = {
    "background": "var(--lab-surface)",
    "border": "1px solid var(--lab-border)",
    "border-radius": "5px",
    "overflow": "hidden",
}

# the theme colours the same element, and is later when it changes
BASE_CSS = """
:host{font-family:var(--lab-font);color:var(--lab-text) !important;font-size:12px;
  line-height:1.35}
*{box-sizing:border-box}
.m{font-family:var(--lab-mono);font-size:.94em;letter-spacing:-.02em}
.mu{color:var(--lab-muted)}
b{font-weight:700}
.head{display:flex;align-items:center;gap:10px;height:30px;padding:0 12px;
  font-weight:700;font-size:12.5px;white-space:nowrap}
.head .sub{font-weight:400;font-size:11px;color:var(--lab-muted)}
.sp{flex:1}
.icon{font-family:'Material Icons Outlined';font-feature-settings:'liga';
  font-weight:400;line-height:1;letter-spacing:normal;text-transform:none}
"""

NOTE_CSS = """
.w{display:flex;gap:6px;font-size:11px;line-height:15px;padding:4px 7px;
  border-radius:3px;overflow-wrap:anywhere}
.w+.w{margin-top:4px}
.w.warning{background:var(--lab-warning-tint);color:var(--lab-warning-ink)}
.w.info{background:var(--lab-raised);color:var(--lab-muted)}
.w.error{background:var(--lab-error-tint);color:var(--lab-error-ink)}
.w i{font-style:normal;flex:none}
"""

GLOBAL_CSS = """
body{margin:0;overflow:hidden}
.bk-Tooltip{opacity:1 !important;font-family:var(--lab-font);font-size:11.5px;
  line-height:1.45;border-radius:4px}
:focus-visible{outline:2px solid #1557B0;outline-offset:1px}
#loader:not(.error){background:none;pointer-events:none}
#loader.drawn:not(.error){display:none !important}
@media (prefers-reduced-motion:reduce){*{animation:none !important;
  transition:none !important}}
@media (max-width:1279px){html:not([data-lab-narrowed]){--lab-sidebar:hidden}}
"""

NARROW_CSS = "@media (max-width:899px){:host{min-width:0 !important}}"
"""For what may be as narrow as its page."""
STACK_CSS = (
    # what stands above gives way: lists without a row are useless
    ":host{min-height:240px !important;flex-shrink:0 !important}"
    "@media (max-height:719px){:host{min-height:186px !important}}"
    "@media (max-width:899px){:host{flex-wrap:wrap;height:auto !important;"
    "min-width:0 !important;min-height:540px !important}}"
)
STACKED_CSS = (
    "@media (max-width:899px){:host{min-width:0 !important;height:260px !important;"
    "flex:1 1 100% !important}}"
)
"""Boxes that stand beside each other on a wide page, and below on a narrow one."""
SCROLLED = {"overflow-x": "hidden", "overflow-y": "auto", "min-height": "0"}
"""Styles of what is scrolled if it does not fit."""
WIDE_ONLY_CSS = "@media (max-width:1399px){:host{display:none !important}}"
"""For what a narrow page has in its menus only."""
PLAIN_BUTTON_SX = {
    "height": "32px",
    "borderColor": "var(--lab-border)",
    "color": "var(--lab-text)",
    "whiteSpace": "nowrap",
}


def html(text: str, css: str = "", **options: Any) -> pn.pane.HTML:
    """Return a pane of HTML of our own; texts in it are escaped by who writes them."""
    options.setdefault("margin", 0)
    return pn.pane.HTML(text, stylesheets=[BASE_CSS + css], **options)


def theme_config(palette: Palette) -> dict[str, Any]:
    """Return the Material theme of a palette: dense, flat, in our colours."""
    return {
        "palette": {
            "primary": {"main": palette.accent, "contrastText": palette.on_accent},
            "error": {"main": palette.error, "contrastText": palette.on_error},
            "warning": {"main": palette.warning},
            "success": {"main": palette.vad},
            "background": {"default": palette.page, "paper": palette.surface},
            "text": {"primary": palette.text, "secondary": palette.muted},
            "divider": palette.border,
        },
        "typography": {
            "fontFamily": FONT,
            "fontSize": 12.5,
            "button": {
                "textTransform": "none",
                "fontWeight": 500,
                "letterSpacing": 0,
            },
        },
        "shape": {"borderRadius": 5},
        "components": _components(palette),
    }


def _components(palette: Palette) -> dict[str, Any]:
    """Return what Material's parts look like.

    Their colours are custom properties wherever that is possible: all parts change
    with one repaint, not one after the other as each is rendered again.
    """

    def hue(role: str) -> str:
        # a part outside of the page, such as a menu, may not see the properties
        return f"var(--lab-{role}, {getattr(palette, role)})"

    line = f"1px solid {hue('border')}"
    paper = {"backgroundColor": hue("surface"), "backgroundImage": "none"}
    flat = {"boxShadow": "none", "backgroundImage": "none"}
    faded, fill = _mixed(hue("text"), 42), _mixed(hue("text"), 12)
    off = {"&.Mui-disabled": {"color": faded, "borderColor": hue("border")}}
    return {
        "MuiToolbar": _root(
            minHeight="44px !important",
            paddingLeft="12px !important",
            paddingRight="8px !important",
        ),
        "MuiAppBar": _root(
            **flat,
            backgroundColor=f"{hue('surface')} !important",
            color=f"{hue('text')} !important",
            transition="none !important",
            borderBottom=line,
        ),
        "MuiDrawer": {
            "styleOverrides": {
                "paper": {**paper, "color": hue("text"), "borderRight": line}
            }
        },
        "MuiPaper": _root(**paper, color=hue("text"), transition="none"),
        "MuiToggleButton": _root(
            color=hue("text"), borderColor=hue("border"), transition="none", **off
        ),
        "MuiTypography": _root(color=hue("text")),
        "MuiButton": {
            "defaultProps": {"disableElevation": True, "disableRipple": True},
            **_root(
                fontSize="12.5px",
                lineHeight=1.4,
                padding="4px 10px",
                minWidth="0",
                transition="none",
                **off,
                **{"&.MuiButton-contained.Mui-disabled": {"backgroundColor": fill}},
            ),
        },
        "MuiOutlinedInput": {
            "defaultProps": {"notched": True},
            "styleOverrides": {
                "root": {
                    "fontSize": "12.5px",
                    "color": hue("text"),
                    # those of the page, unless the field is used or wrong
                    "&:not(.Mui-focused):not(.Mui-error):not(:hover) fieldset": {
                        "borderColor": _mixed(hue("text"), 25)
                    },
                    "&.Mui-disabled": {"color": faded},
                },
                "input": {
                    "padding": "6px 9px",
                    "&.Mui-disabled": {"WebkitTextFillColor": faded},
                },
            },
        },
        "MuiSelect": {
            "styleOverrides": {
                "select": {"minHeight": "0 !important"},
                "icon": {"color": hue("muted"), "&.Mui-disabled": {"color": faded}},
            }
        },
        "MuiInputLabel": {
            "defaultProps": {"shrink": True},  # or a placeholder is not seen
            **_root(fontSize="12.5px"),
        },
        "MuiFormLabel": _root(fontSize="12px", color=hue("muted")),
        "MuiIconButton": _root(
            color=hue("text"),
            **{"&.Mui-disabled": {"color": faded}},
        ),
        "MuiFormControlLabel": {
            "styleOverrides": {"label": {"&.Mui-disabled": {"color": faded}}}
        },
        "MuiFormHelperText": _root(margin="2px 2px 0", fontSize="11px"),
        "MuiAccordion": _root(
            **flat,
            borderBottom=f"1px solid {hue('hair')}",
            **{"&:before": {"display": "none"}},
        ),
        "MuiAccordionSummary": {
            "styleOverrides": {
                "root": {
                    "minHeight": "34px !important",
                    "padding": "0 10px 0 12px",
                },
                "content": {"margin": "6px 0 !important"},
                "expandIconWrapper": {"color": hue("muted")},
            }
        },
        "MuiSlider": {
            "styleOverrides": {
                "root": {"padding": "9px 0 !important", "height": "3px"},
                "thumb": {"width": "12px", "height": "12px", "boxShadow": "none"},
            }
        },
        "MuiTooltip": {
            "defaultProps": {
                "arrow": True,
                "enterDelay": 400,
                # the widgets ask for the right, where it would lie on the next button
                "disableInteractive": True,
                "slotProps": {"popper": {"placement": "top"}},
            }
        },
    }


def _mixed(colour: str, percent: int) -> str:
    """Return a colour that lets its ground through."""
    return f"color-mix(in srgb, {colour} {percent}%, transparent)"


def _root(**style: Any) -> dict[str, Any]:
    return {"styleOverrides": {"root": style}}


def stretched(css: str, margin: int | tuple[int, ...] = 0) -> dict[str, Any]:
    """Return the layout of a part that fills its page, with a style sheet."""
    return {"margin": margin, "sizing_mode": "stretch_both", "stylesheets": [css]}


def text_field(label: str, value: str, placeholder: str = "") -> pmui.TextInput:
    """Return a field of the sidebar to type in."""
    return pmui.TextInput(
        label=label,
        value=value,
        placeholder=placeholder,
        size="small",
        sizing_mode="stretch_width",
        margin=(6, 2, 4, 2),
    )


def select_field(label: str, options: list[str]) -> pmui.Select:
    """Return a field of the sidebar to choose in; the first option is chosen."""
    return pmui.Select(
        label=label,
        options=options,
        value=options[0],
        size="small",
        sizing_mode="stretch_width",
        margin=(6, 2, 4, 2),
    )
