"""What the artist chooses, kept in the scene.

A scene arrives with a file from anywhere, and Blender's own bounds are not applied to what a file holds:
`operators.settings_of` clamps every value once more. Nothing here names a program to run.
"""

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from .provenance_choices import ask_again
from .translations import OWN

STEPS_MAX = 1000
GUIDANCE_MAX = 50.0
SEED_MAX = 2**31 - 1                               # what an integer field of Blender can hold
OVERSCAN_MAX = 1.0
TRIES_MAX = 8
PERCENT_MIN = 10

# From 4.5 a path must say that it understands `//`; before, none could say so and all did.
IS_RELATIVE = "is_path_supports_blend_relative" in bpy.types.Property.bl_rna.properties
PATH_OPTIONS = {"ANIMATABLE", *(["PATH_SUPPORTS_BLEND_RELATIVE"] if IS_RELATIVE else [])}

FORMATS = (
    ("exr", "OpenEXR", "Half float, scene-linear Rec.709"),
    ("png", "PNG", "8 bit sRGB, smaller"),
)
DEVICES = (
    ("auto", "Automatic", "The graphics card where there is one, else the processor"),
    ("cpu", "Processor", "Run on the processor even if there is a graphics card"),
    ("cuda", "CUDA", "Run on the first CUDA device or fail"),
    ("mps", "Metal", "Run on the Apple graphics processor or fail"),
)
MEMORY = (                                         # how a model shares the device, as the core names it
    ("auto", "Automatic", "As much on the device as has room there, by what the device has free"),
    ("full", "All on the Device", "The fastest: every part of the model is on the device"),
    ("model-offload", "Part by Part", "Each part is on the device while it works; the same pictures, a bit slower"),
    ("group-offload", "Block by Block", "The leanest with the same pictures: blocks come while they are needed"),
    ("fp8", "8 Bits, Float", "Weights rest in 8 bits of floating point: half the memory, and other pictures"),
    ("fp8-group-offload", "8 Bits, Float, Block by Block", "Both: the least memory, and other pictures"),
    ("int8", "8 Bits, Whole", "Weights rest in 8 bits of whole numbers: half the memory, and other pictures"),
    ("int8-group-offload", "8 Bits, Whole, Block by Block", "Both: the least memory, and other pictures"),
)
FIRST_FRAMES = (
    ("AUTO", "Automatic", "Made of the prompt where the model needs a picture to start from, else none"),
    ("PROMPT", "From the Prompt", "Made of the prompt by a text-to-image model, which knows a lens by words only"),
    ("RENDER", "Render of the Scene", "The scene's own picture, rendered meanwhile by another Blender"),
    ("FILE", "Picture", "A file that shows what the camera sees at its first frame"),
)


class PLATEWRIGHT_PG_scene(bpy.types.PropertyGroup):
    """How this scene's plate is to be made."""

    prompt: StringProperty(
        name="Prompt",
        description="What the place behind the scene looks like, in a few words",
    )
    negative: StringProperty(
        name="Negative",
        description="What should not be seen",
    )
    model: StringProperty(
        name="Model",
        description="The model that makes the plate",
        default="draft",
    )
    seed: IntProperty(
        name="Seed",
        description="The same seed gives the same plate; another seed gives another place",
        min=0,
        max=SEED_MAX,
    )
    is_seed_locked: BoolProperty(
        name="Lock Seed",
        description="Keep the seed: the same settings give the same plate. Otherwise each press draws another",
        default=True,
    )
    percent: IntProperty(
        name="Size",
        description="Size of the plate as a share of the render's; smaller is quicker",
        default=100,
        min=PERCENT_MIN,
        max=100,
        subtype="PERCENTAGE",
    )
    memory: EnumProperty(
        name="Memory",
        description="How a large model shares the graphics card's memory",
        items=MEMORY,
        default="auto",
    )
    steps: IntProperty(
        name="Steps",
        description="Sampling steps: more are slower and finer. 0 takes what the model recommends",
        min=0,
        max=STEPS_MAX,
    )
    use_guidance: BoolProperty(
        name="Own Guidance",
        description="Choose the guidance here instead of taking what the model recommends",
    )
    guidance: FloatProperty(
        name="Guidance",
        description="How strictly the prompt is followed",
        default=4.0,
        min=0.0,
        max=GUIDANCE_MAX,
    )
    format: EnumProperty(
        name="Format",
        description="File format of the frames",
        items=FORMATS,
        default="exr",
    )
    device: EnumProperty(
        name="Device",
        description="Where the model runs",
        translation_context=OWN,
        items=DEVICES,
        default="auto",
    )
    check: BoolProperty(
        name="Check",
        description="Measure how well the plate follows the camera, in pixels",
        default=True,
    )
    lock: BoolProperty(
        name="Lock",
        description="Correct the plate until it follows the camera, as far as its pictures allow",
        translation_context=OWN,
        default=True,
    )
    use_overscan: BoolProperty(
        name="Own Overscan",
        description="Choose the overscan here instead of taking what this model's drift asks for",
    )
    overscan: FloatProperty(
        name="Overscan",
        description="How much more than the camera's view is made, as a share of it, so that a lock uncovers no edge",
        default=0.1,
        min=0.0,
        max=OVERSCAN_MAX,
        subtype="FACTOR",
    )
    tries: IntProperty(
        name="Tries",
        description="Make so many plates, with one seed after the other; the one that follows best is shown",
        default=1,
        min=1,
        max=TRIES_MAX,
    )
    use_scene: BoolProperty(
        name="Scene Geometry",
        description="Let the scene's ground, sun and depth guide the plate, and measure it in the scene's own metres",
        default=True,
    )
    first_frame: EnumProperty(
        name="First Frame",
        description="The picture that the model starts from",
        items=FIRST_FRAMES,
        default="AUTO",
    )
    first_frame_file: StringProperty(
        name="Picture",
        description="What the camera sees at its first frame; a picture of `platewright still` says so itself",
        subtype="FILE_PATH",
        options=PATH_OPTIONS,
        update=ask_again("picture"),
    )
    use_painting: BoolProperty(
        name="Paint into a Plate",
        description="Keep frames that are there and let the model paint only where a mask is white",
    )
    painting_plate: StringProperty(
        name="Plate",
        description="Folder of the frames that stay, numbered like the scene's; a lock is left out with them",
        subtype="DIR_PATH",
        options=PATH_OPTIONS,
        update=ask_again("painting"),
    )
    painting_mask: StringProperty(
        name="Mask",
        description="One picture, or a folder of one per frame: white is painted, black stays bit for bit",
        subtype="FILE_PATH",
        options=PATH_OPTIONS,
        update=ask_again("painting"),
    )
    out: StringProperty(
        name="Folder",
        description="Folder that receives the plate's versions; empty takes the one in the preferences",
        subtype="DIR_PATH",
        options=PATH_OPTIONS,
    )
    plate_name: StringProperty(
        name="Name",
        description="Name of the plate; {camera} and {scene} are filled in. Empty takes the camera's",
    )
    plate: StringProperty(
        name="Plate",
        description="Folder of the plate that was made last for this scene",
        subtype="DIR_PATH",
        options=PATH_OPTIONS,
    )


def register() -> None:
    bpy.utils.register_class(PLATEWRIGHT_PG_scene)
    bpy.types.Scene.platewright = PointerProperty(type=PLATEWRIGHT_PG_scene)


def unregister() -> None:
    del bpy.types.Scene.platewright
    bpy.utils.unregister_class(PLATEWRIGHT_PG_scene)
