"""The buttons of a model that is not here: download it, after its size and its terms were read; cancel."""

import bpy
from bpy.props import BoolProperty, StringProperty

from platewright.errors import PlatewrightError, RequestError

from . import model_fetch, panel_models, preferences
from .operators import Outcome, refuse
from .translations import say
from .words import draw_text, shown

DIALOG_WIDTH = 460
OFFLINE = "Allow Online Access under System in Blender's preferences, or ask whoever keeps this machine."


class PLATEWRIGHT_OT_fetch_model(bpy.types.Operator):
    """Download this model's weights for the runtime, after its size and its terms are shown"""

    bl_idname = "platewright.fetch_model"
    bl_label = "Download Model"

    model: StringProperty(name="Model", description="Which model; empty is the chosen one", options={"SKIP_SAVE"})
    accept: BoolProperty(
        name="I Accept the Terms", description="The licence of the weights was read and is agreed to",
        options={"SKIP_SAVE"},
    )  # fmt: skip

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Outcome:
        self.model = self.model or context.scene.platewright.model
        return context.window_manager.invoke_props_dialog(self, width=DIALOG_WIDTH, confirm_text="Download")

    def draw(self, _context: bpy.types.Context) -> None:
        for line, icon in announced(panel_models.card_of(self.model), self.model):
            draw_text(self.layout, line, icon=icon)
        self.layout.prop(self, "accept")

    def execute(self, context: bpy.types.Context) -> Outcome:
        name = self.model or context.scene.platewright.model
        try:
            refuse_fetch(name, self.accept)
            fetch = model_fetch.start(name, panel_models.title_of(name), preferences.own_runtime())
        except PlatewrightError as error:
            return refuse(self, error)
        return refuse(self, fetch.error) if bpy.app.background and fetch.error else {"FINISHED"}


class PLATEWRIGHT_OT_cancel_fetch(bpy.types.Operator):
    """Stop the download; what has arrived is kept for the next one"""

    bl_idname = "platewright.cancel_fetch"
    bl_label = "Cancel"

    def execute(self, _context: bpy.types.Context) -> Outcome:
        if model_fetch.state.fetch:
            model_fetch.state.fetch.cancel()
        return {"FINISHED"}


def refuse_fetch(name: str, is_accepted: bool) -> None:
    """RequestError E_MODEL_UNKNOWN, E_OFFLINE, E_LICENCE, before anything is started."""
    if not panel_models.fetch_words(panel_models.card_of(name)):
        why = f"There is nothing to download for the model {name}."
        raise RequestError("E_MODEL_UNKNOWN", why, "Choose another one, or press Check in the preferences.")
    if not preferences.is_online():
        raise RequestError("E_OFFLINE", "Nothing is downloaded while Blender is offline.", OFFLINE)
    if not is_accepted:
        why = "The terms of this model are not accepted."
        raise RequestError("E_LICENCE", why, "Read them, and tick that they are accepted.")


def announced(card: panel_models.Card, name: str) -> list[tuple[str, str]]:
    """What a download would bring, before anybody agrees to it: sentences with icons."""
    from .installer import places

    folder = preferences.runtimes_folder()         # beside it lie the models
    free, size = places.free_bytes(folder) / 1e9, card.get("disk_gb")
    room = "Downloads about {size:.3g} GB; {free:.0f} GB are free."
    unknown = "Its size is known once it is asked for; {free:.0f} GB are free."
    is_tight = bool(size) and float(size or 0) > free
    words, icon = panel_models.commercial(card)
    rows = [
        (shown(str(card.get("title", name))), "IMPORT"),
        (say(room, size=size, free=free) if size else say(unknown, free=free), "ERROR" if is_tight else "DISK_DRIVE"),
        (f"{say(words)}. {card.get('licence', '')}", icon),
        (str(card.get("terms", "")), "BLANK1"),
    ]
    if card.get("territory"):
        rows.append((say(panel_models.NOT_IN, place=card["territory"]), "ERROR"))
    if not preferences.is_online():
        rows.append((say(OFFLINE), "INTERNET"))
    return [row for row in rows if row[0]]


register, unregister = bpy.utils.register_classes_factory((PLATEWRIGHT_OT_fetch_model, PLATEWRIGHT_OT_cancel_fetch))
