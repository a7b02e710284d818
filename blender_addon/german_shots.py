"""German of shots and the storyboard."""

from __future__ import annotations

SHOTS = {
    "Shots": "Einstellungen des Films",
    "{count} shots": "{count} Einstellungen",
    "and {count} more": "und {count} weitere",
    "A shot begins where a marker binds a camera: go to its first frame, select the camera, "
    "and press Ctrl+B over the timeline.":
        "Eine Einstellung beginnt, wo ein Marker eine Kamera bindet: zu ihrem ersten Einzelbild gehen, die Kamera "
        "auswählen und über der Zeitleiste Strg+B drücken.",
    "No plate yet": "Noch keine Plate",
    "Prompt of this shot": "Prompt dieser Einstellung",
    "waits": "wartet",
    "{code}: see above": "{code}: siehe oben",
    "Generate {count} of {all}": "{count} von {all} erzeugen",
    "reading shot {number} of {count}: {shot}": "Einstellung {number} von {count} wird gelesen: {shot}",
    "drawing still {number} of {total}": "Standbild {number} von {total} wird gezeichnet",
    "Tick the shots that are to be made.": "Die Einstellungen ankreuzen, die erzeugt werden sollen.",
    "Say in the prompt above, or in that of each shot, what the place looks like.":
        "Im Prompt oben oder in dem jeder Einstellung sagen, wie der Ort aussieht.",
    "Make This Shot": "Diese Einstellung erzeugen",
    "Make a plate of this shot when the chosen ones are made":
        "Eine Plate dieser Einstellung erzeugen, wenn die angekreuzten erzeugt werden",
    "Prompt of the Shot": "Prompt der Einstellung",
    "What the place behind this shot looks like; empty takes the scene's prompt":
        "Wie der Ort hinter dieser Einstellung aussieht; leer nimmt den Prompt der Szene",
    "Seed of the Shot": "Startwert der Einstellung",
    "The seed of this shot's plate; -1 takes the scene's":
        "Der Startwert für die Plate dieser Einstellung; -1 nimmt den der Szene",
    "Plate of the Shot": "Plate der Einstellung",
    "Folder of the plate that was made last for this shot":
        "Ordner der Plate, die zuletzt für diese Einstellung entstand",
    "Storyboard": "Storyboard",
    "The storyboard that was drawn last for this scene": "Das Storyboard, das zuletzt für diese Szene gezeichnet wurde",
    "Generate Chosen": "Angekreuzte erzeugen",
    "Make a background plate of each shot that is ticked, one after another":
        "Von jeder angekreuzten Einstellung eine Hintergrund-Plate erzeugen, eine nach der anderen",
    "Names of shots with commas between them; empty makes those that are ticked":
        "Namen von Einstellungen mit Kommas dazwischen; leer erzeugt die angekreuzten",
    "Draw one still of each shot on a sheet, quickly, with the draft model; only what has changed is drawn again":
        "Von jeder Einstellung ein Standbild auf ein Blatt zeichnen, schnell, mit dem Entwurfsmodell; nur was sich "
        "geändert hat, wird neu gezeichnet",
    "Show Storyboard": "Storyboard zeigen",
    "Open the storyboard in an Image Editor of its own": "Das Storyboard in einem eigenen Bildeditor öffnen",
    "Tick Shots": "Einstellungen ankreuzen",
    "Tick all shots, or none": "Alle Einstellungen ankreuzen, oder keine",
    "Ticked": "Angekreuzt",
    "Tick all, or else none": "Alle ankreuzen, sonst keine",
    "Go to Shot": "Zur Einstellung gehen",
    "Go to the first frame of this shot": "Zum ersten Einzelbild dieser Einstellung gehen",
    "Frame": "Einzelbild",
    "The shot's first frame": "Das erste Einzelbild der Einstellung",
    "Show the plate of a shot behind the shot's own camera, in the shot's own frames":
        "Die Plate einer Einstellung hinter deren eigener Kamera zeigen, in deren eigenen Einzelbildern",
    "Shot": "Einstellung",
    "The name of the shot": "Der Name der Einstellung",
    "No camera is bound to a marker, so there are no shots.":
        "An keinen Marker ist eine Kamera gebunden, darum gibt es keine Einstellungen.",
    "Go to the frame where a shot begins, select its camera, and press Ctrl+B over the timeline.":
        "Zum Einzelbild gehen, wo eine Einstellung beginnt, ihre Kamera auswählen und über der Zeitleiste Strg+B "
        "drücken.",
    "No shot is ticked.": "Keine Einstellung ist angekreuzt.",
    "Tick those that are to be made.": "Die ankreuzen, die erzeugt werden sollen.",
    "Press Storyboard.": "Storyboard drücken.",
    "A storyboard is being drawn already.": "Ein Storyboard wird schon gezeichnet.",
    "Several shots cannot begin with one picture.": "Mehrere Einstellungen können nicht mit einem Bild beginnen.",
    "Choose another kind of first frame, or one shot alone.":
        "Eine andere Art von erstem Einzelbild wählen, oder eine Einstellung allein.",
    "The scene is not there any more.": "Die Szene ist nicht mehr da.",
    "Open its file again.": "Ihre Datei wieder öffnen.",
    "Make a plate of each shot: press Generate Chosen under Shots.":
        "Von jeder Einstellung eine Plate erzeugen: Angekreuzte erzeugen unter Einstellungen des Films drücken.",
}
